"""What a survey of data files says, held against limits: `suasion data check`."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from suasion.data.survey import Leak, Lengths, Places, Split, Survey
from suasion.evaluation.data_limits import Limits

if TYPE_CHECKING:
    from suasion.evaluation.statistics import Interval

FEWEST = 20  # counted below that, the share of the commonest says nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of one file, or of two, beside its limit.

    found: a share or, of names and families, a count; None where there was too little to measure.
    interval: 95 %, where one was worked out; then the limit is passed only when all of it lies beyond.
    """

    what: str
    where: str
    found: float | None
    limit: float
    over: bool
    interval: "Interval | None" = None
    shown: tuple[str, ...] = ()


def findings(surveyed: Survey, limits: Limits) -> list[Finding]:
    """Every measure of every file and of each two files."""
    found: list[Finding] = []
    for split in surveyed.splits:
        found += [*_repetitions(split, limits), *_imbalances(split, limits), *_length_bias(split, limits)]
    for leak in surveyed.leaks:
        found += _leaks(leak, limits)
    return found


def as_json(surveyed: Survey, limits: Limits, found: list[Finding]) -> dict[str, Any]:
    """Everything that was found; counts in order of size."""
    return {
        "limits": asdict(limits),
        "files": [
            {
                "file": split.file,
                "pairs": split.pairs,
                "records": split.records,
                "broken": split.broken,
                "counts": {name: dict(counts.most_common()) for name, counts in split.counts.items()},
            }
            for split in surveyed.splits
        ],
        "findings": [asdict(one) for one in found],
    }


def _repetitions(split: Split, limits: Limits) -> Iterator[Finding]:
    where, of = split.file, split.records
    yield _of_records("duplicates", where, split.duplicates, of, limits.duplicates)
    yield _of_records("near duplicates", where, split.near_duplicates, of, limits.near_duplicates)


def _leaks(leak: Leak, limits: Limits) -> Iterator[Finding]:
    where = f"{leak.first} | {leak.second}"
    yield _of_records("records in both", where, leak.records, leak.of, limits.leaks)
    yield _of_records("near in both", where, leak.near, leak.of, limits.near_leaks)
    yield _of_names("names in both", where, leak.names, limits.shared_names)
    yield _of_names("families in both", where, leak.families, limits.shared_families)


def _of_records(what: str, where: str, places: Places, of: int, limit: float) -> Finding:
    share = places.count / of if of else None
    return Finding(what, where, share, limit, (share or 0) > limit, shown=tuple(places.shown))


def _of_names(what: str, where: str, places: Places, limit: int) -> Finding:
    return Finding(what, where, places.count, limit, places.count > limit, shown=tuple(places.shown))


def _imbalances(split: Split, limits: Limits) -> Iterator[Finding]:
    for name, counts in split.counts.items():
        total, limit = counts.total(), float(getattr(limits, name))
        if not total:
            continue
        commonest, count = counts.most_common(1)[0]
        share = count / total if total >= FEWEST else None
        yield Finding(f"commonest {name}", split.file, share, limit, (share or 0) > limit, shown=(commonest,))


def _length_bias(split: Split, limits: Limits) -> Iterator[Finding]:
    kinds = dict(sorted(split.lengths.items()))
    everything = Lengths()
    for one in kinds.values():
        everything.longer += one.longer
        everything.contexts += one.contexts
    named = {"": everything, **{f", {kind}": one for kind, one in kinds.items()}}
    for kind, lengths in named.items() if kinds else ():
        interval = _longer(lengths)
        low, high = interval.low, interval.high
        over = low is not None and high is not None and (low > limits.longer or high < 1 - limits.longer)
        yield Finding(
            f"chosen longer{kind}", split.file, interval.estimate, limits.longer, over, interval=interval
        )


def _longer(lengths: Lengths) -> "Interval":
    """Share of pairs whose chosen reply is the longer one; what counts is contexts, not pairs.

    Where all pairs agree there is no spread to go by: then the exact interval of as many contexts.
    """
    # what has no pairs is checked without the libraries of statistics
    from suasion.evaluation.statistics import Interval, exact_interval, mean_interval

    interval = mean_interval([float(one) for one in lengths.longer], lengths.contexts)
    if interval.estimate not in (0.0, 1.0):
        return interval
    contexts = len(set(lengths.contexts))
    exact = exact_interval(round(interval.estimate * contexts), contexts)
    return Interval(exact.estimate, exact.low, exact.high, interval.n)
