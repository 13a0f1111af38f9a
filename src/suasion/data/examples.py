"""What travels between the stages of training: examples, preference pairs and verdicts, as JSON lines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from suasion.errors import InputError, json_fault
from suasion.files import beside
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.yaml_files import describe

R = TypeVar("R", "Example", "Pair", "Verdict")


@dataclass(frozen=True)
class Example:
    """A context and the good reply to it (`dialogue.reply`). `acts` is the truth of what it contains."""

    dialogue: Dialogue
    acts: tuple[str, ...]
    stage: str
    family: str


@dataclass(frozen=True)
class Pair:
    """Two replies to one context, of which the first is better.

    `defect` names what is wrong with the rejected one; for `quality`, where both are free of defects, what
    the chosen one has before the other; for `sampled`, where the policy wrote the rejected one, a rule that
    it breaks; for `outcome`, where the policy wrote both, that less is won after it.
    """

    dialogue: Dialogue
    chosen: str
    rejected: str
    kind: Literal["defect", "quality", "sampled", "outcome"]
    defect: str
    source: str
    family: str
    chosen_acts: tuple[str, ...]
    rejected_acts: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """Whether the reply of the dialogue meets one criterion of the rubric."""

    dialogue: Dialogue
    criterion: str
    verdict: bool


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write the records to `path` in one move; how many they were."""
    return _write(path, examples, Example)


def write_pairs(path: Path, pairs: Iterable[Pair]) -> int:
    """Write the records to `path` in one move; how many they were."""
    return _write(path, pairs, Pair)


def write_verdicts(path: Path, verdicts: Iterable[Verdict]) -> int:
    """Write the records to `path` in one move; how many they were."""
    return _write(path, verdicts, Verdict)


def read_examples(path: Path) -> Iterator[Example]:
    """Each record of the file. Raises InputError with file, line and field of a broken one."""
    return _read(path, Example)


def read_pairs(path: Path) -> Iterator[Pair]:
    """Each record of the file. Raises InputError with file, line and field of a broken one."""
    return _read(path, Pair)


def each_pair(
    path: Path, check: Callable[[Brief], None] | None = None
) -> Iterator[tuple[int, Pair | InputError]]:
    """Each line's number and pair, or what is wrong with it; `check` looks at the brief.

    Raises InputError when the file itself can't be read.
    """
    for number, record in _each(path, Pair):
        try:
            if check and isinstance(record, Pair):
                check(record.dialogue.brief)
        except InputError as error:
            yield number, InputError(error.message, str(path), number, f"dialogue.{error.field}")
        else:
            yield number, record


def read_verdicts(path: Path) -> Iterator[Verdict]:
    """Each record of the file. Raises InputError with file, line and field of a broken one."""
    return _read(path, Verdict)


def _write(path: Path, records: Iterable[R], kind: type[R]) -> int:
    """Write beside `path`, then move there, so that a kill leaves the old file whole."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with beside(path) as part, part.open("wb") as out:
        for record in records:
            out.write(adapter.dump_json(record, exclude_none=True) + b"\n")
            count += 1
    return count


def _read(path: Path, kind: type[R]) -> Iterator[R]:
    for _, record in _each(path, kind):
        if isinstance(record, InputError):
            raise record
        yield record


def _each(path: Path, kind: type[R]) -> Iterator[tuple[int, R | InputError]]:
    adapter: TypeAdapter[R] = TypeAdapter(kind)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _parsed(line, adapter, kind, str(path), number)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None


def _parsed(line: bytes, adapter: "TypeAdapter[R]", kind: type[R], file: str, number: int) -> R | InputError:
    try:
        return _parse(line, adapter, kind, file, number)
    except InputError as error:
        return error


def _parse(line: bytes, adapter: "TypeAdapter[R]", kind: type[R], file: str, number: int) -> R:
    try:
        content = from_json(line.rstrip(), allow_inf_nan=False)
    except ValueError as error:
        raise InputError(json_fault(error), file, number) from None
    if not isinstance(content, dict):
        raise InputError(f"a record is a JSON object, found {type(content).__name__}", file, number)
    for key in content.keys() - {field.name for field in fields(kind)}:
        raise InputError("unknown key; remove it or mend its spelling", file, number, str(key))
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise InputError(describe(fault), file, number, field or None) from None
