"""Fitting RM (Bradley-Terry on pairs) and judge (yes against no on verdicts), and calibrating RM."""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from suasion.config import ProbeConfig, RewardModelConfig
from suasion.data.examples import Pair, Verdict
from suasion.fitting.linear_probe import fit_head
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.policy.contexts import group
from suasion.policy.heads import Reader, reply_states
from suasion.policy.processor import release_memory
from suasion.policy.trees import Tree, branch, lay_out
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import Calibration, RewardModel
from suasion.running.progress import Progress

MICRO = 2  # contexts in one forward pass with gradient: memory stays low
READ_TOKENS = 2600  # in one without
TRIM_EVERY = 16  # steps with an adapter; more often would cost time, and without it holes in memory add up


def bradley_terry(
    chosen: Tensor, rejected: Tensor, centring: float = 0.0, margin: float = 0.0, smoothing: float = 0.0
) -> Tensor:
    """-log sigmoid(r_c - r_r - margin), plus TRL's centring term (r_c + r_r)^2; (B,), (B,) -> ().

    smoothing: share of the pairs that are taken to be the wrong way round (cDPO's label noise).
    """
    gap = chosen - rejected - margin
    loss = -(1 - smoothing) * logsigmoid(gap) - smoothing * logsigmoid(-gap)
    return (loss + centring * (chosen + rejected).square()).mean()


Loss = Callable[[Sequence[int], Tensor], Tensor]  # of some trees and the head's numbers for their branches


def fit_reward_model(
    model: RewardModel, pairs: Sequence[Pair], config: RewardModelConfig, seed: int
) -> list[float]:
    """Fit the head on pairs, then adapter and head together; returns the loss after the head and per step."""
    trees, loss = _as_trees(model, pairs, config)
    with Progress("reward model") as progress:
        return _fit(model.role, trees, loss, config, seed, progress)


def second_head(model: RewardModel, pairs: Sequence[Pair], config: RewardModelConfig, seed: int) -> nn.Linear:
    """Another head on what the fitted model reads, from contexts drawn anew with replacement."""
    trees, loss = _as_trees(model, pairs, config)
    drawn = random.Random(f"{seed}:head").choices(range(len(trees)), k=len(trees))
    states = model.role.states(trees, READ_TOKENS)
    head = nn.Linear(model.role.head.in_features, 1).to(model.backbone.device)
    fit_head(head, torch.cat([states[i] for i in drawn]), lambda values: loss(drawn, values), config.decay)
    return head


def _as_trees(
    model: RewardModel, pairs: Sequence[Pair], config: RewardModelConfig
) -> tuple[list[Tree], Loss]:
    """The pairs' replies by context, and the loss of some of these trees."""
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

    def loss(indices: Sequence[int], values: Tensor) -> Tensor:
        """Bradley-Terry loss of the trees' values, (N, 1) in order."""
        chosen, rejected, start = [], [], 0
        for index in indices:
            chosen += [start + better for better, _ in places[index]]
            rejected += [start + worse for _, worse in places[index]]
            start += len(trees[index]) - 1
        settings = config.centring, config.margin, config.smoothing
        return bradley_terry(values[chosen, 0], values[rejected, 0], *settings)

    return trees, loss


def fit_judge(judge: LocalJudge, verdicts: Sequence[Verdict], config: ProbeConfig, seed: int) -> list[float]:
    """Fit the head on verdicts, then adapter and head together; returns the loss after the head and per step.

    A reply may have verdicts on some criteria only: the others teach nothing.
    """
    labelled = label_trees(judge, verdicts)
    targets = [part.targets for part in labelled]

    def loss(indices: Sequence[int], odds: Tensor) -> Tensor:
        return verdict_loss(torch.cat([targets[index] for index in indices], dim=1), odds)

    trees = [part.tree for part in labelled]
    with Progress("judge") as progress:
        return _fit(judge.role, trees, loss, config, seed, progress)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A context with its replies, and the verdicts on them.

    places: of the replies, among all in the order in which they first come.
    targets: (2, replies, C), whether the verdict is yes, and whether there is one.
    """

    tree: Tree
    places: tuple[int, ...]
    targets: Tensor


def label_trees(judge: LocalJudge, verdicts: Sequence[Verdict]) -> list[Labelled]:
    """The verdicts by context and reply, as the judge reads them."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    replies: dict[str, tuple[Dialogue, dict[int, bool]]] = {}
    for entry in verdicts:
        _, answers = replies.setdefault(dump_dialogue(entry.dialogue), (entry.dialogue, {}))
        answers[names.index(entry.criterion)] = entry.verdict
    labels = list(replies.values())
    found = []
    for context in group(judge.backbone, judge.pack, [dialogue for dialogue, _ in labels]):
        yes, said = (torch.zeros(len(context.places), len(names)) for _ in range(2))
        for row, place in enumerate(context.places):
            for criterion, verdict in labels[place][1].items():
                yes[row, criterion], said[row, criterion] = float(verdict), 1.0
        targets = torch.stack([yes, said]).to(judge.backbone.device)
        found.append(Labelled(branch(context.prompt, context.replies), context.places, targets))
    return found


