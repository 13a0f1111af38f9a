"""Intervals against textbook values and against what the libraries give another way."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import ttest_1samp

from suasion.evaluation.statistics import (
    Interval,
    count_rate_interval,
    detectable,
    half_sample_paired,
    mcnemar,
    mean_interval,
    paired_difference,
    paired_proportion_difference,
    paired_rate_difference,
    proportion_interval,
    rate_interval,
)


def ends(interval: Interval) -> tuple[float | None, float | None]:
    return interval.low, interval.high


def table(both: int, lost: int, gained: int, neither: int) -> tuple[list[bool], list[bool]]:
    pairs = [(True, True)] * both + [(True, False)] * lost + [(False, True)] * gained
    pairs += [(False, False)] * neither
    return [a for a, _ in pairs], [b for _, b in pairs]


def test_mean_by_hand() -> None:
    # mean 3, s = sqrt(2.5), se = 0.7071, t(4) = 2.7764
    interval = mean_interval([1, 2, 3, 4, 5])
    assert (interval.estimate, interval.n) == (3, 5)
    assert ends(interval) == pytest.approx((3 - 1.9633, 3 + 1.9633), abs=1e-4)


def test_mean_is_the_textbook_t_interval() -> None:
    values = [0.3, -1.2, 2.5, 0.0, 0.9, 1.1]
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert ends(mean_interval(values)) == pytest.approx((expected.low, expected.high))


def test_two_clusters_of_two_are_two_readings() -> None:
    # cluster means 1 and 3: se = 1, t(1) = 12.706
    interval = mean_interval([1, 1, 3, 3], ["a", "a", "b", "b"])
    assert ends(interval) == pytest.approx((2 - 12.7062, 2 + 12.7062), abs=1e-4)
    assert interval.n == 4


def test_uneven_clusters_are_statsmodels_cluster_robust() -> None:
    values, names = [1.0, 2.0, 4.0, 8.0, 3.0, 5.0, 1.0], [0, 0, 0, 1, 1, 2, 3]
    fit = sm.OLS(values, np.ones(7)).fit(cov_type="cluster", cov_kwds={"groups": np.array(names)}, use_t=True)
    assert ends(mean_interval(values, names)) == pytest.approx(tuple(fit.conf_int()[0]))


def test_one_reading_has_no_interval() -> None:
    assert mean_interval([7.0]) == Interval(7.0, None, None, 1)
    assert ends(mean_interval([7.0, 8.0], ["a", "a"])) == (None, None)


def test_paired_difference_by_hand() -> None:
    # differences 1, 2, 3: mean 2, se = 1 / sqrt(3), t(2) = 4.3027
    interval = paired_difference([10, 20, 30], [11, 22, 33])
    assert ends(interval) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)


def test_rate_by_hand() -> None:
    # 3 events in 6: rate 0.5, residuals (-0.5, 0.5) over mean exposure 3: se = 1/6, t(1) = 12.706
    interval = rate_interval([1, 2], [3, 3])
    assert interval.estimate == 0.5
    assert ends(interval) == pytest.approx((0.5 - 12.7062 / 6, 0.5 + 12.7062 / 6), abs=1e-4)


def test_rate_counts_exposure_not_rows() -> None:
    assert rate_interval([0, 6], [1, 9]).estimate == pytest.approx(0.6)


def test_no_event_has_poisson_upper_end() -> None:
    # the rule of three, two-sided: -ln(0.025) / 200
    interval = count_rate_interval([0, 0], [100, 100])
    assert ends(interval) == pytest.approx((0, -math.log(0.025) / 200))
    assert count_rate_interval([1, 2], [3, 3]) == rate_interval([1, 2], [3, 3])


def test_paired_rates_with_equal_exposure_are_paired_differences() -> None:
    before, after, ones = [3.0, 1.0, 4.0, 2.0], [1.0, 1.0, 2.0, 0.0], [1.0] * 4
    rate, plain = paired_rate_difference((before, ones), (after, ones)), paired_difference(before, after)
    assert rate.estimate == pytest.approx(plain.estimate)
    assert ends(rate) == pytest.approx(ends(plain))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_in_newcombe_1998(hits: int, n: int, low: float, high: float) -> None:
    assert ends(proportion_interval(hits, n)) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "difference", "low", "high"),
    [
        ((36, 2, 12, 0), 0.2, 0.0569, 0.3404),  # Newcombe 1998 (paired), method 10
        ((1, 7, 1, 12), -6 / 21, -0.507, -0.026),  # Fagerland et al. 2014, airway data
    ],
)
def test_paired_proportions(
    counts: tuple[int, int, int, int], difference: float, low: float, high: float
) -> None:
    interval = paired_proportion_difference(*table(*counts))
    assert interval.estimate == pytest.approx(difference)
    assert ends(interval) == pytest.approx((low, high), abs=1e-3)


def test_paired_proportions_that_never_differ_keep_their_width() -> None:
    low, high = ends(paired_proportion_difference([True] * 30, [True] * 30))
    assert low is not None
    assert high is not None
    assert low < -0.05 < 0.05 < high


def test_mcnemar_by_hand() -> None:
    # 14 pairs turned, 2 of them one way: 2 * (1 + 14 + 91) / 2**14
    assert mcnemar(*table(36, 2, 12, 0)) == pytest.approx(2 * 106 / 2**14)


def test_half_samples_give_the_standard_error_of_a_mean() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=200).tolist(), rng.normal(0.5, 1, size=200).tolist()
    half = half_sample_paired(lambda a, b: float(np.mean(b) - np.mean(a)), before, after, seed=3, draws=1000)
    plain = paired_difference(before, after)
    assert half.estimate == pytest.approx(plain.estimate)
    assert ends(half) == pytest.approx(ends(plain), abs=0.03)


def test_half_samples_repeat_with_their_seed_and_need_eight_pairs() -> None:
    values = list(range(20))
    first, again = (half_sample_paired(lambda a, _: sum(a) / len(a), values, values, 5) for _ in range(2))
    assert first == again
    assert half_sample_paired(lambda *_: 1.0, values[:7], values[:7], 5) == Interval(1.0, None, None, 7)


def test_what_could_be_seen_by_hand() -> None:
    """An interval of 1.96 standard errors either way: 1.96 + 0.84 of them are found in four tests of five."""
    assert detectable(Interval(0.3, 0.3 - 1.95996, 0.3 + 1.95996, 9)) == pytest.approx(2.80159, abs=1e-4)
    assert detectable(Interval(0.3, None, None, 1)) is None


def test_nothing_to_measure_is_an_error() -> None:
    for call in (
        lambda: mean_interval([]),
        lambda: paired_difference([], []),
        lambda: proportion_interval(0, 0),
        lambda: paired_proportion_difference([], []),
        lambda: mcnemar([], []),
    ):
        with pytest.raises(ValueError, match="needs at least one"):
            call()
    with pytest.raises(ValueError, match="exposure"):
        rate_interval([0, 0], [0, 0])
    with pytest.raises(ValueError, match="same length, found 1 and 2"):
        paired_difference([1], [1, 2])
    with pytest.raises(ValueError, match="between 0 and 3, found 4"):
        proportion_interval(4, 3)
