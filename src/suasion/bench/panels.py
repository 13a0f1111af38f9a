"""What panels of raters say, from the JSON of `suasion panel report`: each by itself, by its raters' name."""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.bench.results import MISSING
from suasion.bench.rows import ROWS
from suasion.errors import InputError
from suasion.evaluation.agreement import Alpha
from suasion.evaluation.statistics import Interval, detectable
from suasion.yaml_files import describe

PATTERN = "panel*.json"  # of the reports among a preset's results
SCALES = {"rating": (1, 2), "human_like": (1, 2), "excellent": (100, 1)}  # times, digits

Table = list[list[str]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Rated(_Part):
    """One method. excellent: share of its dialogues."""

    dialogues: int = Field(ge=1)
    rating: Interval
    human_like: Interval
    excellent: Interval


class Pair(_Part):
    """Two methods on the same dialogues. p_value: of the ratings; adjusted_p: by Holm's method."""

    rating: Interval
    p_value: float
    adjusted_p: float
    detectable: float | None
    excellent: Interval
    excellent_p: float


class Panel(_Part):
    """One report. raters: what they are, such as "AI raters"; names: of each."""

    raters: str = Field(min_length=1)
    names: tuple[str, ...] = Field(min_length=1)
    consensus: str
    resolved: int
    queue: int
    methods: dict[str, Rated] = Field(min_length=1)
    agreement: dict[str, Alpha]
    pairs: dict[str, Pair]
    commit: str
    file: Path

    def table(self) -> Table:
        """Every method of the page that is compared, and what else was rated."""
        wanted = [name for name, row in ROWS.items() if not row.ablation]
        names = [*wanted, *(name for name in self.methods if name not in wanted)]
        return [[name, *self._cells(self.methods.get(name))] for name in names]

    def _cells(self, one: Rated | None) -> list[str]:
        if one is None:
            return [MISSING] * (1 + len(SCALES))
        return [str(one.dialogues), *(_ends(getattr(one, name), *scale) for name, scale in SCALES.items())]

    def alphas(self) -> Table:
        """How far the raters agree, beyond chance."""
        return [[what.replace("_", "-"), _alpha(one), str(one.units)] for what, one in self.agreement.items()]

    def compared(self) -> Table:
        return [[name, *_pair(one)] for name, one in self.pairs.items()]


def read_panel(path: Path) -> Panel:
    """Raises InputError for a file that is no panel's report."""
    try:
        return Panel.model_validate(json.loads(path.read_text(encoding="utf-8")) | {"file": path})
    except (OSError, ValueError, TypeError) as error:
        told = describe(error.errors()[0]) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"not the JSON of `panel report`: {told}", str(path)) from None


def read_panels(given: Sequence[Path], folder: Path) -> list[Panel]:
    """Those that are given, or else those that lie among the results."""
    return [read_panel(path) for path in given or sorted(folder.glob(PATTERN))]


def figure(panels: Iterable[Panel], method: str, name: str) -> str:
    """A cell of the paper's table: what each panel says of the method, and who that is."""
    told = [
        f"{_ends(getattr(panel.methods[method], name), *SCALES[name])} by {panel.raters}"
        for panel in panels
        if method in panel.methods
    ]
    return "; ".join(told) or MISSING


def link(panel: Panel, page: Path) -> str:
    """From the page to the report."""
    return Path(os.path.relpath(panel.file, page.parent)).as_posix()


def _ends(one: Interval, times: int, digits: int, sign: str = "") -> str:
    text = f"{times * one.estimate:{sign}.{digits}f}"
    if one.low is None or one.high is None:
        return f"{text} (no interval)"
    return f"{text} ({times * one.low:{sign}.{digits}f} to {times * one.high:{sign}.{digits}f})"


def _alpha(one: Alpha) -> str:
    if one.value is None:
        return "none: nothing varies"
    return _ends(Interval(one.value, one.low, one.high, one.units), *SCALES["rating"])


def _pair(one: Pair) -> list[str]:
    seen, share = one.detectable, detectable(one.excellent)
    return [
        _ends(one.rating, *SCALES["rating"], sign="+"),
        f"{one.p_value:.3f}, Holm {one.adjusted_p:.3f}",
        "–" if seen is None else f"{seen:.2f}",
        _ends(one.excellent, *SCALES["excellent"], sign="+"),
        f"{one.excellent_p:.3f}",
        "–" if share is None else f"{100 * share:.1f}",
    ]
