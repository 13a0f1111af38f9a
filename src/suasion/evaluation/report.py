"""The verdict as two files: report.html for people, report.json for programs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from suasion.evaluation.criteria import Margins
from suasion.evaluation.measures import MEASURES, Measure
from suasion.evaluation.metrics import Arm
from suasion.evaluation.page import Examples, render_page
from suasion.evaluation.statistics import Interval
from suasion.evaluation.verdict import Verdict, judge_arms
from suasion.running.folder import write_text

ORDER = ("base", "sft", "repo")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """How a report was made: enough to make it again."""

    command: str
    seed: int
    suite_version: str
    commit: str
    versions: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)  # resolved; JSON values
    phases: Mapping[str, float] = field(default_factory=dict)  # seconds
    figures: Mapping[str, Any] = field(default_factory=dict)  # of RM and judge, when they were fitted
    trims: Sequence[str] = ()  # what was made smaller than configured, and why
    alarms: Sequence[str] = ()  # what rang during training
    dtype: str = ""


@dataclass(frozen=True, slots=True)
class MeasureRow:
    measure: Measure
    values: Mapping[str, Interval | None]  # by arm


@dataclass(frozen=True, slots=True)
class Report:
    verdict: Verdict
    rows: tuple[MeasureRow, ...]
    arms: tuple[Arm, ...]
    curves: tuple[Mapping[str, float | None], ...]
    run: RunInfo
    margins: Margins
    examples: Examples

    @property
    def headline(self) -> str:
        return self.verdict.headline

    def as_record(self) -> dict[str, Any]:
        """Everything numeric, as JSON values."""
        record = {
            "headline": self.headline,
            "better": self.verdict.better,
            "criteria": [asdict(row) | {"figure": row.figure} for row in self.verdict.criteria],
            "pairs": {
                "contexts": self.verdict.contexts,
                "replies": self.verdict.replies,
                "negotiations": self.verdict.negotiations,
            },
            "sizes": {
                a.name: {"replies": len(a.replies), "negotiations": len(a.negotiations)} for a in self.arms
            },
            "measures": [_row_record(row) for row in self.rows],
            "margins": asdict(self.margins),
            "curves": [dict(row) for row in self.curves],
            "run": asdict(self.run),
        }
        plain: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False, default=str))
        return plain

    def write(self, directory: Path) -> Path:
        """Write report.json and report.html into `directory`; returns the page's path."""
        directory.mkdir(parents=True, exist_ok=True)
        record = self.as_record()
        write_text(directory / "report.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        page = directory / "report.html"
        write_text(page, render_page(self, record))
        return page


def build_report(
    arms: Sequence[Arm],
    curves: Sequence[Mapping[str, Any]],
    run_info: RunInfo,
    margins: Margins | None = None,
    examples: Examples | None = None,
) -> Report:
    """Measure all arms and judge REPO against SFT.

    Args:
        arms: "sft" and "repo", and others to be shown beside them ("base"), paired by position.
        curves: one mapping per training step with a `step` and numbers by component; what is no finite
            number is a gap.

    Raises ValueError where "sft" or "repo" is missing or given twice, or where the arms are not paired.
    """
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names) or not {"sft", "repo"} <= set(names):
        raise ValueError(f"a report needs the arms 'sft' and 'repo', each once; found {names}")
    ranked = sorted(arms, key=lambda arm: ORDER.index(arm.name) if arm.name in ORDER else -1)
    by_name = {arm.name: arm for arm in arms}
    margins = margins or Margins()
    return Report(
        verdict=judge_arms(by_name["sft"], by_name["repo"], margins),
        rows=tuple(MeasureRow(m, {arm.name: m.of(arm) for arm in ranked}) for m in MEASURES),
        arms=tuple(ranked),
        curves=tuple({key: _number(value) for key, value in row.items()} for row in curves),
        run=run_info,
        margins=margins,
        examples=examples or Examples(),
    )


def _row_record(row: MeasureRow) -> dict[str, Any]:
    measure = row.measure
    return {
        "key": measure.key,
        "name": measure.name,
        "kind": measure.kind,
        "better": measure.better,
        "basis": measure.basis,
        "arms": {name: interval and asdict(interval) for name, interval in row.values.items()},
    }


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
