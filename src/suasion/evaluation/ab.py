"""An A/B test between agents, randomised by hotel: what an experiment's log says, and what one would take."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scipy.stats import chisquare
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize, proportions_ztest

from suasion.errors import InputError
from suasion.evaluation.ab_log import Conversation, read_log
from suasion.evaluation.statistics import Difference, Rates, count_rate_interval, detectable, rate_difference

LEVEL = 0.05  # two-sided, of planning
SUSPICIOUS = 0.001  # p-value of the split below which something is wrong with the randomisation


@dataclass(frozen=True, slots=True)
class Measure:
    """What is seen in how much of one conversation: (count, exposure); None without the columns it needs."""

    of: Callable[[Conversation], tuple[float, float] | None]
    binary: bool = False  # a share of conversations
    per_100: bool = False


def _tickets(one: Conversation, tried: bool) -> tuple[float, float] | None:
    if one.tickets is None or one.tickets_won is None:
        return None
    return one.tickets_won, one.tickets * tried


MEASURES: Mapping[str, Measure] = {
    "response": Measure(lambda one: (one.responded, 1.0), binary=True),
    "success": Measure(lambda one: (one.success, 1.0), binary=True),
    "success_given_response": Measure(lambda one: (one.success, one.responded), binary=True),
    "ticket_success": Measure(lambda one: _tickets(one, True)),
    "ticket_success_given_response": Measure(lambda one: _tickets(one, one.responded)),
    "price_reduction": Measure(lambda one: None if one.reduction is None else (one.reduction, 1.0)),
    "violations": Measure(
        lambda one: (
            None if one.violations is None or one.replies is None else (one.violations, one.replies / 100)
        ),
        per_100=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Split:
    """Whether the hotels fell into the arms as they should.

    p_value: of the hotels' counts under the intended shares; mixed: hotels that were in several arms.
    """

    hotels: dict[str, int]
    p_value: float
    mixed: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return self.p_value >= SUSPICIOUS and not self.mixed


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure in both arms; the difference is treated - control. Rates in [0, 1], or per 100 replies.

    two_proportions: p of the plain z-test, as the paper's, which takes conversations of one hotel for
    independent; None where the measure is no share of conversations.
    detectable: the difference that a test of this size and spread would see with a power of 80 %.
    """

    control: float
    treated: float
    difference: Difference
    two_proportions: float | None = None
    detectable: float | None = None


def split_of(log: Iterable[Conversation], shares: Mapping[str, float]) -> Split:
    """How the hotels fell into the arms, against the shares (of any sum) that were meant."""
    arms: dict[str, set[str]] = {}
    for one in log:
        arms.setdefault(one.hotel, set()).add(one.arm)
    counts = Counter(arm for found in arms.values() for arm in found)
    total, whole = sum(counts[arm] for arm in shares), sum(shares.values())
    expected = [total * share / whole for share in shares.values()]
    tested = chisquare([counts[arm] for arm in shares], expected)
    mixed = tuple(sorted(hotel for hotel, found in arms.items() if len(found) > 1))
    return Split({arm: counts[arm] for arm in shares}, float(tested.pvalue), mixed)


def compare(
    log: Sequence[Conversation], control: str, treated: str, names: Collection[str] = tuple(MEASURES)
) -> dict[str, Comparison]:
    """Each of these MEASURES that the log has, with intervals clustered by hotel; one that nobody could reach
    is left out."""
    found = {}
    arms = [[one for one in log if one.arm == arm] for arm in (control, treated)]
    for name in names:
        measure = MEASURES[name]
        old, new = (_rates(arm, measure) for arm in arms)
        if sum(old.exposures) and sum(new.exposures):
            difference = rate_difference(old, new)
            found[name] = Comparison(
                control=count_rate_interval(old.counts, old.exposures, old.clusters).estimate,
                treated=count_rate_interval(new.counts, new.exposures, new.clusters).estimate,
                difference=difference,
                two_proportions=two_proportions(old, new) if measure.binary else None,
                detectable=detectable(difference.interval),
            )
    return found


