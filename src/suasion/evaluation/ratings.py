"""What raters wrote into their sheets: every cell checked, every fault named, nothing guessed."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from suasion.errors import InputError
from suasion.evaluation.panel import COLUMNS, Blinded, Key
from suasion.files import beside

SCALE = ("1", "2", "3", "4", "5")


@dataclass(frozen=True, slots=True)
class Rating:
    """One rater's reading of one dialogue. excellent: numbers of the agent's messages, from 1."""

    rater: str
    dialogue: str
    method: str
    source: str
    rating: int
    human_like: int
    excellent: tuple[int, ...]
    comment: str = ""


@dataclass(slots=True)
class Sheets:
    """All that was read: ratings, what is wrong, and which dialogues a rater left out on purpose."""

    ratings: list[Rating] = field(default_factory=list)
    faults: list[InputError] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)


def read_sheets(paths: Sequence[Path], key: Key) -> Sheets:
    """Every sheet, named by its file. Faults are gathered, so that a rater mends all of them at once."""
    sheets = Sheets()
    names = [path.stem for path in paths]
    for path in paths:
        if names.count(path.stem) > 1:
            raise InputError(f"two sheets are called {path.stem!r}: the name says the rater", str(path))
        _read_sheet(path, key, sheets)
    return sheets


def _read_sheet(path: Path, key: Key, sheets: Sheets) -> None:
    seen: dict[str, int] = {}
    for line, row in _rows(path):
        name = row["dialogue"].strip()
        blinded = key.dialogues.get(name)
        if blinded is None:
            sheets.faults.append(InputError(f"no dialogue {name!r} in the key", str(path), line, "dialogue"))
        elif name in seen:
            told = f"{name} stands in line {seen[name]} already"
            sheets.faults.append(InputError(told, str(path), line, "dialogue"))
        else:
            seen[name] = line
            _read_row(path, line, row, name, blinded, sheets)
    for name in key.dialogues:
        if name not in seen:
            sheets.faults.append(InputError(f"dialogue {name} is missing", str(path)))


def _read_row(
    path: Path, line: int, row: dict[str, str], name: str, blinded: Blinded, sheets: Sheets
) -> None:
    cells = {column: row[column].strip() for column in ("rating", "human_like", "excellent")}
    if not any(cells.values()):
        sheets.skipped.setdefault(path.stem, []).append(name)
        return
    before = len(sheets.faults)
    for column in ("rating", "human_like"):
        if cells[column] not in SCALE:
            told = f"expected a whole number from 1 to 5, found {cells[column]!r}"
            sheets.faults.append(InputError(told, str(path), line, column))
    marked = _marks(cells["excellent"], blinded.replies)
    if isinstance(marked, str):
        sheets.faults.append(InputError(marked, str(path), line, "excellent"))
    if len(sheets.faults) == before and not isinstance(marked, str):
        numbers = int(cells["rating"]), int(cells["human_like"])
        comment = row["comment"].strip()
        sheets.ratings.append(
            Rating(path.stem, name, blinded.method, blinded.source, *numbers, marked, comment)
        )


def _marks(cell: str, replies: int) -> tuple[int, ...] | str:
    """Numbers of the marked messages, or what is wrong with the cell."""
    if cell.casefold() == "none":
        return ()
    if not cell:
        return "expected marks as A2 A5, or none"
    found = set()
    for mark in cell.replace(",", " ").replace(";", " ").split():
        number = mark[1:] if mark[:1] in "Aa" else ""
        if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= replies:
            return f"expected marks from A1 to A{replies}, or none; found {mark!r}"
        found.add(int(number))
    return tuple(sorted(found))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line on which it starts; commas or, as some spreadsheets save, semicolons."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=";" if head.count(";") > head.count(",") else ",")
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"no column {', '.join(missing)}", str(path), 1)
            start = reader.line_num + 1
            for row in reader:
                yield start, {column: row[column] or "" for column in COLUMNS}
                start = reader.line_num + 1
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"not a CSV file in UTF-8: {error}", str(path)) from None


def write_ratings(path: Path, ratings: Sequence[Rating]) -> None:
    """One JSON a line, written beside the target and moved there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in ratings)
    with beside(path) as part:
        part.write_text("".join(lines), encoding="utf-8")


def read_ratings(path: Path) -> list[Rating]:
    """What `write_ratings` wrote. Raises InputError with the broken line."""
    found = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if line.strip():
                found.append(_rating(line, str(path), number))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    if not found:
        raise InputError("there is no rating in it", str(path))
    return found


def _rating(line: str, file: str, number: int) -> Rating:
    try:
        content: dict[str, Any] = json.loads(line)
        return Rating(**{**content, "excellent": tuple(content["excellent"])})
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a rating of `panel import`: {error!r}", file, number) from None
