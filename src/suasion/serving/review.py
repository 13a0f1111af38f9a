"""A panel in the store: blinded items, marks that are only ever added, and what follows from them. Pure.

Report and queue need numpy and scipy, of the extra `train`; marking does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from suasion.evaluation.grading import Grade
from suasion.evaluation.panel import order_for
from suasion.evaluation.ratings import Rating
from suasion.negotiation.dialogue import Dialogue


class ItemKind(StrEnum):
    DIALOGUE = "dialogue"  # rated as a whole
    CASE = "case"  # a bad case, whose reply is graded


class MarkKind(StrEnum):
    RATING = "rating"
    GRADE = "grade"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Item:
    """One dialogue under its blinded name. about: the case's defect (`class`, `severity`, `note`)."""

    name: str
    kind: ItemKind
    method: str
    source: str
    dialogue: Dialogue
    about: Mapping[str, Any] | None = None

    @property
    def replies(self) -> int:
        return sum(turn.speaker == "agent" and turn.text is not None for turn in self.dialogue.turns)


@dataclass(frozen=True, slots=True)
class Panel:
    id: str
    at: str
    title: str
    raters: str  # what they are, such as "AI raters"
    seed: int
    items: Mapping[str, Item]

    def order(self, rater: str) -> list[str]:
        return order_for(list(self.items), self.seed, rater)


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of what raters did. `data` of an undo: `undoes`, the number of the mark taken back."""

    id: int
    item: str
    rater: str
    at: str
    kind: MarkKind
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a rater is. `next` is None once all is done; `last` the mark that an undo would take back."""

    done: int
    total: int
    next: str | None
    last: Mark | None


def live(marks: Sequence[Mark]) -> list[Mark]:
    """Marks that were not undone, in order; of several of one rater for one item all."""
    undone = {one.data["undoes"] for one in marks if one.kind == MarkKind.UNDO}
    return [one for one in marks if one.kind != MarkKind.UNDO and one.id not in undone]


def standing(marks: Sequence[Mark]) -> dict[tuple[str, str], Mark]:
    """The mark that counts of each (rater, item): the last one that was not undone."""
    return {(one.rater, one.item): one for one in live(marks)}


def progress(panel: Panel, marks: Sequence[Mark], rater: str) -> Progress:
    mine = [one for one in live(marks) if one.rater == rater]
    marked = {one.item for one in mine}
    order = panel.order(rater)
    following = next((name for name in order if name not in marked), None)
    return Progress(len(marked), len(order), following, mine[-1] if mine else None)


def ratings(panel: Panel, marks: Sequence[Mark]) -> list[Rating]:
    """What counts, as the panel's report reads it."""
    found = []
    for (rater, name), mark in standing(marks).items():
        if mark.kind == MarkKind.RATING:
            item, data = panel.items[name], mark.data
            excellent = tuple(data["excellent"])
            found.append(
                Rating(
                    *(rater, name, item.method, item.source),
                    *(data["rating"], data["human_like"], excellent, data["comment"]),
                )
            )
    return found


def open_queue(
    panel: Panel, marks: Sequence[Mark], settled: Mapping[str, int]
) -> list[tuple[dict[str, str], list[Rating]]]:
    """Dialogues on which the raters differ and that nobody settled yet, each with its ratings."""
    from suasion.evaluation.panel_report import queue

    rated = ratings(panel, marks)
    return [
        (row, [one for one in rated if one.dialogue == row["dialogue"]])
        for row in queue(rated)
        if row["dialogue"] not in settled
    ]


def report_of(panel: Panel, marks: Sequence[Mark], settled: Mapping[str, int]) -> dict[str, Any]:
    """The panel's report so far, with grades of bad cases; `ratings` is None where there is none yet."""
    from suasion.evaluation.panel_report import report

    rated = ratings(panel, marks)
    known = {one.dialogue for one in rated}
    kept = {name: value for name, value in settled.items() if name in known}
    return {
        "items": len(panel.items),
        "raters": sorted({one.rater for one in live(marks)}),
        "ratings": report(rated, panel.raters, kept, panel.seed) if rated else None,
        "open": len(open_queue(panel, marks, settled)),
        "grades": _grades(panel, marks),
    }


def _grades(panel: Panel, marks: Sequence[Mark]) -> dict[str, Any] | None:
    """Cases by method and grade (the lower middle one of several raters), and how far the raters agree."""
    from suasion.evaluation.agreement import ordinal_alpha

    order = list(map(str, Grade))
    given: dict[str, dict[str, int]] = {}
    for (rater, name), mark in standing(marks).items():
        if mark.kind == MarkKind.GRADE:
            given.setdefault(name, {})[rater] = order.index(mark.data["grade"])
    if not given:
        return None
    methods: dict[str, dict[str, int]] = {}
    for name, by_rater in given.items():
        middle = sorted(by_rater.values())[(len(by_rater) - 1) // 2]
        counts = methods.setdefault(panel.items[name].method, dict.fromkeys(order, 0))
        counts[order[middle]] += 1
    names = sorted({rater for by_rater in given.values() for rater in by_rater})
    table: list[list[float | None]] = [[row.get(name) for name in names] for row in given.values()]
    alpha = ordinal_alpha(table, panel.seed)
    return {
        "methods": dict(sorted(methods.items())),
        "agreement": {"value": alpha.value, "low": alpha.low, "high": alpha.high, "units": alpha.units},
    }


def grade_of(item: Item, grade: str) -> str:
    """As paper.md has it: a defect that is still there is severe where it is critical."""
    is_critical = item.about is not None and item.about.get("severity") == "critical"
    return str(Grade.SEVERE) if grade == Grade.UNRESOLVED and is_critical else grade
