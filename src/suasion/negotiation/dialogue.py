"""The dialogue record: the format in which dialogues travel along the whole road."""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from suasion.errors import InputError, json_fault
from suasion.files import beside
from suasion.negotiation.brief import Brief
from suasion.yaml_files import describe

_HALF = re.compile("[\ud800-\udfff]")

Speaker = Literal["agent", "counterpart"]


class Turn(BaseModel):
    """One utterance, or a silence of the counterpart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speaker: Speaker
    text: str | None = None
    silence_minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    acts: tuple[str, ...] | None = None
    at: str | None = None

    @model_validator(mode="after")
    def _text_or_silence(self) -> "Turn":
        if (self.text is None) == (self.silence_minutes is None):
            raise ValueError("a turn has either text or silence_minutes")
        return self


class Outcome(BaseModel):
    """How a negotiation ended. Prices are selling prices in the ticket's currency."""

    model_config = ConfigDict(frozen=True, extra="allow")

    responded: bool
    tickets: dict[str, float | None] = {}
    successes: dict[str, bool] = {}
    ending: str = ""

    @property
    def success(self) -> bool:
        return bool(self.successes) and all(self.successes.values())

    @property
    def failed(self) -> bool:
        """A fault of agent or simulator ended it, and nothing that was said."""
        return self.ending.startswith("error")


class Dialogue(BaseModel):
    """Brief, turns so far, and the agent's next utterance where one is to be scored."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    brief: Brief
    turns: tuple[Turn, ...] = ()
    reply: str | None = None
    outcome: Outcome | None = None
    source: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_misspelt_key(cls, value: Any) -> Any:
        """Other keys are carried along, but one that looks like ours is a slip of the pen."""
        for key in value.keys() - cls.model_fields.keys() if isinstance(value, dict) else ():
            near = _field_near(str(key))
            if near:
                raise ValueError(f"unknown key {key!r}; did you mean {near!r}?")
        return value

    def continued(self, *turns: Turn) -> "Dialogue":
        return self.model_copy(update={"turns": (*self.turns, *turns), "reply": None})

    def with_reply(self, reply: str) -> "Dialogue":
        return self.model_copy(update={"reply": reply})


@lru_cache(maxsize=256)
def _field_near(key: str) -> str | None:
    """The field of a dialogue that `key` looks like; a file's records have the same keys over and over."""
    return next(iter(difflib.get_close_matches(key, Dialogue.model_fields, n=1, cutoff=0.8)), None)


def parse_dialogue(
    line: str, file: str, number: int, check: Callable[[Brief], None] | None = None
) -> Dialogue:
    """One JSON line as a Dialogue; `check` looks at the brief (a pack's `check_brief`).

    Raises InputError naming file, line and field.
    """
    try:
        content = json.loads(line, parse_constant=_no_constant)
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise InputError(json_fault(error), file, number) from None
    if not isinstance(content, dict):
        raise InputError(f"a record is a JSON object, found {type(content).__name__}", file, number)
    if _may_be_halved(line) and (where := _half_character(content)) is not None:
        raise InputError("half of a surrogate pair is no text", file, number, where or None)
    try:
        dialogue = Dialogue.model_validate(content)
        if check:
            check(dialogue.brief)
        return dialogue
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise InputError(describe(fault), file, number, field or None) from None
    except InputError as error:
        raise InputError(error.message, file, number, error.field) from None


def _may_be_halved(line: str) -> bool:
    """Whether a lone surrogate may come out of a line of JSON: it is written as an escape, or as it is."""
    return "\\u" in line or _HALF.search(line) is not None


def _half_character(content: Any) -> str | None:
    """The field of a text with a lone surrogate, however deep: JSON allows it, UTF-8 does not."""
    open_parts = [("", content)]
    while open_parts:
        where, part = open_parts.pop()
        if isinstance(part, str) and _HALF.search(part):
            return where.encode("utf-8", "replace").decode()
        if isinstance(part, dict):
            named = {f"{where}.{key}".lstrip("."): (key, value) for key, value in part.items()}
            open_parts += [(below, text) for below, texts in named.items() for text in texts]
        elif isinstance(part, list):
            open_parts += [(f"{where}.{index}".lstrip("."), value) for index, value in enumerate(part)]
    return None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def read_dialogues(
    path: Path, check: Callable[[Brief], None] | None = None
) -> Iterator[tuple[int, Dialogue | InputError]]:
    """Each line's number and record, or what is wrong with it; one line is held at a time.

    Raises InputError when the file itself can't be read.
    """
    try:
        with path.open("rb") as lines:
            for number, raw in enumerate(lines, start=1):
                try:
                    line = raw.decode("utf-8")
                    if line.strip():
                        yield number, parse_dialogue(line, str(path), number, check)
                except UnicodeDecodeError as error:
                    yield (
                        number,
                        InputError(f"not UTF-8: {error.reason} at byte {error.start}", str(path), number),
                    )
                except InputError as error:
                    yield number, error
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None


def load_dialogues(path: Path, check: Callable[[Brief], None] | None = None) -> list[Dialogue]:
    """All records of a file; the first broken one is raised."""
    dialogues = []
    for _, record in read_dialogues(path, check):
        if isinstance(record, InputError):
            raise record
        dialogues.append(record)
    return dialogues


def replies_of(dialogue: Dialogue) -> Iterator[Dialogue]:
    """Each utterance of the agent as the `reply` to the turns before it; its id tells its place."""
    for number, turn in enumerate(dialogue.turns):
        if turn.speaker == "agent" and turn.text is not None:
            before = {"id": f"{dialogue.id}#{number}", "turns": dialogue.turns[:number], "outcome": None}
            yield dialogue.model_copy(update={**before, "reply": turn.text})


def dump_dialogue(dialogue: Dialogue) -> str:
    """The record as one JSON line, without the fields that are not set."""
    return json.dumps(dialogue.model_dump(mode="json", exclude_none=True), ensure_ascii=False)


def write_dialogues(path: Path, dialogues: Iterable[Dialogue]) -> int:
    """Write records beside `path`, then move them there, so that a kill leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with beside(path) as part, part.open("w", encoding="utf-8") as out:
        for dialogue in dialogues:
            out.write(dump_dialogue(dialogue) + "\n")
            count += 1
    return count
