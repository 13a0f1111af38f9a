"""Estimates with their 95 % intervals: a thin layer over scipy and statsmodels.

Readings that share a cause (several contexts of one brief) are no independent evidence: pass their
`clusters`, and the interval counts clusters instead of readings.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.stats import chi2, norm, t
from statsmodels.stats.contingency_tables import mcnemar as _mcnemar
from statsmodels.stats.proportion import proportion_confint

LEVEL = 0.95
POWER = 0.8  # with which a difference is called detectable
TIGHTEST = 1000  # clusters at which an always-valid interval is tightest
MIN_HALF_SAMPLES = 8  # below, half a sample says nothing about the whole

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate from `n` readings; `low` and `high` are None where they are too few for an interval."""

    estimate: float
    low: float | None
    high: float | None
    n: int


def mean_interval(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Interval:
    """Mean with a t interval over clusters (each value its own by default).

    Without clusters this is the textbook t interval; with them the cluster-robust one
    with as many degrees of freedom as clusters less one.
    """
    return rate_interval(values, [1.0] * len(values), clusters)


def paired_difference(
    before: Sequence[float], after: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> Interval:
    """Mean of after - before over pairs, with the paired t interval."""
    _same_length(before, after)
    return mean_interval([y - x for x, y in zip(before, after, strict=True)], clusters)


def rate_interval(
    counts: Sequence[float], exposures: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> Interval:
    """sum(counts) / sum(exposures), with the linearised interval of a ratio (Cochran 1977, 6.4).

    `counts[i]` were seen in `exposures[i]` >= 0, as violations in the replies of one negotiation.
    """
    _same_length(counts, exposures)
    rate, residuals = _linearised(counts, exposures, clusters)
    return _around(rate, residuals, len(counts))


def count_rate_interval(
    counts: Sequence[float], exposures: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> Interval:
    """`rate_interval` of events; where none was seen, the upper end is Poisson's exact one, 3.69 / exposure.

    (No spread between readings would else claim that there can't be any.)
    """
    interval = rate_interval(counts, exposures, clusters)
    if any(counts):
        return interval
    return Interval(0.0, 0.0, float(chi2.ppf((1 + LEVEL) / 2, 2)) / 2 / sum(exposures), interval.n)


def paired_rate_difference(
    before: tuple[Sequence[float], Sequence[float]], after: tuple[Sequence[float], Sequence[float]]
) -> Interval:
    """Difference of two rates (counts, exposures) whose rows are pairs, by the same linearisation."""
    _same_length(before[0], after[0])
    rate_before, residuals_before = _linearised(*before)
    rate_after, residuals_after = _linearised(*after)
    return _around(rate_after - rate_before, residuals_after - residuals_before, len(before[0]))


@dataclass(frozen=True, slots=True)
class Rates:
    """Counts in exposures, row by row, and which rows share a cause; the rows of one arm of an experiment."""

    counts: Sequence[float]
    exposures: Sequence[float]
    clusters: Sequence[Hashable]


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two arms' rates: an interval, Welch's p-value, and an interval that holds at every look.

    always: the 95 % confidence sequence; None in the ends where it says nothing yet.
    """

    interval: Interval
    p_value: float | None
    always: Interval


def rate_difference(old: Rates, new: Rates) -> Difference:
    """new - old for arms that share no cluster: linearised, cluster-robust, Welch's degrees of freedom.

    `always` is the asymptotic confidence sequence of Waudby-Smith et al. (2021, arXiv 2103.06476) with
    the standard error in the place of sigma / sqrt(t), tuned to be tightest at TIGHTEST clusters.
    """
    sides = [_linearised(arm.counts, arm.exposures, arm.clusters) for arm in (old, new)]
    estimate, n = sides[1][0] - sides[0][0], len(old.counts) + len(new.counts)
    sizes = [len(residuals) for _, residuals in sides]
    nothing = Interval(estimate, None, None, n)
    if min(sizes) < 2:
        return Difference(nothing, None, nothing)
    squares = [float((r**2).sum()) / (k - 1) / k for (_, r), k in zip(sides, sizes, strict=True)]
    error = math.sqrt(sum(squares))
    if not error:
        return Difference(nothing, None, nothing)
    freedom = error**4 / sum(square**2 / (k - 1) for square, k in zip(squares, sizes, strict=True))
    half = float(t.ppf((1 + LEVEL) / 2, freedom)) * error
    wide = error * _always_valid(sum(sizes))
    return Difference(
        Interval(estimate, estimate - half, estimate + half, n),
        float(2 * t.sf(abs(estimate) / error, freedom)),
        Interval(estimate, estimate - wide, estimate + wide, n),
    )


def _always_valid(looks: int) -> float:
    """How many standard errors the confidence sequence is wide, either way, after so many clusters."""
    alpha = 1 - LEVEL
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / TIGHTEST)
    seen = looks * rho**2
    return math.sqrt((seen + 1) / seen * math.log((seen + 1) / alpha**2))


def proportion_interval(hits: int, n: int) -> Interval:
    """Share hits / n with Wilson's score interval."""
    if n <= 0:
        raise ValueError("a proportion needs at least one reading, found none")
    if not 0 <= hits <= n:
        raise ValueError(f"hits must lie between 0 and {n}, found {hits}")
    low, high = proportion_confint(hits, n, alpha=1 - LEVEL, method="wilson")
    return Interval(hits / n, float(low), float(high), n)


def exact_interval(hits: int, n: int) -> Interval:
    """Share hits / n with Clopper and Pearson's interval, which holds for any n: for few and rare."""
    if not 0 <= hits <= n or not n:
        raise ValueError(f"hits must lie between 0 and n > 0, found {hits} of {n}")
    low, high = proportion_confint(hits, n, alpha=1 - LEVEL, method="beta")
    return Interval(hits / n, float(low), float(high), n)


def paired_proportion_difference(before: Sequence[bool], after: Sequence[bool]) -> Interval:
    """Share after - share before over pairs: Newcombe's hybrid score interval (1998, method 10).

    Unlike the t interval on differences it keeps its width where no pair differs.
    """
    both, lost, gained, neither = _paired_table(before, after)
    n = len(before)
    old, new = proportion_interval(both + lost, n), proportion_interval(both + gained, n)
    if old.low is None or old.high is None or new.low is None or new.high is None:
        raise AssertionError("Wilson's interval has both ends")
    phi = _correlation(both, lost, gained, neither)
    down = math.hypot(new.estimate - new.low, old.high - old.estimate) ** 2
    down -= 2 * phi * (new.estimate - new.low) * (old.high - old.estimate)
    up = math.hypot(new.high - new.estimate, old.estimate - old.low) ** 2
    up -= 2 * phi * (new.high - new.estimate) * (old.estimate - old.low)
    difference = (gained - lost) / n  # and not a difference of floats, which could slip past a margin
    return Interval(difference, difference - math.sqrt(max(down, 0)), difference + math.sqrt(max(up, 0)), n)


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> float:
    """Exact two-sided p-value that a pair is as likely to turn from no to yes as from yes to no."""
    both, lost, gained, neither = _paired_table(before, after)
    return float(_mcnemar([[both, lost], [gained, neither]], exact=True).pvalue)


def detectable(difference: Interval) -> float | None:
    """The difference that a test as wide as this interval finds with a power of POWER, by normal quantiles.

    (z of 97.5 % + z of the power) standard errors, the half of the interval being z of 97.5 % of them; None
    without an interval.
    """
    if difference.low is None or difference.high is None:
        return None
    edge = float(norm.ppf((1 + LEVEL) / 2))
    return (difference.high - difference.low) / 2 / edge * (edge + float(norm.ppf(POWER)))


def half_sample_paired(
    statistic: Callable[[Sequence[T], Sequence[T]], float],
    before: Sequence[T],
    after: Sequence[T],
    seed: int,
    draws: int = 400,
) -> Interval:
    """statistic(before, after) with a normal interval from random halves of the pairs.

    A delete-half jackknife and not a bootstrap: what counts repetitions (distinct-2, unique replies)
    would take each pair that a bootstrap draws twice for a repetition.
    """
    _same_length(before, after)
    n, estimate = len(before), statistic(before, after)
    if n < MIN_HALF_SAMPLES:
        return Interval(estimate, None, None, n)
    rng, half = np.random.default_rng(seed), n // 2
    halves = (rng.choice(n, half, replace=False).tolist() for _ in range(draws))
    values = [statistic([before[i] for i in picks], [after[i] for i in picks]) for picks in halves]
    spread = float(np.std(values)) * math.sqrt(half / (n - half)) * float(norm.ppf((1 + LEVEL) / 2))
    return Interval(estimate, estimate - spread, estimate + spread, n)


def _linearised(
    counts: Sequence[float], exposures: Sequence[float], clusters: Sequence[Hashable] | None = None
) -> tuple[float, np.ndarray]:
    """The rate, and what each cluster adds to its error."""
    if not counts:
        raise ValueError("an interval needs at least one reading, found none")
    names = clusters if clusters is not None else range(len(counts))
    _same_length(counts, names)
    place = {name: row for row, name in enumerate(dict.fromkeys(names))}
    sums, sizes = np.zeros(len(place)), np.zeros(len(place))
    for name, count, exposure in zip(names, counts, exposures, strict=True):
        sums[place[name]] += count
        sizes[place[name]] += exposure
    if sizes.sum() <= 0:
        raise ValueError("a rate needs some exposure, found none")
    rate = float(sums.sum() / sizes.sum())
    return rate, (sums - rate * sizes) / sizes.mean()


def _around(estimate: float, residuals: np.ndarray, n: int) -> Interval:
    groups = len(residuals)
    if groups < 2:
        return Interval(estimate, None, None, n)
    error = math.sqrt(float((residuals**2).sum()) / (groups - 1) / groups)
    half = float(t.ppf((1 + LEVEL) / 2, groups - 1)) * error
    return Interval(estimate, estimate - half, estimate + half, n)


def _paired_table(before: Sequence[bool], after: Sequence[bool]) -> tuple[int, int, int, int]:
    """Pairs that are: yes in both, yes only before, yes only after, no in both."""
    _same_length(before, after)
    if not before:
        raise ValueError("a paired difference needs at least one pair, found none")
    pairs = list(zip(map(bool, before), map(bool, after), strict=True))
    return (
        pairs.count((True, True)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((False, False)),
    )


def _correlation(both: int, lost: int, gained: int, neither: int) -> float:
    """Phi of the paired table, with Newcombe's continuity correction where it is positive."""
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    product = both * neither - lost * gained
    if margins == 0:
        return 0.0
    if product > 0:
        return max(product - (both + lost + gained + neither) / 2, 0.0) / math.sqrt(margins)
    return product / math.sqrt(margins)


def _same_length(a: Sequence[object], b: Sequence[object]) -> None:
    if len(a) != len(b):
        raise ValueError(f"pairs need two lists of the same length, found {len(a)} and {len(b)}")
