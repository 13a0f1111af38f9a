"""The shards that are done, by method, and their readings as cells of a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suasion.bench.compare import MEASURES, Contrast, Estimate, contrast, estimate
from suasion.bench.plan import Shard, shards
from suasion.bench.preset import Preset
from suasion.bench.record import Record
from suasion.bench.rows import ROWS

MISSING = "missing"


@dataclass(frozen=True)
class Results:
    """The shards of a preset that are done, by method."""

    preset: Preset
    records: Mapping[str, Record]

    @property
    def plan(self) -> list[Shard]:
        return shards(self.preset)

    def of(self, row: str) -> list[Record]:
        """The method's trainings, in the order of their seeds."""
        return [self.records[one.name] for one in self._done("method") if one.row == row]

    def draws(self) -> dict[str, list[list[dict[str, Any]]]]:
        """Method: draw of the coefficients: negotiation."""
        return {one.row or "": self.records[one.name].measures["draws"] for one in self._done("draws")}

    def _done(self, work: str) -> list[Shard]:
        return [one for one in self.plan if one.work == work and one.name in self.records]

    def methods(self, ablations: bool) -> dict[str, list[Record]]:
        return {name: self.of(name) for name, row in ROWS.items() if row.ablation == ablations}

    def estimate(self, row: str, measure: str) -> Estimate | None:
        found = self.of(row)
        read = any(MEASURES[measure].read(one.measures) for one in found)
        return estimate(found, MEASURES[measure]) if read else None

    def contrast(self, old: str, new: str, measure: str) -> Contrast | None:
        """new - old; an ablation is compared with the same seeds of the method."""
        after = self.of(new)
        seeds = {record.seed for record in after}
        before = self.of(old)
        if ROWS[new].ablation:
            before = [record for record in before if record.seed in seeds]
        try:
            return contrast(before, after, MEASURES[measure])
        except ValueError:  # one of them has no such reading
            return None


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
    return text


def difference(found: Results, old: str, new: str, measure: str) -> str:
    one = found.contrast(old, new, measure)
    if one is None:
        return MISSING
    per = MEASURES[measure].per
    text = f"{per * one.interval.estimate:+.{_digits(per)}f}"
    if one.interval.low is None or one.interval.high is None or not one.detectable:
        return f"{text} (no spread to judge it by)"
    text += f" ({per * one.interval.low:+.{_digits(per)}f} to {per * one.interval.high:+.{_digits(per)}f}"
    text += f"; {per * one.detectable:.{_digits(per)}f} could be seen"
    text += f"; McNemar p {one.p_value:.3f})" if one.p_value is not None else ")"
    return f"**{text}**" if one.decided else text


def _digits(per: int) -> int:
    return 1 if per == 100 else 2


def _number(value: float, per: int) -> str:
    return f"{per * value:.{_digits(per)}f}"
