"""Direct preference optimisation (arXiv 2305.18290) of the policy adapter, against the model without it.

Adapter, rate, schedule and number of optimizer steps are the RL methods'; its data are preference pairs.
"""

import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from suasion.config import RunConfig
from suasion.data.examples import Pair
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.policy.trees import Tree, batches, branch
from suasion.running.progress import Progress
from suasion.training.checkpoint import POLICY
from suasion.training.experience import token_logprobs
from suasion.training.schedule import policy_rate
from suasion.training.validation import Validation

BETA = 0.1  # the paper's and TRL's default


def dpo_loss(policy: Tensor, reference: Tensor, beta: float = BETA) -> tuple[Tensor, Tensor]:
    """Loss and margin per pair, (N,) each, of log-probabilities (N, 2): of the chosen reply, of the rejected.

    margin: beta times how much more the policy prefers the chosen one than the reference does.
    """
    gain = policy - reference
    margin = beta * (gain[:, 0] - gain[:, 1])
    return -logsigmoid(margin), margin


def fit_dpo(
    backbone: Backbone, pairs: Sequence[Pair], pack: Pack, config: RunConfig, check: Validation, folder: Path
) -> list[dict[str, Any]]:
    """Train a new policy adapter on pairs; one record for each RL step's worth of optimizer steps.

    Afterwards the adapter is the one that did best on `check`, as with the RL methods.
    """
    settings = config.training
    per_record = settings.minibatches * settings.epochs
    backbone.add_adapter(POLICY)
    trees = [_tree(backbone, pair, pack) for pair in pairs]
    with torch.no_grad(), backbone.role(None):
        reference = _sums(backbone, trees, 2 * config.batch_tokens)
    parameters = list(backbone.adapter(POLICY).values())
    optimizer = torch.optim.AdamW(parameters, settings.learning_rate, weight_decay=0.0)
    drawn = _draws(len(trees), settings.steps * per_record, config.seed)
    records: list[dict[str, Any]] = []
    with Progress("dpo") as progress:
        for step in range(settings.steps):
            optimizer.param_groups[0]["lr"] = policy_rate(settings, step, 0)
            notes = []
            for part in drawn[step * per_record : (step + 1) * per_record]:
                notes.append(_learn(backbone, trees, reference, part, config))
                notes[-1]["policy_grad_norm"] = float(
                    nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
                )
                optimizer.step()
                optimizer.zero_grad()
            record: dict[str, Any] = {"step": step}
            record |= {key: statistics.mean(note[key] for note in notes) for key in notes[0]}
            if check.due(step):
                record["validation"] = check.measure()
            records.append(record)
            check.keep(folder, records)
            progress.at(step + 1, settings.steps, f"loss {record['loss']:.3f}")
    check.restore_best(folder, records)
    return records


def _learn(
    backbone: Backbone, trees: Sequence[Tree], reference: Tensor, part: Sequence[int], config: RunConfig
) -> dict[str, float]:
    """Accumulate the gradient of the mean loss over some pairs."""
    loss_sum, margins = 0.0, []
    with backbone.role(POLICY, train=True):
        for indices, layout in batches([trees[place] for place in part], config.batch_tokens):
            logs, _ = token_logprobs(backbone, layout, 1.0)
            places = [part[index] for index in indices]
            policy = _by_branch(logs.cpu(), [trees[place] for place in places])
            loss, margin = dpo_loss(policy, reference[places])
            (loss.sum() / len(part)).backward()
            loss_sum += float(loss.detach().sum())
            margins += margin.detach().tolist()
    return {
        "loss": loss_sum / len(part),
        "margin": statistics.mean(margins),
        "accuracy": statistics.mean(float(one > 0) for one in margins),
    }


def _tree(backbone: Backbone, pair: Pair, pack: Pack) -> Tree:
    replies = [backbone.reply_tokens(text) for text in (pair.chosen, pair.rejected)]
    return branch(backbone.context(pair.dialogue, pack), replies)


def _sums(backbone: Backbone, trees: Sequence[Tree], budget: int) -> Tensor:
    """Log-probability of each tree's two replies under the present role: (N, 2)."""
    out = torch.zeros(len(trees), 2)
    for indices, layout in batches(trees, budget):
        logs, _ = token_logprobs(backbone, layout, 1.0)
        out[indices] = _by_branch(logs.cpu(), [trees[index] for index in indices])
    return out


def _by_branch(logs: Tensor, trees: Sequence[Tree]) -> Tensor:
    """Sums of reply tokens' log-probabilities, tree by tree and branch by branch: (N,) -> (trees, 2)."""
    sizes = [len(segment.tokens) for tree in trees for segment in tree[1:]]
    return torch.stack([part.sum() for part in logs.split(sizes)]).view(len(trees), 2)


def _draws(pairs: int, steps: int, seed: int) -> list[list[int]]:
    """Indices of each step's pairs: none twice before all were seen."""
    size = max(1, pairs // steps)
    rng = random.Random(f"{seed}:dpo")
    order: list[int] = []
    while len(order) < size * steps:
        order += rng.sample(range(pairs), pairs)
    return [order[start : start + size] for start in range(0, size * steps, size)]
