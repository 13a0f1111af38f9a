"""The shards that are done, by method, and their readings as cells of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from suasion.bench.compare import MEASURES, Contrast, Estimate, contrast, estimate
from suasion.bench.plan import Shard, shards
from suasion.bench.preset import Preset
from suasion.bench.record import Record
from suasion.bench.rows import ROWS

MISSING = "missing"
MARK = " †"  # of a figure to which a stale shard has contributed


@dataclass(frozen=True)
class Results:
    """The shards of a preset that are done, by method. stale: why they are to be measured again, by name."""

    preset: Preset
    records: Mapping[str, Record]
    stale: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def plan(self) -> list[Shard]:
        return shards(self.preset)

    def of(self, row: str) -> list[Record]:
        """The method's trainings, in the order of their seeds."""
        return [one for one in self.done("method") if one.row == row]

    def draws(self) -> dict[str, list[list[dict[str, Any]]]]:
        """Method: draw of the coefficients: negotiation."""
        return {one.row or "": one.measures["draws"] for one in self.done("draws")}

    def tests(self) -> dict[str, dict[str, Any]]:
        """The A/B tests, by shard."""
        return {one.shard: one.measures["ab"] for one in self.done("ab")}

    def done(self, work: str) -> list[Record]:
        """Of this kind of shard, in the order of the plan."""
        plan = [one for one in self.plan if one.work == work]
        return [self.records[one.name] for one in plan if one.name in self.records]

    def methods(self, ablations: bool) -> dict[str, list[Record]]:
        return {name: self.of(name) for name, row in ROWS.items() if row.ablation == ablations}

    def estimate(self, row: str, measure: str) -> Estimate | None:
        found = self.of(row)
        read = any(MEASURES[measure].read(one.measures) for one in found)
        return estimate(found, MEASURES[measure]) if read else None

    def contrast(self, old: str, new: str, measure: str) -> Contrast | None:
        """new - old; None where one of them has no such reading."""
        try:
            return contrast(*self.sides(old, new), MEASURES[measure])
        except ValueError:
            return None

    def sides(self, old: str, new: str) -> tuple[list[Record], list[Record]]:
        """What is compared: an ablation with the same seeds of the method, else all trainings."""
        before, after = self.of(old), self.of(new)
        if ROWS[new].ablation:
            seeds = {record.seed for record in after}
            before = [record for record in before if record.seed in seeds]
        return before, after

    def mark(self, used: Iterable[Record]) -> str:
        """What a figure of these shards is marked with."""
        return MARK if any(one.shard in self.stale for one in used) else ""


def cell(found: Results, row: str, measure: str) -> str:
    one = found.estimate(row, measure)
    if one is None:
        return MISSING
    per = MEASURES[measure].per
    text = _number(one.interval.estimate, per)
    if one.interval.low is not None and one.interval.high is not None:
        text += f" ({_number(one.interval.low, per)} to {_number(one.interval.high, per)})"
    if len(one.seeds) > 1:
        text += f" [{', '.join(_number(seed, per) for seed in one.seeds)}]"
    return text + found.mark(found.of(row))


def difference(found: Results, old: str, new: str, measure: str) -> str:
    one = found.contrast(old, new, measure)
    if one is None:
        return MISSING
    per, (before, after) = MEASURES[measure].per, found.sides(old, new)
    mark = found.mark([*before, *after])
    text = f"{per * one.interval.estimate:+.{_digits(per)}f}"
    if one.interval.low is None or one.interval.high is None or not one.detectable:
        return f"{text} (no spread to judge it by){mark}"
    text += f" ({per * one.interval.low:+.{_digits(per)}f} to {per * one.interval.high:+.{_digits(per)}f}"
    text += f"; {per * one.detectable:.{_digits(per)}f} could be seen"
    text += f"; McNemar p {one.p_value:.3f})" if one.p_value is not None else ")"
    return (f"**{text}**" if one.decided else text) + mark


def _digits(per: int) -> int:
    return 1 if per == 100 else 2


def _number(value: float, per: int) -> str:
    return f"{per * value:.{_digits(per)}f}"
