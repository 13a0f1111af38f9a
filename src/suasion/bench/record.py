"""A shard's JSON: what was measured, and everything that says how. It appears whole or not at all."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.bench.plan import Shard
from suasion.errors import InputError
from suasion.running.folder import write_text
from suasion.yaml_files import describe


class Record(BaseModel):
    """What a shard leaves. `measures` is by instrument."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard: str
    work: str
    row: str | None
    seed: int
    preset: str
    command: str
    commit: str
    versions: dict[str, str]
    pack: str = Field(description="version of the pack")
    code: str | None = Field(
        default=None, description="version of the code that decides (stale.py); unknown in JSON without it"
    )
    suite_version: str | None = Field(description="of what measures held-out replies")
    paid_by: str | None = Field(description="version of what the method was paid with")
    instruments: list[dict[str, Any]]
    lock: str = Field(description="SHA-256 of LOCK")
    dtype: str
    finished: str = Field(description="UTC")
    minutes: float
    phases: dict[str, float] = Field(description="seconds")
    settings: dict[str, Any] = Field(description="of training, as used")
    curve: list[dict[str, Any]] = Field(description="of training, one record a step")
    measures: dict[str, Any]


def write_record(folder: Path, record: Record) -> Path:
    """One line per field, and per item of a measure, so that a difference can be read."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record.shard}.json"
    content = record.model_dump(mode="json")
    lines = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in content.items())
    write_text(path, f"{{\n{lines}\n}}\n")
    return path


def _lines(value: Any) -> str:
    """Compact JSON; a dict's entries, and a list of records, on lines of their own."""
    match value:
        case dict() if value:
            inner = ",\n".join(f" {json.dumps(key)}: {_lines_inside(one)}" for key, one in value.items())
            return f"{{\n{inner}\n}}"
        case list() if value and isinstance(value[0], dict):
            return _lines_inside(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _lines_inside(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        return "[\n" + ",\n".join(f"  {json.dumps(one, ensure_ascii=False)}" for one in value) + "\n ]"
    return json.dumps(value, ensure_ascii=False)


def read_record(path: Path) -> Record:
    """Raises InputError for a file that is no shard's JSON."""
    try:
        return Record.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        told = describe(error.errors()[0]) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"not a shard's JSON: {told}", str(path)) from None


def read_records(folder: Path, known: Iterable[Shard]) -> dict[str, Record]:
    """The shards of a plan that are done, by name."""
    return {
        shard.name: read_record(path) for shard in known if (path := folder / f"{shard.name}.json").exists()
    }
