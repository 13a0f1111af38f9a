"""What a change of a pack would have done to yesterday's dialogues, before anybody trains with it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from suasion.evaluation.statistics import mean_interval, paired_difference
from suasion.incidents.findings import Affected, Backtest, Firing, Labelled, Move, Pairs
from suasion.incidents.limits import Limits, hold
from suasion.incidents.patch import PatchFile
from suasion.incidents.patched import candidate, read_files
from suasion.incidents.readings import Asked, Log, Reread, Side, Versions, read_pairs_again
from suasion.negotiation.pack import Pack
from suasion.rewards.suite import RewardSuite

MOST = 20  # affected replies that are shown


@dataclass(frozen=True, slots=True)
class Sources:
    """The files to try on, and what the team allows."""

    dialogues: Path
    pairs: Path | None
    limits: Limits


def backtest_patch(
    patch: PatchFile, suite: RewardSuite, sources: Sources, asked: Asked | None, notes: Sequence[str] = ()
) -> Backtest:
    """The pack of `suite` as it is against the same with the patch; `asked` reads the patch's criterion.

    Raises InputError for a patch that does not fit the pack, and as `measure` does.
    """
    folder = suite.pack.path
    with candidate(patch, read_files(folder), folder) as pack:
        one = patch.patch
        versions = Versions(suite, RewardSuite(pack), frozenset({one.target}), one.criterion, asked)
        return measure(one.id, versions, sources, notes)


def backtest_packs(suite: RewardSuite, new: Pack, names: frozenset[str] | None, sources: Sources) -> Backtest:
    """The pack of `suite` against another version; `names` are the rules that differ, None for any.

    Criteria are read by neither: a judge is fitted for one rubric.
    """
    notes = () if suite.judge is None else ("The judge's criteria are those of the old version in both.",)
    return measure(f"{suite.pack.id} {new.version}", Versions(suite, RewardSuite(new), names), sources, notes)


def measure(title: str, versions: Versions, sources: Sources, notes: Sequence[str] = ()) -> Backtest:
    """Read the log, and the pairs where there are some, by both versions. Nothing is written.

    Raises InputError for a file that can't be read and for a broken pair; broken records are counted.
    """
    log = Log(sources.dialogues, versions.old.pack)
    rows = list(log.read(versions))
    ordered = None if sources.pairs is None else _order(sources.pairs, versions)
    names, clip = versions.names, versions.old.config.n
    labelled = _labelled(rows, names)
    fires = _firing(rows, names)
    saturated = _saturated(rows, clip)
    right = sum(one.right for one in labelled.values())
    wrong = sum(one.wrong for one in labelled.values())
    precision = Labelled(right, wrong).precision
    found = {
        "max_share": fires.share.estimate if fires.share else None,
        "min_precision": precision.estimate if precision else None,
        "max_saturated": saturated[1] if saturated else None,
        "max_broken_pairs": ordered.broken / ordered.total if ordered and ordered.total else None,
    }
    stages = dict.fromkeys(row.stage for row in rows)
    changed = sorted({name for row in rows for name in _objections(row, names)} if names is None else names)
    return Backtest(
        title=title,
        old=versions.old.pack.version,
        new=versions.new.pack.version,
        records=log.records,
        broken=tuple(map(str, log.broken)),
        fires=fires,
        by_stage={stage: _firing([row for row in rows if row.stage == stage], names) for stage in stages},
        by_name={name: _firing(rows, frozenset({name})) for name in changed},
        labelled=labelled,
        e=_move(rows, [(row.before.e_enh, row.after.e_enh) for row in rows]),
        saturated=saturated,
        clip=clip,
        r_total=_move(rows, [(row.before.r_total, row.after.r_total) for row in rows]),
        pairs=ordered,
        affected=_most_affected(rows, names),
        touched=tuple(
            (row.before.e or 0.0, row.after.e or 0.0) for row in rows if row.before.e != row.after.e
        ),
        outcomes=hold(sources.limits, found),
        notes=tuple(notes),
    )


def _objections(row: Reread, names: frozenset[str] | None) -> frozenset[str]:
    """What differs between the versions in which rules and criteria object."""
    return row.before.objecting(names) ^ row.after.objecting(names)


def _firing(rows: Sequence[Reread], names: frozenset[str] | None) -> Firing:
    before = [row.before.objecting(names) for row in rows]
    after = [row.after.objecting(names) for row in rows]
    both = list(zip(before, after, strict=True))
    return Firing(
        len(rows),
        sum(bool(old) for old in before),
        sum(bool(new) for new in after),
        sum(bool(new - old) for old, new in both),
        sum(bool(old - new) for old, new in both),
    )


def _labelled(rows: Iterable[Reread], names: frozenset[str] | None) -> dict[str, Labelled]:
    counts: dict[str, Counter[tuple[bool, bool]]] = {}
    for row in rows:
        objecting = row.after.objecting(names)
        for name, label in row.logged.labels.items():
            if names is None or name in names:
                counts.setdefault(name, Counter())[label, name in objecting] += 1
    return {
        name: Labelled(found[True, True], found[False, True], found[True, False], found[False, False])
        for name, found in counts.items()
    }


def _saturated(rows: Sequence[Reread], clip: float) -> tuple[float, float] | None:
    """As training's telemetry counts it: E at the edge of its band or beyond."""
    both = [
        (row.before.e, row.after.e) for row in rows if row.before.e is not None and row.after.e is not None
    ]
    if not both:
        return None
    return sum(abs(old) >= clip for old, _ in both) / len(both), sum(
        abs(new) >= clip for _, new in both
    ) / len(both)


def _move(rows: Sequence[Reread], values: Sequence[tuple[float | None, float | None]]) -> Move | None:
    read = [
        (old, new, row.logged.talk)
        for row, (old, new) in zip(rows, values, strict=True)
        if old is not None and new is not None
    ]
    if not read:
        return None
    before, after, talks = (list(column) for column in zip(*read, strict=True))
    return Move(
        mean_interval(before, talks), mean_interval(after, talks), paired_difference(before, after, talks)
    )


def _order(path: Path, versions: Versions) -> Pairs:
    counts: Counter[tuple[str, str]] = Counter()
    flipped: list[tuple[str, str, str, str]] = []
    by = "E of the rules"
    for pair, chosen, rejected in read_pairs_again(path, versions):
        old, new = _place(chosen.before, rejected.before), _place(chosen.after, rejected.after)
        if chosen.before.r_total is not None:
            by = "R_total"
        elif chosen.before.e_judge is not None or chosen.after.e_judge is not None:
            by = "E of judge and rules"
        counts[old, new] += 1
        if old != new and len(flipped) < MOST:
            flipped.append((pair.chosen, pair.rejected, old, new))
    return Pairs(by, dict(counts), tuple(flipped))


def _place(chosen: Side, rejected: Side) -> str:
    a, b = chosen.order or 0.0, rejected.order or 0.0
    return "tie" if abs(a - b) < 1e-9 else "ahead" if a > b else "behind"


def _most_affected(rows: Sequence[Reread], names: frozenset[str] | None) -> tuple[Affected, ...]:
    """The replies that move furthest, each wording once, the first in the log standing for all."""
    groups: dict[tuple[str, frozenset[str]], list[Reread]] = {}
    for row in rows:
        if row.moved or _objections(row, names):
            groups.setdefault((row.logged.dialogue.reply or "", _objections(row, names)), []).append(row)
    shown = sorted(groups.values(), key=lambda group: -max(row.moved for row in group))[:MOST]
    return tuple(Affected(max(group, key=lambda row: row.moved), len(group)) for group in shown)
