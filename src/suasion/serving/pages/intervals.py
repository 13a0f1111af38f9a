"""A difference and its intervals over time, as coordinates; the template draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suasion.evaluation.charts import Tick

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 30
FEWEST = 3  # looks that make a course
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Course:
    """always, fixed: outlines of both intervals, as SVG point lists; line: the estimates."""

    title: str
    always: str
    fixed: str
    line: str
    dots: tuple[Point, ...]
    zero: float
    x_ticks: "tuple[Tick, ...]"
    y_ticks: "tuple[Tick, ...]"
    summary: str


def course(title: str, looks: Sequence[Mapping[str, Any]], measure: str) -> Course | None:
    """Of one measure, in percentage points; None while there are too few looks with an interval."""
    from suasion.evaluation.charts import Tick, ticks

    seen = [one for one in looks if one.get(measure) and one[measure]["low"] is not None]
    if len(seen) < FEWEST:
        return None
    values = [one[measure] for one in seen]
    low, high = _range(values)

    def place_x(number: int) -> float:
        first, last = seen[0]["conversations"], seen[-1]["conversations"]
        share = (number - first) / (last - first) if last > first else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def place_y(value: float) -> float:
        inside = max(low, min(high, value))
        return round(TOP + (high - inside) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    xs = [place_x(one["conversations"]) for one in seen]
    dots = tuple((x, place_y(one["estimate"])) for x, one in zip(xs, values, strict=True))
    return Course(
        title,
        _outline(xs, [(place_y(one["always"]["low"]), place_y(one["always"]["high"])) for one in values]),
        _outline(xs, [(place_y(one["low"]), place_y(one["high"])) for one in values]),
        " ".join(f"{x},{y}" for x, y in dots),
        dots,
        place_y(0.0),
        tuple(
            Tick(place_x(one["conversations"]), f"{datetime.fromisoformat(one['until']):%b %d}")
            for one in _spread(seen)
        ),
        tuple(
            Tick(place_y(tick / 100), f"{tick:+g}".replace("-", "−").replace("+0", "0"))
            for tick in ticks(100 * low, 100 * high)
        ),
        _summary(title, values[-1]),
    )


def _range(values: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """What the later half of the looks spans, and 0: the first intervals would flatten all the others."""
    later = values[len(values) // 2 :]
    ends = [end for one in later for end in (one["always"]["low"], one["always"]["high"])] + [0.0]
    low, high = min(ends), max(ends)
    pad = 0.06 * ((high - low) or 1.0)
    return max(-1.0, low - pad), min(1.0, high + pad)


def _outline(xs: Sequence[float], ends: Sequence[Point]) -> str:
    upper = [f"{x},{high}" for x, (_, high) in zip(xs, ends, strict=True)]
    lower = [f"{x},{low}" for x, (low, _) in zip(xs, ends, strict=True)]
    return " ".join([*upper, *reversed(lower)])


def _spread(seen: Sequence[Mapping[str, Any]], count: int = 4) -> list[Mapping[str, Any]]:
    last = len(seen) - 1
    return [seen[place] for place in sorted({round(last * step / (count - 1)) for step in range(count)})]


def _summary(title: str, last: Mapping[str, Any]) -> str:
    def points(value: float) -> str:
        return f"{100 * value:+.1f}".replace("-", "−")

    always = last["always"]
    return (
        f"{title.capitalize()}, last look: {points(last['estimate'])} points, "
        f"95 % interval {points(last['low'])} to {points(last['high'])}, "
        f"at any look {points(always['low'])} to {points(always['high'])}"
    )
