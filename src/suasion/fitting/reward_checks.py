"""What a reward model has learnt, and what it has learnt instead: figures to read before it is optimised."""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from scipy.stats import spearmanr
from torch import nn

from suasion.data.examples import Pair
from suasion.negotiation.dialogue import Dialogue
from suasion.policy.contexts import group
from suasion.policy.trees import branch
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.score import Source
from suasion.rewards.suite import Judge, RewardSuite

BINS = 5  # of confidence in a pair, from a coin's to certainty
FEWEST = 5  # replies on each side of a comparison


def pair_gaps(model: RewardModel, pairs: Sequence[Pair]) -> list[float]:
    """By how much each pair's chosen reply scores higher, before calibration."""
    replies = [pair.dialogue.with_reply(text) for pair in pairs for text in (pair.chosen, pair.rejected)]
    raw = model.raw(replies)
    return [better - worse for better, worse in zip(raw[::2], raw[1::2], strict=True)]


def pair_accuracy(pairs: Sequence[Pair], gaps: Sequence[float]) -> dict[str, float]:
    """Share of pairs whose chosen reply scores higher, per kind and over all."""
    right = [(pair.kind, gap > 0) for pair, gap in zip(pairs, gaps, strict=True)]
    kinds = sorted({kind for kind, _ in right})
    shares = {kind: statistics.mean(float(ok) for k, ok in right if k == kind) for kind in kinds}
    return shares | {"all": statistics.mean(float(ok) for _, ok in right)}


def examine(
    model: RewardModel,
    gaps: Sequence[float],
    said: Sequence[Dialogue],
    rules: RewardSuite,
    judge: Judge | None,
) -> dict[str, Any]:
    """Figures of a calibrated reward model on held-out pairs' gaps and on replies of the starting policy.

    calibration: a row a bin: how sure it was of a pair (0.5 to 1, sigmoid of the gap), and the share that it
    ordered rightly. length, rules, judge: Spearman's correlation of R_model with the reply's words, with
    E_func and with E_judge; None where one of them does not vary. gaps: by how much R_model is lower on
    replies that break a rule, for each rule that at least FEWEST break and FEWEST do not.
    """
    scores = model.score(said)
    readings = rules.score(said)
    broken = [{hit.name for hit in reading.scores[Source.RULES].evidence} for reading in readings]
    counts = Counter(name for names in broken for name in names)
    judged = [score.value for score in judge.score(said)] if judge else [None] * len(said)
    return {
        "calibration": calibration_curve(gaps),
        "length": rank_correlation(scores, [len((one.reply or "").split()) for one in said]),
        "rules": rank_correlation(scores, [reading.e_func for reading in readings]),
        "judge": rank_correlation(scores, judged),
        "gaps": {
            name: {"gap": _gap(scores, [name in names for names in broken]), "replies": count}
            for name, count in sorted(counts.items())
            if FEWEST <= count <= len(said) - FEWEST
        },
    }


def calibration_curve(gaps: Sequence[float]) -> list[dict[str, float]]:
    """Mean confidence and share ordered rightly of the pairs in each of BINS bins of confidence."""
    sure = [1 / (1 + math.exp(-min(abs(gap), 500))) for gap in gaps]
    found = []
    for number in range(BINS):
        low, high = 0.5 + 0.5 * number / BINS, 0.5 + 0.5 * (number + 1) / BINS
        inside = [i for i, one in enumerate(sure) if low <= one < high or (one == high == 1.0)]
        if inside:
            row = {"sure": statistics.mean(sure[i] for i in inside), "pairs": float(len(inside))}
            found.append(row | {"right": statistics.mean(float(gaps[i] > 0) for i in inside)})
    return found


def rank_correlation(scores: Sequence[float], others: Sequence[float | None]) -> float | None:
    """Spearman's, over what was read; None for fewer than FEWEST or where one side does not vary."""
    pairs = [(a, float(b)) for a, b in zip(scores, others, strict=True) if b is not None]
    if len(pairs) < FEWEST or any(len({pair[side] for pair in pairs}) == 1 for side in (0, 1)):
        return None
    return float(spearmanr([a for a, _ in pairs], [b for _, b in pairs]).statistic)


def _gap(scores: Sequence[float], hit: Sequence[bool]) -> float:
    """Mean score of the replies that are not hit, less that of those that are."""
    sides = [[s for s, on in zip(scores, hit, strict=True) if on is side] for side in (False, True)]
    return statistics.mean(sides[0]) - statistics.mean(sides[1])


def disagreement(model: RewardModel, head: nn.Linear, said: Sequence[Dialogue]) -> dict[str, float | None]:
    """How another head scores the same replies, each on its own scale of mean 0 and spread 1.

    disagreement: mean distance of the two scores. heads: their rank correlation.
    """
    groups = group(model.backbone, model.pack, said)
    states = torch.cat(model.role.states([branch(g.prompt, g.replies) for g in groups], model.budget)).float()
    with torch.no_grad():
        both = [one(states)[:, 0].cpu() for one in (model.role.head, head)]
    mine, other = ((one - one.mean()) / one.std(unbiased=False).clamp(min=1e-6) for one in both)
    return {
        "disagreement": float((mine - other).abs().mean()),
        "heads": rank_correlation(mine.tolist(), other.tolist()),
    }
