"""Briefs for imported dialogues: one for all of them, or that of the record with the same id."""

import json
from collections.abc import Callable
from pathlib import Path

from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import load_dialogues
from suasion.yaml_files import YamlFile, read_yaml

Check = Callable[[Brief], None]


def given_briefs(path: Path, check: Check | None = None) -> Callable[[str], Brief]:
    """The brief of a dialogue's id, from a file.

    path: YAML or JSON with the fields of a brief, for every dialogue; or dialogue records (.jsonl), of which
    the one with the same id has the brief.
    check: looks at each brief (a pack's `check_brief`).

    Raises InputError with file, line and field of a broken brief; what is returned, for an unknown id.
    """
    if path.suffix != ".jsonl":
        brief = _one(path, check)
        return lambda name: brief
    briefs = {record.id: record.brief for record in load_dialogues(path, check)}

    def of(name: str) -> Brief:
        if name not in briefs:
            raise InputError(f"{path} has no record {name!r} to take the brief from", field="id")
        return briefs[name]

    return of


def _one(path: Path, check: Check | None) -> Brief:
    file = read_yaml(path)
    plain = json.loads(json.dumps(file.content, default=str))  # briefs hold days as text
    brief = YamlFile(path, plain, file.lines).parse(Brief)
    try:
        if check:
            check(brief)
    except InputError as error:
        parts = (error.field or "").removeprefix("brief.").split(".")
        loc = tuple(int(part) if part.isdigit() else part for part in parts)
        raise file.error(error.message, loc) from None
    return brief
