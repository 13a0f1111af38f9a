"""Logged dialogues as two CSV tables, turns and outcomes, read as a pack's `import.yaml` says."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Outcome, Speaker, Turn
from suasion.negotiation.pack import Pack

FILE = "import.yaml"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TurnTable(_Frozen):
    """One sentence or turn a row: which columns say what."""

    file: str
    dialogue: str
    speaker: str
    text: str


class OutcomeTable(_Frozen):
    """One number a row, of one side of one dialogue."""

    file: str
    dialogue: str
    speaker: str
    value: str
    names: dict[Speaker, str] = Field(description="what each side's number is called in the outcome")


class Tables(_Frozen):
    """`import.yaml` of a pack."""

    version: int
    goal: str = Field(description="what the agents of these dialogues were after")
    brief: dict[str, str] = Field(
        {}, description="what else they were told, in the fields of the pack's briefs"
    )
    turns: TurnTable
    speakers: dict[str, Speaker] = Field(description="how the tables call the two sides")
    outcomes: OutcomeTable


@dataclass(frozen=True)
class _Row:
    """One line of a table, and where it stands."""

    file: str
    line: int
    cells: dict[str, str]

    def text(self, name: str) -> str:
        value = self.cells.get(name)
        if value is None or not value.strip():
            raise self.error("required, but missing", name)
        return value.strip()

    def speaker(self, name: str, known: dict[str, Speaker]) -> Speaker:
        if self.text(name) not in known:
            sides = " or ".join(f"{key} ({side})" for key, side in known.items())
            raise self.error(f"expected {sides}, found {self.text(name)!r}", name)
        return known[self.text(name)]

    def number(self, name: str) -> float:
        try:
            value = float(self.text(name))
        except ValueError:
            raise self.error(f"expected a number, found {self.text(name)!r}", name) from None
        if not 0 <= value < float("inf"):
            raise self.error(f"expected a number from 0 up, found {self.text(name)!r}", name)
        return value

    def error(self, message: str, field: str) -> InputError:
        return InputError(message, self.file, self.line, field)


def load_tables(pack: Pack) -> Tables:
    """Raises InputError with file, line and field, and where the pack says nothing of tables."""
    if not pack.has(FILE):
        raise InputError(f"the pack {pack.id!r} has no {FILE}: it does not say how its tables are read")
    return pack.file(FILE).parse(Tables)


def pack_of_tables(folder: Path) -> Pack:
    """The built-in pack whose tables lie in the folder. Raises InputError where there is none."""
    wanted = []
    for path in sorted(Path(str(files("suasion") / "packs")).glob(f"*/{FILE}")):
        pack = Pack.load(path.parent)
        tables = load_tables(pack)
        names = (tables.turns.file, tables.outcomes.file)
        if any((folder / name).is_file() for name in names):
            return pack
        wanted.append(f"{' and '.join(names)} ({pack.id})")
    raise InputError(f"can't be read: none of the known tables is there: {'; '.join(wanted)}", str(folder))


def import_tables(
    folder: Path, tables: Tables, goal: str | None = None, whole_brief: bool = True
) -> Iterator[Dialogue]:
    """Each dialogue of the two tables; rows of one turn become one turn.

    Args:
        folder: where the tables lie.
        tables: how they are read.
        goal: what the agents were after, instead of what `tables` says.
        whole_brief: with all that the pack's briefs hold, else with the goal alone.

    Raises InputError with file, line and field for a broken table.
    """
    told = {"goal": goal or tables.goal} | (tables.brief if whole_brief else {})
    results = _results(folder / tables.outcomes.file, tables)
    columns = tables.turns
    table = _rows(folder / columns.file, (columns.dialogue, columns.speaker, columns.text))
    seen: set[str] = set()
    for name, group in groupby(table, lambda row: row.text(columns.dialogue)):
        rows = list(group)
        if name in seen:
            raise rows[0].error(f"dialogue {name!r} goes on after another one began", columns.dialogue)
        seen.add(name)
        turns = tuple(_turns(rows, tables))
        if name not in results:
            raise rows[0].error(f"dialogue {name!r} has no row in {tables.outcomes.file}", columns.dialogue)
        responded = any(turn.speaker == "counterpart" for turn in turns)
        outcome = Outcome(responded=responded, ending="complete", **results[name])
        yield Dialogue(id=name, brief=Brief(**told), turns=turns, outcome=outcome, source="human")


def _turns(rows: Iterable[_Row], tables: Tables) -> Iterator[Turn]:
    columns = tables.turns
    for speaker, units in groupby(rows, lambda row: row.speaker(columns.speaker, tables.speakers)):
        text = " ".join(" ".join(unit.text(columns.text).split()) for unit in units)
        yield Turn(speaker=speaker, text=text)


def _results(path: Path, tables: Tables) -> dict[str, dict[str, float]]:
    """The number of each side of each dialogue."""
    columns = tables.outcomes
    found: dict[str, dict[str, float]] = {}
    for row in _rows(path, (columns.dialogue, columns.speaker, columns.value)):
        side = row.speaker(columns.speaker, tables.speakers)
        if side in columns.names:
            found.setdefault(row.text(columns.dialogue), {})[columns.names[side]] = row.number(columns.value)
    return found


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            table = csv.DictReader(lines, strict=True)
            missing = [column for column in columns if column not in (table.fieldnames or ())]
            if missing:
                raise InputError("column is missing", str(path), 1, missing[0])
            last = table.line_num
            for cells in table:
                yield _Row(str(path), last + 1, {column: cells.get(column) or "" for column in columns})
                last = table.line_num
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"not a CSV file in UTF-8: {error}", str(path), table.line_num) from None
