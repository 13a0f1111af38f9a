"""What a back-test found: counts, shares and means of two versions of a pack over the same replies."""

from dataclasses import asdict, dataclass
from typing import Any

from suasion.evaluation.figures import Kind, show
from suasion.evaluation.statistics import Interval, proportion_interval
from suasion.incidents.limits import TITLES, Outcome, State, state_of
from suasion.incidents.readings import Reread


@dataclass(frozen=True, slots=True)
class Firing:
    """How many replies the changed rules and criteria fire on. `newly`: after, and not before by that one."""

    replies: int
    before: int
    after: int
    newly: int
    gone: int

    @property
    def share(self) -> Interval | None:
        """Share of replies newly objected to; Wilson's interval, as if they were independent."""
        return proportion_interval(self.newly, self.replies) if self.replies else None


@dataclass(frozen=True, slots=True)
class Labelled:
    """Counts of replies with a label, by label and by whether the changed part objects after."""

    right: int = 0
    wrong: int = 0  # objected to, but labelled false
    missed: int = 0  # labelled true, but not objected to
    spared: int = 0

    @property
    def precision(self) -> Interval | None:
        return proportion_interval(self.right, self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> Interval | None:
        return proportion_interval(self.right, self.right + self.missed) if self.right + self.missed else None


@dataclass(frozen=True, slots=True)
class Move:
    """A mean before and after; the intervals count dialogues, not replies."""

    before: Interval
    after: Interval
    change: Interval


@dataclass(frozen=True, slots=True)
class Pairs:
    """Preference pairs. ahead, tie, behind: how the chosen reply stands to the rejected one.

    counts: by place before and place after. `by`: what the order is of.
    """

    by: str
    counts: dict[tuple[str, str], int]
    examples: tuple[tuple[str, str, str, str], ...]  # chosen, rejected, place before, place after

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def broken(self) -> int:
        """Pairs that are in a worse order than before."""
        return sum(n for (old, new), n in self.counts.items() if PLACES.index(new) > PLACES.index(old))

    @property
    def mended(self) -> int:
        return sum(n for (old, new), n in self.counts.items() if PLACES.index(new) < PLACES.index(old))


PLACES = ("ahead", "tie", "behind")


@dataclass(frozen=True, slots=True)
class Affected:
    """A reply that changes, and how often the log has these words with the same change."""

    reread: Reread
    times: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """Everything that was found. None is what could not be measured."""

    title: str
    old: str  # versions
    new: str
    records: int
    broken: tuple[str, ...]
    fires: Firing
    by_stage: dict[str, Firing]
    by_name: dict[str, Firing]
    labelled: dict[str, Labelled]
    e: Move | None
    saturated: tuple[float, float] | None  # shares of replies whose E is clipped, before and after
    clip: float
    r_total: Move | None
    pairs: Pairs | None
    affected: tuple[Affected, ...]
    touched: tuple[tuple[float, float], ...]  # E before and after of every reply that moves
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]

    @property
    def state(self) -> State:
        return state_of(self.outcomes)

    def lines(self) -> list[str]:
        """The rest of what a terminal shows, a line each."""
        told = [
            f"stage {stage:<16}{one.newly:>5} of {one.replies}"
            for stage, one in self.by_stage.items()
            if one.newly
        ]
        labels = sum(one.right + one.wrong + one.missed + one.spared for one in self.labelled.values())
        share = self.precision
        told.append(f"precision {show(share.estimate if share else None, 'share')} ({labels} labels)")
        moves: tuple[tuple[str, Kind, Move | None], ...] = (
            ("E", "points", self.e),
            ("R_total", "reward", self.r_total),
        )
        for name, kind, move in moves:
            if move is None:
                told.append(f"{name} was not read")
            else:
                told.append(
                    f"mean {name} {show(move.before.estimate, kind)} -> {show(move.after.estimate, kind)}"
                )
        if self.saturated:
            before, after = (show(one, "share") for one in self.saturated)
            told.append(f"E clipped at {self.clip:g}: {before} -> {after} of replies")
        if self.pairs:
            told.append(f"pairs by {self.pairs.by}: {self.pairs.mended} better, {self.pairs.broken} worse")
        for one in self.outcomes:
            state = "not measured" if one.met is None else "met" if one.met else "NOT met"
            told.append(f"{TITLES[one.name]} {show(one.limit, 'share')}: {show(one.found, 'share')}, {state}")
        return [*told, *self.notes]

    @property
    def precision(self) -> Interval | None:
        right = sum(one.right for one in self.labelled.values())
        wrong = sum(one.wrong for one in self.labelled.values())
        return Labelled(right, wrong).precision

    @property
    def headline(self) -> str:
        one, share = self.fires, self.fires.share
        if share is None:
            return f"{self.title}: there is no reply in the log."
        text = f"{self.title} would newly fire on {one.newly} of {one.replies} replies ({share.estimate:.1%})"
        text += f" and no longer on {one.gone}" if one.gone else ""
        return f"{text}: {self.state}."


def as_json(found: Backtest) -> dict[str, Any]:
    """What `--json` writes."""
    return {
        "title": found.title,
        "versions": {"old": found.old, "new": found.new},
        "records": found.records,
        "broken": list(found.broken),
        "replies": found.fires.replies,
        "fires": _firing_json(found.fires),
        "stages": {stage: _firing_json(one) for stage, one in found.by_stage.items()},
        "names": {name: _firing_json(one) for name, one in found.by_name.items()},
        "labels": {name: _labelled_json(one) for name, one in found.labelled.items()},
        "precision": found.precision and asdict(found.precision),
        "e": found.e and asdict(found.e),
        "saturated": found.saturated and dict(zip(("before", "after"), found.saturated, strict=True)),
        "r_total": found.r_total and asdict(found.r_total),
        "pairs": found.pairs and _pairs_json(found.pairs),
        "most_affected": [_affected_json(one) for one in found.affected],
        "limits": [asdict(one) for one in found.outcomes],
        "verdict": found.state,
        "notes": list(found.notes),
    }


def _firing_json(one: Firing) -> dict[str, Any]:
    return asdict(one) | {"share": one.share and asdict(one.share)}


def _labelled_json(one: Labelled) -> dict[str, Any]:
    ends = {"precision": one.precision, "recall": one.recall}
    return asdict(one) | {name: end and asdict(end) for name, end in ends.items()}


def _pairs_json(pairs: Pairs) -> dict[str, Any]:
    return {
        "by": pairs.by,
        "total": pairs.total,
        "broken": pairs.broken,
        "mended": pairs.mended,
        "places": [{"before": old, "after": new, "pairs": n} for (old, new), n in pairs.counts.items()],
        "examples": [
            {"chosen": chosen, "rejected": rejected, "before": old, "after": new}
            for chosen, rejected, old, new in pairs.examples
        ],
    }


def _affected_json(one: Affected) -> dict[str, Any]:
    row = one.reread
    sides = (("before", row.before), ("after", row.after))
    return {
        "id": row.logged.dialogue.id,
        "stage": row.stage,
        "reply": row.logged.dialogue.reply,
        "times": one.times,
        "labels": dict(row.logged.labels),
        **{
            name: {"e": side.e, "r_total": side.r_total, "objecting": sorted(side.objecting(None))}
            for name, side in sides
        },
    }
