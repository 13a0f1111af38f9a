"""An A/B test between agents, randomised by hotel: what an experiment's log says, and what one would take."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.stats import chisquare
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from suasion.errors import InputError
from suasion.evaluation.statistics import Difference, Rates, count_rate_interval, rate_difference
from suasion.yaml_files import describe

LEVEL = 0.05  # two-sided, of planning
SUSPICIOUS = 0.001  # p-value of the split below which something is wrong with the randomisation
MEASURES = ("response", "success", "success_given_response")


class Conversation(BaseModel):
    """One line of a log; other columns are carried by nobody."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    hotel: str
    arm: str
    responded: bool
    success: bool


@dataclass(frozen=True, slots=True)
class Split:
    """Whether the hotels fell into the arms as they should.

    p_value: of the hotels' counts under the intended shares; mixed: hotels that were in several arms.
    """

    hotels: dict[str, int]
    p_value: float
    mixed: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return self.p_value >= SUSPICIOUS and not self.mixed


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure in both arms; rates in [0, 1], the difference is treated - control."""

    control: float
    treated: float
    difference: Difference


def read_log(path: Path) -> list[Conversation]:
    """The conversations of a JSONL, CSV or Parquet file, by the name's ending.

    Raises InputError with file, line (row) and field of the first that is broken, for another ending, and
    when there are none.
    """
    found = []
    for number, row in _rows(path):
        try:
            found.append(Conversation.model_validate(row))
        except ValidationError as error:
            fault = error.errors()[0]
            raise InputError(describe(fault), str(path), number, ".".join(map(str, fault["loc"]))) from None
        if found[-1].success and not found[-1].responded:
            raise InputError("a success without a response", str(path), number, "success")
    if not found:
        raise InputError("there is no conversation in it", str(path))
    return found


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        if path.suffix == ".jsonl":
            yield from _json_lines(path)
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as lines:
                reader = csv.DictReader(lines)
                yield from ((reader.line_num, row) for row in reader)
        elif path.suffix == ".parquet":
            from pyarrow import ArrowInvalid
            from pyarrow.parquet import read_table

            try:
                yield from enumerate(read_table(path).to_pylist(), start=1)
            except ArrowInvalid as error:
                raise InputError(f"not a Parquet file: {error}", str(path)) from None
        else:
            raise InputError("a log ends in .jsonl, .csv or .parquet", str(path))
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror or error}", str(path)) from None
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason}", str(path)) from None


def _json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except json.JSONDecodeError as error:
                    raise InputError(f"not valid JSON: {error}", str(path), number) from None


def split_of(log: Iterable[Conversation], shares: Mapping[str, float]) -> Split:
    """How the hotels fell into the arms, against the shares (of any sum) that were meant."""
    arms: dict[str, set[str]] = {}
    for one in log:
        arms.setdefault(one.hotel, set()).add(one.arm)
    counts = Counter(arm for found in arms.values() for arm in found)
    total, whole = sum(counts[arm] for arm in shares), sum(shares.values())
    expected = [total * share / whole for share in shares.values()]
    tested = chisquare([counts[arm] for arm in shares], expected)
    mixed = tuple(sorted(hotel for hotel, found in arms.items() if len(found) > 1))
    return Split({arm: counts[arm] for arm in shares}, float(tested.pvalue), mixed)


def compare(log: Sequence[Conversation], control: str, treated: str) -> dict[str, Comparison]:
    """Each of MEASURES, with intervals clustered by hotel; one that nobody could reach is left out."""
    found = {}
    for measure in MEASURES:
        old, new = (_rates([one for one in log if one.arm == arm], measure) for arm in (control, treated))
        if sum(old.exposures) and sum(new.exposures):
            found[measure] = Comparison(
                control=count_rate_interval(old.counts, old.exposures, old.clusters).estimate,
                treated=count_rate_interval(new.counts, new.exposures, new.clusters).estimate,
                difference=rate_difference(old, new),
            )
    return found


def _rates(log: Sequence[Conversation], measure: str) -> Rates:
    won = [float(one.responded if measure == "response" else one.success) for one in log]
    tried = [float(one.responded) if measure == "success_given_response" else 1.0 for one in log]
    return Rates(won, tried, [one.hotel for one in log])


def analyse(path: Path, control: str, shares: Mapping[str, float]) -> dict[str, Any]:
    """Split and comparisons of a log, every arm against the control; as `suasion ab analyze` writes them.

    Raises InputError for a broken log and for an arm that it does not have, or that `shares` does not.
    """
    log = read_log(path)
    arms = sorted({one.arm for one in log})
    meant = dict(shares) or dict.fromkeys(arms, 1.0)
    for arm in {control, *meant} - set(arms):
        raise InputError(
            f"no conversation of arm {arm!r}; the log has {', '.join(arms)}", str(path), field="arm"
        )
    for arm in set(arms) - set(meant):
        raise InputError(f"arm {arm!r} has no share; give one for each arm", str(path), field="arm")
    split = split_of(log, meant)
    return {
        "conversations": dict(Counter(one.arm for one in log)),
        "split": asdict(split) | {"sound": split.sound},
        "comparisons": {
            arm: {name: asdict(one) for name, one in compare(log, control, arm).items()}
            for arm in meant
            if arm != control
        },
    }


def conversations_needed(
    before: float, after: float, power: float, per_hotel: float = 1.0, correlation: float = 0.0
) -> int:
    """Conversations in each of two equal arms, for a two-sided test at 5 % to see a rate change so.

    per_hotel: conversations with one hotel on average; correlation: of two of them (intraclass). Both widen
    the test by Kish's design effect, 1 + (per_hotel - 1) x correlation.
    """
    effect = abs(proportion_effectsize(after, before))
    simple = NormalIndPower().solve_power(effect, alpha=LEVEL, power=power, alternative="two-sided")
    return int(-(-float(simple) * (1 + (per_hotel - 1) * correlation) // 1))