def verdict_loss(targets: Tensor, odds: Tensor) -> Tensor:
    """Mean over the criteria of the mean cross-entropy of their verdicts; (2, N, C), (N, C) -> ()."""
    yes, said = targets
    each = binary_cross_entropy_with_logits(odds, yes, reduction="none") * said
    mean: Tensor = (each.sum(0) / said.sum(0).clamp(min=1)).mean()
    return mean


def _fit(
    role: Reader,
    trees: Sequence[Tree],
    loss: Loss,
    config: ProbeConfig,
    seed: int,
    progress: Progress,
) -> list[float]:
    """The head by L-BFGS on fixed states, then head and adapter by Adam on the mean of micro-batches.

    `loss` is of some trees and the head's numbers for their branches.
    """
    every = range(len(trees))
    states = torch.cat(role.states(trees, READ_TOKENS))
    losses = [fit_head(role.head, states, lambda values: loss(every, values), config.decay)]
    parameters, order = role.parameters(), random.Random(seed)
    for parameter in parameters:
        parameter.requires_grad_(True)
    steps = [batch for _ in range(config.epochs) for batch in _shuffled(len(trees), config.batch_size, order)]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    rise = max(1, int(config.warmup * len(steps)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (len(steps) - step) / max(1, len(steps) - rise))
    )
    with role.backbone.role(role.role, train=True):
        for number, batch in enumerate(steps, start=1):
            total = 0.0
            for start in range(0, len(batch), MICRO):
                part = batch[start : start + MICRO]
                layout = lay_out([trees[i] for i in part])
                found = role.read(reply_states(role.backbone.encode(layout), layout))
                value = loss(part, found) * (len(part) / len(batch))
                value.backward()
                total += float(value.detach())
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(total)
            if number % TRIM_EVERY == 0:
                release_memory()
            progress.at(number, len(steps), f"loss {statistics.mean(losses[-8:]):.3f}")
    return losses


def _shuffled(count: int, size: int, rng: random.Random) -> list[list[int]]:
    order = rng.sample(range(count), count)
    return [order[start : start + size] for start in range(0, count, size)]


def judge_agreement(judge: LocalJudge, verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Cohen's kappa and accuracy per criterion on held-out verdicts."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    said = judge_answers(judge, verdicts)
    return {name: agreement_of(said[name]) for name in names if name in said}


def judge_answers(judge: LocalJudge, verdicts: Sequence[Verdict]) -> dict[str, list[tuple[bool, bool]]]:
    """By criterion, for each verdict: whether the judge says yes, and whether it is one."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    replies = {dump_dialogue(entry.dialogue): entry.dialogue for entry in verdicts}
    rows = dict(zip(replies, judge.probabilities(list(replies.values())), strict=True))
    said: dict[str, list[tuple[bool, bool]]] = {}
    for one in verdicts:
        yes = rows[dump_dialogue(one.dialogue)][names.index(one.criterion)]
        said.setdefault(one.criterion, []).append((yes > 0.5, one.verdict))
    return said


def agreement_of(said: Sequence[tuple[bool, bool]]) -> dict[str, float]:
    """Accuracy and Cohen's kappa of what the judge says beside what is so."""
    agree = statistics.mean(float(a == b) for a, b in said)
    p, q = (statistics.mean(float(one[k]) for one in said) for k in (0, 1))
    chance = p * q + (1 - p) * (1 - q)
    return {"accuracy": agree, "kappa": (agree - chance) / (1 - chance) if chance < 1 else 0.0}


def calibrate(
    model: RewardModel, replies: Sequence[Sequence[Dialogue]], accuracy: float | None
) -> Calibration:
    """Zero and unit from the starting policy's own replies, the same number, 2 or more, to each context."""
    flat = [dialogue for group in replies for dialogue in group]
    raw = iter(model.raw(flat))
    scores = [[next(raw) for _ in group] for group in replies]
    everything = [value for group in scores for value in group]
    mean, spread = statistics.mean(everything), statistics.pstdev(everything)
    model.calibration = Calibration(
        mean=mean,
        scale=max(spread, 1e-3),
        context_share=_context_share(scores),
        negative_share=statistics.mean(float(value < mean) for value in everything),
        accuracy=accuracy,
    )
    return model.calibration


def _context_share(scores: Sequence[Sequence[float]]) -> float | None:
    """Share of the variance that lies between contexts: the intraclass correlation of one-way ANOVA.

    What the mean of a few replies varies by chance is taken off. None where there is nothing to compare.
    """
    copies = len(scores[0])
    if len(scores) < 2 or copies < 2:
        return None
    within = statistics.mean(statistics.variance(group) for group in scores)
    between = max(0.0, statistics.variance(statistics.mean(group) for group in scores) - within / copies)
    return between / (between + within) if between + within > 0 else None
