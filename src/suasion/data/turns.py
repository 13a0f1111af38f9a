"""Dialogues as one CSV table, a turn a row, both ways."""

import csv
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from pydantic import ValidationError

from suasion.data.chat import SPEAKERS, BriefOf
from suasion.errors import InputError
from suasion.files import beside
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.yaml_files import describe

REQUIRED = ("dialogue", "speaker", "text")
OPTIONAL = ("silence_minutes", "at")
_Cells = dict[str, str]


def write_turns(path: Path, dialogues: Iterable[Dialogue]) -> int:
    """Write the turns to `path` in one move, a record's reply as its last one; how many dialogues they were.

    Brief, acts and outcome are not in it. Raises InputError for two dialogues of one id, which a table could
    not tell apart, and where there is no turn at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written: set[str] = set()
    with beside(path) as part, part.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow((*REQUIRED, *OPTIONAL))
        for dialogue in dialogues:
            if dialogue.id in written:
                raise InputError(f"two dialogues have the id {dialogue.id!r}; give each its own", field="id")
            reply = (Turn(speaker="agent", text=dialogue.reply),) if dialogue.reply else ()
            for turn in (*dialogue.turns, *reply):
                written.add(dialogue.id)
                table.writerow(
                    (dialogue.id, turn.speaker, turn.text or "", turn.silence_minutes or "", turn.at or "")
                )
        if not written:
            raise InputError("would be empty: the input has no turn", str(path))
    return len(written)


def read_turns(path: Path, brief_of: BriefOf) -> Iterator[Dialogue]:
    """Dialogues of a table with the columns dialogue, speaker and text; silence_minutes and at may be there.

    speaker is agent or counterpart, or assistant or user. Rows of one dialogue stand together. Raises
    InputError with file, line and field of a broken row.
    """
    seen: set[str] = set()
    for name, group in groupby(_rows(path), lambda row: row[1]["dialogue"]):
        rows = list(group)
        try:
            _check_name(name, seen)
            brief = brief_of(name)
        except InputError as error:
            raise InputError(error.message, str(path), rows[0][0], error.field) from None
        seen.add(name)
        turns = tuple(_turn(cells, str(path), line) for line, cells in rows)
        yield Dialogue(id=name, brief=brief, turns=turns, source="imported")


def _check_name(name: str, seen: set[str]) -> None:
    if not name:
        raise InputError("required, but missing", field="dialogue")
    if name in seen:
        raise InputError(f"dialogue {name!r} goes on after another one began", field="dialogue")


def _turn(cells: _Cells, file: str, line: int) -> Turn:
    content = {
        "speaker": SPEAKERS.get(cells["speaker"], cells["speaker"]),
        "text": cells["text"] or (None if cells["silence_minutes"] else ""),
        "silence_minutes": cells["silence_minutes"] or None,
        "at": cells["at"] or None,
    }
    try:
        return Turn.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise InputError(describe(fault), file, line, field or None) from None


def _rows(path: Path) -> Iterator[tuple[int, _Cells]]:
    """Each row's first line and its cells; "" where a column is not there."""
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, strict=True)
            missing = [column for column in REQUIRED if column not in (table.fieldnames or ())]
            if missing:
                raise InputError("column is missing", str(path), 1, missing[0])
            line = table.line_num + 1
            for cells in table:
                if None in cells:
                    raise InputError("more cells than columns: quote texts with commas", str(path), line)
                yield line, {column: cells.get(column) or "" for column in (*REQUIRED, *OPTIONAL)}
                line = table.line_num + 1
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"not a CSV file in UTF-8: {error}", str(path), line) from None
