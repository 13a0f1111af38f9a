"""What must hold for REPO to count as better than SFT: gains, and no collapse behind them."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from suasion.evaluation.figures import Kind, show
from suasion.evaluation.metrics import (
    Arm,
    JudgedReply,
    bigrams,
    briefs_of,
    distinct_share,
    ticket_results,
    unique_share,
)
from suasion.evaluation.statistics import (
    Interval,
    half_sample_paired,
    mcnemar,
    paired_difference,
    paired_proportion_difference,
    paired_rate_difference,
)

SEED = 0  # of the half-samples: an interval is part of the criterion's definition
T = TypeVar("T")
PAIRED_T = "paired t interval, clustered by brief"
NEWCOMBE = "Newcombe's hybrid score interval for pairs; p is McNemar's, exact"
CLUSTERED = "the wider of Newcombe's interval for pairs and the paired t interval, clustered by {}"
HALF_SAMPLES = "half-sample interval over pairs"


@dataclass(frozen=True, slots=True)
class Margins:
    """What REPO has to keep of SFT's, or may lose, before it counts as a collapse."""

    task_success: float = 0.8  # of SFT's: of low rates a few points are a collapse already
    response: float = 0.8  # of SFT's
    distinct_2: float = 0.8  # of SFT's
    unique: float = 0.8  # of SFT's
    fluency: float = 0.02  # nats per token that the estimate may fall
    fluency_noise: float = 0.15  # nats per token that its interval may reach down to
    length: float = 0.30  # of SFT's mean length, either way


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold; `met` is None where there is nothing to measure it on."""

    key: str
    name: str
    requirement: str
    group: Literal["gain", "no collapse"]
    kind: Kind  # of before and after
    method: str
    met: bool | None = None
    before: float | None = None  # SFT
    after: float | None = None  # REPO
    change: Interval | None = None  # over pairs: REPO - SFT, or REPO / SFT where change_kind is "ratio"
    change_kind: Kind = "reward"
    wanted: Literal["above", "below", "between"] = "above"  # where the change has to lie
    limits: tuple[float, ...] = ()  # of what is wanted
    p_value: float | None = None

    @property
    def figure(self) -> str:
        if self.met is None:
            return "not measured"
        return f"{show(self.before, self.kind)} → {show(self.after, self.kind)}"


def reward(sft: Arm, repo: Arm) -> Criterion:
    row = Criterion(
        "r_total",
        "mean R_total higher",
        "95 % interval of the paired difference above 0",
        "gain",
        "reward",
        PAIRED_T,
    )
    before, after, briefs = _read_pairs(sft, repo, lambda reply: reply.r_total)
    if not before:
        return row
    change = paired_difference(before, after, briefs)
    met = change.low is not None and change.low > 0
    return _filled(row, met, _mean(before), _mean(after), change, "reward", (0.0,))


def violations(sft: Arm, repo: Arm) -> Criterion:
    row = Criterion(
        "violations",
        "fewer rule violations on held-out contexts",
        "fewer per 100 replies",
        "gain",
        "rate",
        PAIRED_T,
        wanted="below",
    )
    before, after, briefs = _read_pairs(sft, repo, lambda reply: reply.violations, 100)
    if not before:
        return row
    change = paired_difference(before, after, briefs)
    return _filled(row, change.estimate < 0, _mean(before), _mean(after), change, "rate", (0.0,))


def negotiation_violations(sft: Arm, repo: Arm) -> Criterion:
    row = Criterion(
        "negotiation_violations",
        "fewer rule violations in negotiations",
        "fewer per 100 replies",
        "gain",
        "rate",
        "linearised ratio over paired negotiations",
        wanted="below",
    )
    if not (sum(sft.negotiation_replies) and sum(repo.negotiation_replies)):
        return row
    old, new = _rates(sft), _rates(repo)
    change = paired_rate_difference(old, new)
    before, after = sum(old[0]) / sum(old[1]), sum(new[0]) / sum(new[1])
    return _filled(row, change.estimate < 0, before, after, change, "rate", (0.0,))


def task_success(sft: Arm, repo: Arm, floor: float) -> Criterion:
    row = Criterion(
        "task_success",
        "task success not lower",
        _at_least(floor),
        "no collapse",
        "share",
        CLUSTERED.format("negotiation"),
    )
    before, after = ticket_results(sft.negotiations), ticket_results(repo.negotiations)
    return _not_lower(
        row,
        [result.success for result in before],
        [result.success for result in after],
        floor,
        [result.negotiation for result in before],
    )


def response(sft: Arm, repo: Arm, floor: float) -> Criterion:
    row = Criterion("response", "response rate not lower", _at_least(floor), "no collapse", "share", NEWCOMBE)
    before, after = (
        [talk.outcome.responded for talk in arm.negotiations if talk.outcome] for arm in (sft, repo)
    )
    return _not_lower(row, before, after, floor)


def distinct_2(sft: Arm, repo: Arm, floor: float) -> Criterion:
    row = Criterion("distinct_2", "distinct-2 kept", _at_least(floor), "no collapse", "share", HALF_SAMPLES)
    before, after = [bigrams(r.text) for r in sft.replies], [bigrams(r.text) for r in repo.replies]
    return _kept(row, distinct_share, before, after, floor)


def unique(sft: Arm, repo: Arm, floor: float) -> Criterion:
    row = Criterion("unique", "unique replies kept", _at_least(floor), "no collapse", "share", HALF_SAMPLES)
    return _kept(row, unique_share, [r.text for r in sft.replies], [r.text for r in repo.replies], floor)


def fluency(sft: Arm, repo: Arm, margin: float, noise: float) -> Criterion:
    """Not lower: the estimate says so, or it is told apart neither from 0 nor, by much noise, from a loss."""
    rule = f"difference at least −{margin:g} nats, or its interval holds 0 and nothing below −{noise:g}"
    row = Criterion("fluency", "fluency not lower", rule, "no collapse", "nats", PAIRED_T)
    before, after, briefs = _read_pairs(sft, repo, lambda reply: reply.fluency)
    if not before:
        return row
    change = paired_difference(before, after, briefs)
    near = change.low is not None and change.high is not None and change.low >= -noise and change.high >= 0
    met = change.estimate >= -margin or near
    return _filled(row, met, _mean(before), _mean(after), change, "nats", (-margin,))


def length(sft: Arm, repo: Arm, margin: float) -> Criterion:
    rule = f"mean tokens within {margin:.0%} of SFT's".replace("%", " %")
    row = Criterion("length", "length kept", rule, "no collapse", "count", HALF_SAMPLES, wanted="between")
    before, after = [float(r.tokens) for r in sft.replies], [float(r.tokens) for r in repo.replies]
    if not before or not sum(before):
        return row
    change = half_sample_paired(lambda old, new: _ratio(_mean(new), _mean(old)), before, after, SEED)
    met = 1 - margin <= change.estimate <= 1 + margin
    return _filled(row, met, _mean(before), _mean(after), change, "ratio", (1 - margin, 1 + margin))


def required_acts(sft: Arm, repo: Arm) -> Criterion:
    row = Criterion(
        "required_acts",
        "stage-required acts kept",
        "share at least SFT's",
        "no collapse",
        "share",
        CLUSTERED.format("brief"),
    )
    before, after = [r.required_acts for r in sft.replies], [r.required_acts for r in repo.replies]
    return _not_lower(row, before, after, 1.0, briefs_of(sft.replies))


def _not_lower(
    row: Criterion,
    before: list[bool],
    after: list[bool],
    floor: float,
    clusters: Sequence[Hashable] | None = None,
) -> Criterion:
    """REPO's share is at least `floor` of SFT's; the change is shown as their difference.

    Pairs of one cluster are no independent evidence, and McNemar's p would take them for that.
    """
    if not before:
        return row
    change, least = paired_proportion_difference(before, after), floor * sum(before)
    if clusters is not None:
        change = _wider(change, paired_difference(before, after, clusters))
    limit = (least - sum(before)) / len(before)
    filled = _filled(row, sum(after) >= least, _mean(before), _mean(after), change, "share", (limit,))
    return filled if clusters is not None else replace(filled, p_value=mcnemar(before, after))


def _wider(one: Interval, other: Interval) -> Interval:
    if other.low is None or other.high is None:
        return one
    if one.low is None or one.high is None or other.high - other.low > one.high - one.low:
        return replace(one, low=other.low, high=other.high)
    return one


def _kept(
    row: Criterion, share: Callable[[Sequence[T]], float], before: list[T], after: list[T], floor: float
) -> Criterion:
    """REPO's share over SFT's is at least `floor`."""
    if not before or not share(before):
        return row
    change = half_sample_paired(lambda old, new: _ratio(share(new), share(old)), before, after, SEED)
    return _filled(row, change.estimate >= floor, share(before), share(after), change, "ratio", (floor,))


def _filled(
    row: Criterion,
    met: bool,
    before: float,
    after: float,
    change: Interval,
    change_kind: Kind,
    limits: tuple[float, ...],
) -> Criterion:
    return replace(
        row, met=met, before=before, after=after, change=change, change_kind=change_kind, limits=limits
    )


def _read_pairs(
    sft: Arm, repo: Arm, value: Callable[[JudgedReply], float | None], scale: float = 1.0
) -> tuple[list[float], list[float], list[str]]:
    """Readings of both arms where both have one, and the brief of each pair."""
    before, after, read = [], [], []
    for a, b in zip(sft.replies, repo.replies, strict=True):
        x, y = value(a), value(b)
        if x is not None and y is not None:
            before.append(x * scale)
            after.append(y * scale)
            read.append(a)
    return before, after, briefs_of(read)


def _rates(arm: Arm) -> tuple[list[float], list[float]]:
    return [100.0 * count for count in arm.negotiation_violations], [
        float(n) for n in arm.negotiation_replies
    ]


def _at_least(floor: float) -> str:
    return f"at least {floor:g} of SFT's"


def _ratio(over: float, under: float) -> float:
    return over / under if under else 1.0  # a half without any word pair has nothing to compare


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
