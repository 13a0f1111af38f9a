"""How numbers are written for people: one place for digits, units and signs."""

from typing import Literal

from suasion.evaluation.statistics import Interval

Kind = Literal["reward", "points", "rate", "share", "nats", "count", "ratio"]
DIGITS: dict[Kind, int] = {
    "reward": 2, "points": 1, "rate": 1, "share": 1, "nats": 3, "count": 1, "ratio": 2,
}  # fmt: skip
MISSING = "–"
PERCENT = "\N{NO-BREAK SPACE}%"  # a figure is not torn from its unit


def show(value: float | None, kind: Kind) -> str:
    """A level: `58.3 %`, `−1.20`; a dash where there is none."""
    if value is None:
        return MISSING
    scaled = value * 100 if kind == "share" else value
    text = f"{scaled:.{DIGITS[kind]}f}"
    text = text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
    return f"{text}{PERCENT}" if kind == "share" else text


def show_signed(value: float | None, kind: Kind) -> str:
    """A change: `+0.42`; shares change by points, so without a percent sign."""
    if value is None:
        return MISSING
    text = show(value, kind).removesuffix(PERCENT)
    return text if text.startswith("−") or kind == "ratio" or float(text) == 0 else f"+{text}"


def show_range(interval: Interval | None, kind: Kind) -> str:
    """`0.31 to 0.53`, or why there is none."""
    if interval is None:
        return MISSING
    if interval.low is None or interval.high is None:
        return "too few for an interval"
    low = show(interval.low, kind).removesuffix(PERCENT)
    return f"{low} to {show(interval.high, kind)}"


def show_change_range(interval: Interval, kind: Kind) -> str:
    """`+0.31 to +0.53`, or why there is none."""
    if interval.low is None or interval.high is None:
        return "too few for an interval"
    return f"{show_signed(interval.low, kind)} to {show_signed(interval.high, kind)}"


def show_change(interval: Interval | None, kind: Kind) -> str:
    """`+0.42, 95 % interval +0.31 to +0.53`."""
    if interval is None:
        return MISSING
    unit = " points" if kind == "share" else ""
    between = show_change_range(interval, kind)
    label = "" if interval.low is None else "95 % interval "
    return f"{show_signed(interval.estimate, kind)}{unit}, {label}{between}"


def show_time(seconds: float) -> str:
    """`7 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 1 or seconds == 0 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
