"""Fitting RM (Bradley-Terry on pairs) and judge (yes against no on verdicts), and calibrating RM."""

import random
import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from suasion.config import FitConfig, RewardModelConfig
from suasion.data.examples import Pair, Verdict
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.policy.contexts import group
from suasion.policy.trees import branch, lay_out
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import Calibration, RewardModel
from suasion.training.progress import Progress

MICRO = 2  # contexts in one forward pass: memory stays low


def bradley_terry(chosen: Tensor, rejected: Tensor, centring: float = 0.0) -> Tensor:
    """-log sigmoid(r_c - r_r), plus TRL's centring term (r_c + r_r)^2; (B,), (B,) -> ()."""
    return (-logsigmoid(chosen - rejected) + centring * (chosen + rejected).square()).mean()


def fit_reward_model(
    model: RewardModel, pairs: Sequence[Pair], config: RewardModelConfig, seed: int
) -> list[float]:
    """Train the reward adapter and head on pairs; returns the loss per step."""
    backbone = model.backbone
    of_context: dict[str, list[Pair]] = {}
    for pair in pairs:
        of_context.setdefault(dump_dialogue(pair.dialogue), []).append(pair)
    trees, places = [], []
    for found in of_context.values():  # replies of one context share its prompt
        texts = sorted({text for pair in found for text in (pair.chosen, pair.rejected)})
        context = backbone.context(found[0].dialogue, model.pack)
        trees.append(branch(context, [backbone.reply_tokens(text) for text in texts]))
        places.append([(texts.index(pair.chosen), texts.index(pair.rejected)) for pair in found])

    def loss(indices: list[int]) -> Tensor:
        batch = lay_out([trees[i] for i in indices])
        values = model.role.read(backbone.encode(batch))
        chosen, rejected = [], []
        for row, index in enumerate(indices):
            ends = [span.stop - 1 for span in batch.spans[row][1:]]
            chosen += [values[row, ends[better]] for better, _ in places[index]]
            rejected += [values[row, ends[worse]] for _, worse in places[index]]
        return bradley_terry(torch.stack(chosen), torch.stack(rejected), config.centring)

    with backbone.role(model.role.name, train=True), Progress("reward model") as progress:
        return _fit(model.role.parameters(), len(trees), loss, config, seed, progress)


def fit_judge(judge: LocalJudge, verdicts: Sequence[Verdict], config: FitConfig, seed: int) -> list[float]:
    """Train the judge's adapter and reading, a context's verdicts together; returns the loss per step."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    backbone, device = judge.backbone, judge.backbone.device
    replies: dict[str, tuple[Dialogue, dict[int, bool]]] = {}
    for entry in verdicts:
        _, answers = replies.setdefault(dump_dialogue(entry.dialogue), (entry.dialogue, {}))
        answers[names.index(entry.criterion)] = entry.verdict
    labels = list(replies.values())
    trees, criteria, targets = [], [], []
    for found in group(backbone, judge.pack, [dialogue for dialogue, _ in labels]):
        known = [labels[place][1] for place in found.places]
        trees.append(judge.tree(found, [list(answers) for answers in known]))
        criteria.append(torch.tensor([index for answers in known for index in answers], device=device))
        targets.append(
            torch.tensor([float(yes) for answers in known for yes in answers.values()], device=device)
        )

    def odds(indices: list[int]) -> Tensor:
        batch = lay_out([trees[i] for i in indices])
        return torch.cat(judge.read(batch, [trees[i] for i in indices], [criteria[i] for i in indices]))

    def loss(indices: list[int]) -> Tensor:
        return binary_cross_entropy_with_logits(odds(indices), torch.cat([targets[i] for i in indices]))

    with backbone.role(judge.name, train=True), Progress("judge") as progress:
        judge.start_from_shares(torch.cat(criteria), torch.cat(targets))
        return _fit(judge.parameters(), len(trees), loss, config, seed, progress)


def _fit(
    parameters: list[nn.Parameter],
    count: int,
    loss: Callable[[list[int]], Tensor],
    config: FitConfig,
    seed: int,
    progress: Progress,
) -> list[float]:
    """Adam with a linear schedule; gradients of micro-batches are averaged."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    order = random.Random(seed)
    steps = [batch for _ in range(config.epochs) for batch in _shuffled(count, config.batch_size, order)]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    rise = max(1, int(config.warmup * len(steps)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (len(steps) - step) / max(1, len(steps) - rise))
    )
    losses = []
    for number, batch in enumerate(steps, start=1):
        total = 0.0
        for start in range(0, len(batch), MICRO):
            part = batch[start : start + MICRO]
            value = loss(part) * (len(part) / len(batch))
            value.backward()
            total += float(value.detach())
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(total)
        progress.at(number, len(steps), f"loss {statistics.mean(losses[-8:]):.3f}")
    return losses


def _shuffled(count: int, size: int, rng: random.Random) -> list[list[int]]:
    order = rng.sample(range(count), count)
    return [order[start : start + size] for start in range(0, count, size)]


def pair_accuracy(model: RewardModel, pairs: Sequence[Pair]) -> dict[str, float]:
    """Share of pairs whose chosen reply scores higher, per kind and over all."""
    dialogues = [pair.dialogue.with_reply(text) for pair in pairs for text in (pair.chosen, pair.rejected)]
    raw = model.raw(dialogues)
    right = [(pair.kind, raw[2 * i] > raw[2 * i + 1]) for i, pair in enumerate(pairs)]
    kinds = sorted({kind for kind, _ in right})
    shares = {kind: statistics.mean(float(ok) for k, ok in right if k == kind) for kind in kinds}
    return shares | {"all": statistics.mean(float(ok) for _, ok in right)}


def judge_agreement(judge: LocalJudge, verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Cohen's kappa and accuracy per criterion on held-out verdicts."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    replies = {dump_dialogue(entry.dialogue): entry.dialogue for entry in verdicts}
    rows = dict(zip(replies, judge.probabilities(list(replies.values())), strict=True))
    result = {}
    for index, name in enumerate(names):
        said = [
            (rows[dump_dialogue(v.dialogue)][index] > 0.5, v.verdict) for v in verdicts if v.criterion == name
        ]
        if said:
            agree = statistics.mean(float(a == b) for a, b in said)
            p, q = (statistics.mean(float(s[k]) for s in said) for k in (0, 1))
            chance = p * q + (1 - p) * (1 - q)
            result[name] = {
                "accuracy": agree,
                "kappa": (agree - chance) / (1 - chance) if chance < 1 else 0.0,
            }
    return result


def calibrate(
    model: RewardModel, replies: Sequence[Sequence[Dialogue]], accuracy: float | None
) -> Calibration:
    """Zero and unit from the starting policy's own replies, several to each context."""
    flat = [dialogue for group in replies for dialogue in group]
    raw = iter(model.raw(flat))
    scores = [[next(raw) for _ in group] for group in replies]
    everything = [value for group in scores for value in group]
    mean, spread = statistics.mean(everything), statistics.pstdev(everything)
    between = statistics.pvariance([statistics.mean(group) for group in scores])
    within = statistics.mean(statistics.pvariance(group) for group in scores)
    model.calibration = Calibration(
        mean=mean,
        scale=max(spread, 1e-3),
        context_share=between / (between + within) if between + within > 0 else None,
        negative_share=statistics.mean(float(value < mean) for value in everything),
        accuracy=accuracy,
    )
    return model.calibration