def _rates(log: Sequence[Conversation], measure: Measure) -> Rates:
    read = [(one.hotel, cell) for one in log if (cell := measure.of(one)) is not None]
    return Rates([float(c) for _, (c, _) in read], [float(e) for _, (_, e) in read], [h for h, _ in read])


def two_proportions(old: Rates, new: Rates) -> float | None:
    """p of the pooled z-test on two shares; None where both are 0 or 1."""
    counts = [sum(old.counts), sum(new.counts)]
    trials = [sum(old.exposures), sum(new.exposures)]
    if sum(counts) in (0, sum(trials)):
        return None  # nothing differs, and the test divides by 0
    return float(proportions_ztest(counts, trials)[1])


def analyse(
    path: Path, control: str, shares: Mapping[str, float], segment: str | None = None
) -> dict[str, Any]:
    """Split and comparisons of a log, every arm against the control; as `suasion ab analyze` writes them.

    Raises InputError for a broken log, for an arm that it does not have, or that `shares` does not, and for a
    column `segment` that it does not have.
    """
    return analyse_log(read_log(path), control, shares, segment, str(path))


def analyse_log(
    log: Sequence[Conversation],
    control: str,
    shares: Mapping[str, float],
    segment: str | None = None,
    file: str | None = None,
) -> dict[str, Any]:
    """The same of conversations that were read, or held just now."""
    arms = sorted({one.arm for one in log})
    meant = dict(shares) or dict.fromkeys(arms, 1.0)
    for arm in {control, *meant} - set(arms):
        raise InputError(f"no conversation of arm {arm!r}; the log has {', '.join(arms)}", file, field="arm")
    for arm in set(arms) - set(meant):
        raise InputError(f"arm {arm!r} has no share; give one for each arm", file, field="arm")
    split = split_of(log, meant)
    treated = [arm for arm in meant if arm != control]
    found: dict[str, Any] = {
        "conversations": dict(Counter(one.arm for one in log)),
        "split": asdict(split) | {"sound": split.sound},
        "comparisons": {arm: _plain(compare(log, control, arm)) for arm in treated},
    }
    if segment is not None:
        found["segment"] = segment
        found["segments"] = {arm: _segments(log, control, arm, segment, file) for arm in treated}
    return found


def _segments(
    log: Sequence[Conversation], control: str, treated: str, column: str, file: str | None
) -> dict[str, Any]:
    """Comparisons within each value of a column; p of all of them together adjusted by Holm's method."""
    values = sorted({one.segment(column) or "" for one in log})
    if values == [""]:
        raise InputError("no line has this column", file, field=column)
    parts = {
        value: _plain(compare([one for one in log if (one.segment(column) or "") == value], control, treated))
        for value in values
    }
    tests = [
        (value, name, one["difference"]["p_value"])
        for value, measures in parts.items()
        for name, one in measures.items()
        if one["difference"]["p_value"] is not None
    ]
    adjusted = multipletests([p for _, _, p in tests], method="holm")[1] if tests else ()
    for (value, name, _), p in zip(tests, adjusted, strict=True):
        parts[value][name]["adjusted_p"] = float(p)
    return parts


def _plain(found: Mapping[str, Comparison]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in found.items()}


def conversations_needed(
    before: float, after: float, power: float, per_hotel: float = 1.0, correlation: float = 0.0
) -> int:
    """Conversations in each of two equal arms, for a two-sided test at 5 % to see a rate change so.

    per_hotel: conversations with one hotel on average; correlation: of two of them (intraclass). Both widen
    the test by Kish's design effect, 1 + (per_hotel - 1) x correlation.
    """
    effect = abs(proportion_effectsize(after, before))
    simple = NormalIndPower().solve_power(effect, alpha=LEVEL, power=power, alternative="two-sided")
    return int(-(-float(simple) * (1 + (per_hotel - 1) * correlation) // 1))
