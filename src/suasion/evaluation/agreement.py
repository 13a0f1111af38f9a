"""Krippendorff's alpha for ordinal ratings: how far raters agree beyond chance, with a bootstrap interval.

After Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability". Own code rather than the package
`krippendorff`, since the bootstrap adds up each unit's coincidences instead of counting them anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suasion.evaluation.statistics import LEVEL

DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Alpha:
    """1 is agreement, 0 what chance gives; None where nothing varies. units: with two ratings or more."""

    value: float | None
    low: float | None
    high: float | None
    units: int


def ordinal_alpha(ratings: Sequence[Sequence[float | None]], seed: int = 0, draws: int = DRAWS) -> Alpha:
    """Alpha of `ratings[unit][rater]`, None where a rater skipped; the interval resamples units."""
    units = [[value for value in row if value is not None] for row in ratings]
    units = [row for row in units if len(row) > 1]
    levels = sorted({value for row in units for value in row})
    if not units:
        return Alpha(None, None, None, 0)
    tables = np.stack([_coincidences(row, levels) for row in units])  # (units, levels, levels)
    value = _alpha(tables.sum(0))
    rng = np.random.default_rng(seed)
    picks = (rng.integers(0, len(units), len(units)) for _ in range(draws))
    drawn = [one for pick in picks if (one := _alpha(tables[pick].sum(0))) is not None]
    if value is None or len(drawn) < draws / 2:
        return Alpha(value, None, None, len(units))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Alpha(value, float(low), float(high), len(units))


def _coincidences(row: Sequence[float], levels: Sequence[float]) -> np.ndarray:
    """Pairs of values of different raters, each worth 1 / (raters - 1)."""
    counts = np.array([row.count(level) for level in levels], dtype=float)
    return (np.outer(counts, counts) - np.diag(counts)) / (len(row) - 1)


def _alpha(table: np.ndarray) -> float | None:
    totals = table.sum(0)  # (levels,)
    n = totals.sum()
    below = np.cumsum(totals) - totals / 2
    distance = (below[:, None] - below[None, :]) ** 2  # ordinal: ranks between, the ends by half
    expected = float((np.outer(totals, totals) * distance).sum())
    if not expected:
        return None
    return 1 - float(n - 1) * float((table * distance).sum()) / expected
