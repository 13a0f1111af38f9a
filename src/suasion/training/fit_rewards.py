"""Fitting RM (Bradley-Terry on pairs) and judge (yes against no on verdicts), and calibrating RM."""

import math
import random
import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from suasion.config import FitConfig, RewardModelConfig
from suasion.data.examples import Pair, Verdict
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.policy.contexts import Group
from suasion.policy.trees import Tree, branch, lay_out
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import Calibration, RewardModel
from suasion.training.progress import Progress


def bradley_terry(chosen: Tensor, rejected: Tensor, centring: float = 0.0) -> Tensor:
    """-log sigmoid(r_c - r_r), plus TRL's centring term (r_c + r_r)^2; (B,), (B,) -> ()."""
    return (-logsigmoid(chosen - rejected) + centring * (chosen + rejected).square()).mean()


def fit_reward_model(
    model: RewardModel, pairs: Sequence[Pair], config: RewardModelConfig, seed: int
) -> list[float]:
    """Train the reward adapter and head on pairs; returns the loss per step."""
    backbone = model.backbone
    trees = [
        branch(
            backbone.context(pair.dialogue, model.pack),
            [backbone.reply_tokens(t) for t in (pair.chosen, pair.rejected)],
        )
        for pair in pairs
    ]

    def loss(indices: list[int]) -> Tensor:
        batch = lay_out([trees[i] for i in indices])
        values = model.role.read(backbone.encode(batch))
        ends = torch.tensor([[span.stop - 1 for span in spans[1:]] for spans in batch.spans])
        scores = values.gather(1, ends.to(values.device))  # (B, 2): chosen, rejected
        return bradley_terry(scores[:, 0], scores[:, 1], config.centring)

    with backbone.role(model.role.name, train=True), Progress("reward model") as progress:
        return _fit(model.role.parameters(), trees, loss, config, seed, progress)


def fit_judge(judge: LocalJudge, verdicts: Sequence[Verdict], config: FitConfig, seed: int) -> list[float]:
    """Train the judge's adapter on all verdicts of a reply at once; returns the loss per step."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    asked: dict[str, tuple[Dialogue, list[float]]] = {}
    for entry in verdicts:
        _, labels = asked.setdefault(dump_dialogue(entry.dialogue), (entry.dialogue, [math.nan] * len(names)))
        labels[names.index(entry.criterion)] = float(entry.verdict)
    backbone = judge.backbone
    trees, targets = [], []
    for dialogue, labels in asked.values():
        reply = tuple(backbone.reply_tokens(dialogue.reply or ""))
        trees.append(judge.tree(Group(tuple(backbone.context(dialogue, judge.pack)), (0,), (reply,))))
        targets.append(torch.tensor(labels, device=backbone.device))

    def loss(indices: list[int]) -> Tensor:
        odds = torch.cat(judge.answer_logits(lay_out([trees[i] for i in indices])))
        target = torch.stack([targets[i] for i in indices])
        known = ~target.isnan()  # a criterion that nobody judged teaches nothing
        return binary_cross_entropy_with_logits(odds[known], target[known])

    with backbone.role(judge.name, train=True), Progress("judge") as progress:
        return _fit(list(backbone.adapter(judge.name).values()), trees, loss, config, seed, progress)


def _fit(
    parameters: list[nn.Parameter],
    trees: Sequence[Tree],
    loss: Callable[[list[int]], Tensor],
    config: FitConfig,
    seed: int,
    progress: Progress,
) -> list[float]:
    """Adam with a linear schedule; micro-batches of two keep memory low, gradients are averaged."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    order = random.Random(seed)
    steps = [batch for _ in range(config.epochs) for batch in _shuffled(len(trees), config.batch_size, order)]
    optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
    rise = max(1, int(config.warmup * len(steps)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rise, (len(steps) - step) / max(1, len(steps) - rise))
    )
    losses = []
    for number, batch in enumerate(steps, start=1):
        total = 0.0
        for start in range(0, len(batch), 4):
            part = batch[start : start + 4]
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
