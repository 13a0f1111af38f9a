"""The log of an A/B test: one conversation a line, from JSONL, CSV or Parquet, checked line by line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from suasion.errors import InputError, json_fault
from suasion.yaml_files import describe

OPTIONAL = ("tickets", "tickets_won", "reduction", "replies", "violations")

_Blank = BeforeValidator(lambda value: None if value == "" else value)  # an empty cell of a CSV file
_Count = Annotated[Annotated[int, Field(ge=0)] | None, _Blank]


class Conversation(BaseModel):
    """One line of a log. Columns beside these are kept: segments are cut by them.

    reduction: mean share of the selling price that was taken off, 0 where nothing was agreed.
    violations: rules broken in the agent's `replies`.
    withheld, fallbacks, failures: what the guard did in them (guarded_talks.py), in an arm that has one.
    """

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    hotel: str
    arm: str
    responded: bool
    success: bool
    tickets: Annotated[Annotated[int, Field(gt=0)] | None, _Blank] = None
    tickets_won: _Count = None
    reduction: Annotated[Annotated[float, Field(ge=-10, le=1, allow_inf_nan=False)] | None, _Blank] = None
    replies: _Count = None
    violations: _Count = None
    withheld: _Count = None
    fallbacks: _Count = None
    failures: _Count = None

    def segment(self, column: str) -> str | None:
        """What the line says in any column, as text; None where it has none."""
        value = getattr(self, column, None)
        return None if value is None else str(value)


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
        _check(found[-1], found[0], str(path), number)
    if not found:
        raise InputError("there is no conversation in it", str(path))
    return found


def _check(one: Conversation, first: Conversation, file: str, line: int) -> None:
    if one.success and not one.responded:
        raise InputError("a success without a response", file, line, "success")
    if (one.tickets_won or 0) > (one.tickets or 0):
        raise InputError("more tickets won than there were", file, line, "tickets_won")
    for column in OPTIONAL:
        if (getattr(one, column) is None) != (getattr(first, column) is None):
            raise InputError("a column is filled in every line or in none", file, line, column)


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
                    raise InputError(json_fault(error), str(path), number) from None
