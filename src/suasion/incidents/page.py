"""The page of a back-test: one file without network, in the report's style."""

from collections.abc import Sequence
from dataclasses import dataclass

from suasion.evaluation import charts
from suasion.evaluation.page import templates
from suasion.evaluation.transcript import (
    Bubble,
    TurnScore,
    cut,
    describe_brief,
    transcript,
    turn_evidence,
)
from suasion.incidents.findings import Affected, Backtest, Firing, Move
from suasion.incidents.limits import TITLES
from suasion.incidents.readings import Side

BINS = 20  # of a histogram
BAR = 200  # width of the longest bar


@dataclass(frozen=True, slots=True)
class Column:
    """One bin of a histogram: where it begins, and the heights of its two bars in the drawing's units."""

    x: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """E before and after, of the replies that move."""

    columns: tuple[Column, ...]
    width: float
    x_ticks: tuple[charts.Tick, ...]
    y_ticks: tuple[charts.Tick, ...]
    edges: tuple[float, ...]  # where E is clipped
    summary: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One affected reply, marked as the new version sees it."""

    affected: Affected
    brief: str
    context: tuple[Bubble, ...]
    bubble: Bubble
    appeared: tuple[str, ...]
    gone: tuple[str, ...]


def render_backtest(found: Backtest) -> str:
    """The whole page. Everything that is not ours is escaped by the template."""
    largest = max((one.share.estimate for one in found.by_stage.values() if one.share), default=0.0)
    return (
        templates("suasion.incidents")
        .get_template("backtest.html.j2")
        .render(
            found=found,
            titles=TITLES,
            stages=[(stage, one, _bar(one, largest)) for stage, one in found.by_stage.items()],
            moves=[
                (name, kind, move, _strip(move))
                for name, kind, move in (
                    ("E, clipped", "points", found.e),
                    ("R_total", "reward", found.r_total),
                )
                if move is not None
            ],
            histogram=_histogram(found.touched, found.clip),
            shown=[_shown(one) for one in found.affected],
            chart=charts,
        )
    )


def _bar(one: Firing, largest: float) -> float:
    return round(BAR * one.share.estimate / largest, 1) if one.share and largest else 0.0


def _strip(move: Move) -> charts.Strip | None:
    return charts.strip([("sft", move.before), ("repo", move.after)])


def _histogram(touched: Sequence[tuple[float, float]], clip: float) -> Histogram | None:
    if not touched:
        return None
    values = [value for pair in touched for value in pair]
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 1, high + 1
    step = (high - low) / BINS
    counts = [[0, 0] for _ in range(BINS)]
    for pair in touched:
        for side, value in enumerate(pair):
            counts[min(BINS - 1, int((value - low) / step))][side] += 1
    most = max(max(pair) for pair in counts)
    inner = charts.HEIGHT - charts.TOP - charts.BOTTOM
    wide = (charts.WIDTH - charts.LEFT - charts.RIGHT) / BINS

    def place(value: float) -> float:
        return round(charts.LEFT + (value - low) / step * wide, 1)

    columns = tuple(
        Column(
            round(charts.LEFT + number * wide, 1),
            round(inner * old / most, 1),
            round(inner * new / most, 1),
        )
        for number, (old, new) in enumerate(counts)
    )
    return Histogram(
        columns,
        round(wide / 2 - 0.5, 2),
        tuple(charts.Tick(place(x), f"{x:g}") for x in charts.ticks(low, high)),
        tuple(
            charts.Tick(round(charts.TOP + inner * (1 - y / most), 1), f"{y:g}")
            for y in charts.ticks(0, most, integer=True)
        ),
        tuple(place(edge) for edge in (-clip, clip) if low <= edge <= high),
        f"E of {len(touched)} replies, from {low:g} to {high:g} points",
    )


def _shown(one: Affected) -> Shown:
    row = one.reread
    dialogue = row.logged.dialogue
    score = _score(row.after, row.r_model, row.stage)
    before, after = row.before.objecting(None), row.after.objecting(None)
    return Shown(
        one,
        describe_brief(dialogue.brief),
        transcript(dialogue),
        Bubble("agent", None, cut(dialogue.reply or "", score), score),
        tuple(sorted(after - before)),
        tuple(sorted(before - after)),
    )


def _score(side: Side, r_model: float | None, stage: str) -> TurnScore:
    return TurnScore(
        r_total=side.r_total,
        r_model=r_model,
        e_judge=side.e_judge,
        e_func=side.e_func,
        stage=stage,
        evidence=tuple(map(turn_evidence, side.rules)),
        criteria=tuple(map(turn_evidence, side.criteria)),
    )
