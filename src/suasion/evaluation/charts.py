"""Coordinates of the report's drawings. The template draws them, so that themes and escaping are its own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.ticker import MaxNLocator

from suasion.evaluation.statistics import Interval

WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 24  # margins of the plot inside WIDTH x HEIGHT
STRIP, PAD, LANE = 200, 8, 15  # width of a strip of whiskers, its margin, the height of one whisker
SMOOTHED_FROM = 20  # steps; fewer are simply joined

TITLES = {
    "r_total": "R_total",
    "r_model": "R_model",
    "e_judge": "E_judge, points",
    "e_func": "E_func, points",
    "violations_per_100": "Rule violations per 100 replies",
    "kl": "KL to the reference, nats",
    "entropy": "Entropy, nats per token",
    "explained_variance": "Value model: explained variance",
    "reply_tokens": "Reply length, tokens",
    "share_clipped": "Share of replies at which E is clipped",
    "share_near_zero": "Share of replies with R_model near 0",
    "share_unread_total": "Share of replies without a total",
    "validation": "Held-out measure",
    "time_s": "Time per step, s",
}


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One component over the steps of training, in the units of the drawing."""

    title: str
    dots: tuple[tuple[float, float], ...]
    lines: tuple[str, ...]  # SVG point lists, one for each run of steps without a gap
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zero: float | None  # height of y = 0 where it lies inside the plot
    summary: str  # what a screen reader says


@dataclass(frozen=True, slots=True)
class Whisker:
    name: str
    at: float
    low: float | None
    high: float | None
    y: float


@dataclass(frozen=True, slots=True)
class Strip:
    """Dots with whiskers on one scale, and the lines they are compared with."""

    whiskers: tuple[Whisker, ...]
    limits: tuple[float, ...]
    zone: tuple[float, float] | None  # from, to: where a requirement holds
    height: float


def panels(curves: Sequence[Mapping[str, float | None]]) -> tuple[Panel, ...]:
    """A panel for every key of TITLES that has a number in some step; the rest is in the run's log."""
    found = []
    for key, title in TITLES.items():
        steps = [row.get("step", index) for index, row in enumerate(curves)]
        points = [(float(s), row.get(key)) for s, row in zip(steps, curves, strict=True) if s is not None]
        if any(value is not None for _, value in points):
            found.append(_panel(title, points))
    return tuple(found)


def strip(
    rows: Sequence[tuple[str, Interval | None]],
    limits: Sequence[float] = (),
    wanted: Literal["above", "below", "between"] | None = None,
) -> Strip | None:
    """Intervals one below the other; None where there is nothing to draw."""
    drawn = [(name, interval) for name, interval in rows if interval is not None]
    ends = [end for _, i in drawn for end in (i.estimate, i.low, i.high) if end is not None]
    if not ends:
        return None
    low, high = min([*ends, *limits]), max([*ends, *limits])
    if high == low:
        low, high = low - 1, high + 1

    def place(value: float) -> float:
        return round(PAD + (value - low) / (high - low) * (STRIP - 2 * PAD), 1)

    whiskers = tuple(
        Whisker(
            name,
            place(i.estimate),
            None if i.low is None else place(i.low),
            None if i.high is None else place(i.high),
            LANE * (lane + 0.5),
        )
        for lane, (name, i) in enumerate(drawn)
    )
    lines = tuple(map(place, limits))
    zone = None
    if wanted and lines:
        zone = (0.0 if wanted == "below" else lines[0], STRIP if wanted == "above" else lines[-1])
    return Strip(whiskers, lines, zone, LANE * len(drawn))


def _panel(title: str, points: Sequence[tuple[float, float | None]]) -> Panel:
    read = [(x, y) for x, y in points if y is not None]
    x_low, x_high = read[0][0], read[-1][0]
    ys = [y for _, y in read]
    spread = (max(ys) - min(ys)) or abs(ys[0]) or 1.0
    y_low, y_high = min(ys) - 0.06 * spread, max(ys) + 0.06 * spread
    if min(ys) >= 0:
        y_low = max(y_low, 0.0)

    def place_x(x: float) -> float:
        share = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def place_y(y: float) -> float:
        return round(TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM), 1)

    runs = _runs(points)
    smooth = _moving_mean if len(read) >= SMOOTHED_FROM else list
    lines = [" ".join(f"{place_x(x)},{place_y(y)}" for x, y in smooth(run)) for run in runs if len(run) > 1]
    zero = place_y(0.0) if y_low < 0 < y_high else None
    return Panel(
        title,
        tuple((place_x(x), place_y(y)) for x, y in read),
        tuple(lines),
        tuple(Tick(place_x(x), f"{x:g}") for x in ticks(x_low, x_high, integer=True)),
        tuple(Tick(place_y(y), _label(y)) for y in ticks(y_low, y_high)),
        zero,
        f"{title}: {ys[0]:.3g} at step {x_low:g}, {ys[-1]:.3g} at step {x_high:g}",
    )


def _runs(points: Sequence[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is not None:
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _moving_mean(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Centred, over about a tenth of the run; narrower at its ends."""
    reach = max(1, len(run) // 20)
    smooth = []
    for index, (x, _) in enumerate(run):
        side = min(reach, index, len(run) - 1 - index)
        window = run[index - side : index + side + 1]
        smooth.append((x, math.fsum(y for _, y in window) / len(window)))
    return smooth


def ticks(low: float, high: float, integer: bool = False) -> list[float]:
    if low == high:
        return [low]
    locator = MaxNLocator(nbins=4, integer=integer)
    return [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]


def _label(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}".replace("-", "−")
