"""The page's drawings as small PNG files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from suasion.bench.compare import Contrast
from suasion.bench.panels import Panel
from suasion.bench.record import Record
from suasion.evaluation.grading import Grade
from suasion.evaluation.statistics import Interval
from suasion.files import beside

DPI = 80
CURVES = {
    "r_total": "what is paid",
    "r_model": "R_model",
    "e_judge": "E_judge, points",
    "e_func": "E_func, points",
    "kl": "KL, nats a reply",
    "validation": "held-out measure",
}
GRADES = dict(zip(Grade, ("#2a7f62", "#9ccc65", "#f6c445", "#e07b39", "#b3261e"), strict=True))


def draw_curves(methods: Mapping[str, Sequence[Record]], path: Path) -> None:
    """Each component over the steps, one line a method, the mean of its seeds."""
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots(2, 3)
    for axis, (key, title) in zip(axes.flat, CURVES.items(), strict=True):
        for name, records in methods.items():
            points = _mean_curve(records, key)
            if points:
                axis.plot(*zip(*points, strict=True), label=name, linewidth=1.3)
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=7)
    lines = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
    if lines:
        figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=8, fontsize=8)
    _save(figure, path)


def _mean_curve(records: Sequence[Record], key: str) -> list[tuple[float, float]]:
    found: dict[int, list[float]] = {}
    for record in records:
        for row in record.curve:
            if row.get(key) is not None:
                found.setdefault(int(row["step"]), []).append(float(row[key]))
    return [(step, sum(values) / len(values)) for step, values in sorted(found.items())]


def draw_grades(methods: Mapping[str, Sequence[Record]], path: Path) -> None:
    """Shares of the grades of bad cases, one bar a method."""
    figure = Figure(figsize=(7, 0.4 * len(methods) + 1.2), layout="constrained")
    axis = figure.subplots()
    for place, records in enumerate(list(methods.values())[::-1]):
        replies = [record.measures["bad_cases"]["replies"] for record in records]
        grades = [one["grade"] for those in replies for one in those.values()]
        start = 0.0
        for grade, colour in GRADES.items():
            width = 100 * grades.count(str(grade)) / max(1, len(grades))
            axis.barh(place, width, left=start, color=colour, label=str(grade) if place == 0 else None)
            start += width
    axis.set_yticks(range(len(methods)), list(methods)[::-1], fontsize=8)
    axis.set_xlabel("share of the 45 bad cases, %", fontsize=8)
    figure.legend(loc="outside lower center", ncols=5, fontsize=8)
    _save(figure, path)


def draw_ratings(panels: Sequence[Panel], path: Path) -> None:
    """Mean ratings, and shares with an excellent reply, with their intervals: a row for each panel."""
    most = max(len(panel.methods) for panel in panels)
    figure = Figure(figsize=(8, len(panels) * (0.35 * most + 1.1)), layout="constrained")
    axes = figure.subplots(len(panels), 2, squeeze=False)
    for panel, (left, right) in zip(panels, axes, strict=True):
        told = f"{panel.raters} ({len(panel.names)})"
        names = list(panel.methods)[::-1]
        for axis, title, times, ends in (
            (left, "mean rating, 1 to 5", 1, [panel.methods[name].rating for name in names]),
            (right, "excellent, %", 100, [panel.methods[name].excellent for name in names]),
        ):
            _whiskers(axis, ends, times)
            axis.set_title(f"{title}: {told}", fontsize=8)
            axis.set_yticks(range(len(names)), names, fontsize=8)
            axis.tick_params(axis="x", labelsize=7)
        left.set_xlim(1, 5)
        right.set_xlim(0, 100)
    _save(figure, path)


def _whiskers(axis: Any, found: Sequence[Interval | None], times: int = 1) -> None:
    """An estimate with its interval in each place; a place without one stays empty."""
    for place, one in enumerate(found):
        if one is None:
            continue
        if one.low is not None and one.high is not None:
            axis.plot([times * one.low, times * one.high], [place, place], color="#444", linewidth=1.2)
        axis.plot(times * one.estimate, place, "o", color="#1f5fa8", markersize=4)


def draw_forest(rows: Mapping[str, Mapping[str, Contrast]], titles: Mapping[str, str], path: Path) -> None:
    """Differences with their intervals: a panel for each measure, a whisker for each ablation."""
    figure = Figure(figsize=(3.2 * max(1, len(titles)), 0.35 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots(1, len(titles), sharey=True, squeeze=False)[0]
    for axis, (measure, title) in zip(axes, titles.items(), strict=True):
        found = [row.get(measure) for row in list(rows.values())[::-1]]
        _whiskers(axis, [None if one is None else one.interval for one in found])
        axis.axvline(0, color="#999", linewidth=0.8)
        axis.set_title(title, fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].set_yticks(range(len(rows)), list(rows)[::-1], fontsize=8)
    _save(figure, path)


def draw_wins(shares: Mapping[str, float], path: Path) -> None:
    """Share of the draws that each method wins; the line is where all are equal."""
    figure = Figure(figsize=(6, 0.35 * len(shares) + 0.9), layout="constrained")
    axis = figure.subplots()
    names = list(shares)[::-1]
    axis.barh(names, [100 * shares[name] for name in names], color="#1f5fa8")
    axis.axvline(100 / max(1, len(shares)), color="#999", linewidth=0.8)
    axis.set_xlabel("draws of the coefficients in which it wins most tickets, %", fontsize=8)
    axis.tick_params(labelsize=8)
    _save(figure, path)


def draw_looks(looks: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The A/B test's running difference in response and success, with both intervals."""
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    for axis, name in zip(figure.subplots(1, 2), ("response", "success"), strict=True):
        rows = [(row["conversations"], row[name]) for row in looks if name in row]
        for key, colour in (("always", "#dde6f0"), ("fixed", "#a9c1dd")):
            ends = [(x, row["always"] if key == "always" else row) for x, row in rows]
            known = [(x, 100 * one["low"], 100 * one["high"]) for x, one in ends if one["low"] is not None]
            if known:
                axis.fill_between(*zip(*known, strict=True), color=colour)
        axis.plot([x for x, _ in rows], [100 * row["estimate"] for _, row in rows], color="#1f5fa8")
        axis.axhline(0, color="#999", linewidth=0.8)
        axis.set_title(f"{name}: difference in points, over conversations", fontsize=8)
        axis.tick_params(labelsize=7)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with beside(path) as part, mpl.rc_context({"svg.hashsalt": "suasion"}):
        figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
