"""What went wrong in a dialogue: the reply, the words that should not be there, why, how bad, who says so."""

import json
import os
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Severity
from suasion.yaml_files import describe

STORE = Path("incidents")
SLUG_WORDS, SLUG_LETTERS = 6, 80  # of an id, which names a file
_NAME = r"^[a-z0-9][a-z0-9-]*$"


def parse_when(value: str) -> str:
    """The text itself, when it is a date or a time of ISO 8601. Raises ValueError."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("expected a date or time as 2026-12-01 or 2026-12-01T09:30:00+00:00") from None
    return value


class Incident(BaseModel):
    """One incident. `span` are character offsets into the dialogue's reply, `text` is what stands there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=_NAME)
    dialogue: Dialogue
    span: tuple[int, int]
    text: str
    wrong: str = Field(pattern=r"\S", description="what is wrong, in plain words")
    severity: Severity
    who: str = Field(pattern=r"\S")
    when: str

    _when = field_validator("when")(parse_when)

    @model_validator(mode="after")
    def _marks_words_of_the_reply(self) -> "Incident":
        if self.dialogue.reply is None:
            raise ValueError("dialogue.reply: required, but missing")
        start, end = self.span
        if not 0 <= start < end <= len(self.dialogue.reply):
            raise ValueError(
                f"span {start}:{end} lies outside the reply of {len(self.dialogue.reply)} letters"
            )
        if self.dialogue.reply[start:end] != self.text:
            raise ValueError(
                f"the span marks {self.dialogue.reply[start:end]!r}, but text says {self.text!r}"
            )
        if not self.text.strip():
            raise ValueError("the span marks no words")
        return self


def find_span(reply: str, marked: str) -> tuple[int, int]:
    """Where the marked words stand in the reply; `marked` is the text itself or `start:end`.

    Raises InputError when the text is not there, or there more than once.
    """
    place = re.fullmatch(r"(\d+):(\d+)", marked)
    if place and marked not in reply:
        return int(place[1]), int(place[2])
    start = reply.find(marked) if marked else -1
    if start < 0:
        raise InputError(f"{marked!r} does not stand in the reply {reply!r}", field="span")
    if (other := reply.find(marked, start + 1)) >= 0:
        raise InputError(
            f"{marked!r} stands there twice; give offsets: {start}:{start + len(marked)} or "
            f"{other}:{other + len(marked)}",
            field="span",
        )
    return start, start + len(marked)


def make_incident(
    dialogue: Dialogue, marked: str, wrong: str, severity: str, who: str, when: str, store: Path = STORE
) -> Incident:
    """An incident with an id that the store does not have yet: the date and the first words of `wrong`.

    Raises InputError naming the field that is at fault.
    """
    start, end = find_span(dialogue.reply or "", marked)
    slug = "-".join(re.findall(r"[a-z0-9]+", wrong.lower())[:SLUG_WORDS])[:SLUG_LETTERS].strip("-")
    name = first = f"{when[:10]}-{slug or 'incident'}"
    number = 1
    while (store / f"{name}.json").exists():
        number += 1
        name = f"{first}-{number}"
    content = {
        "id": name,
        "dialogue": dialogue,
        "span": (start, end),
        "text": (dialogue.reply or "")[start:end],
        "wrong": wrong,
        "severity": severity,
        "who": who,
        "when": when,
    }
    return _checked(content, None)


def file_incident(incident: Incident, store: Path = STORE) -> Path:
    """Write the incident into the store's folder. Raises InputError when one of its id is there."""
    store.mkdir(parents=True, exist_ok=True)
    path = store / f"{incident.id}.json"
    part = store / f".{incident.id}.{os.getpid()}.part"
    content = incident.model_dump(mode="json", exclude_none=True)
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    try:
        os.link(part, path)  # unlike a rename, refuses to write over what is there
    except FileExistsError:
        raise InputError("there is an incident of this id; it is never overwritten", str(path)) from None
    finally:
        part.unlink()
    return path


def load_incident(name: str, store: Path = STORE) -> Incident:
    """An incident by id or by its file's path. Raises InputError when there is none, or a broken one."""
    path = Path(name)
    if path.suffix != ".json" or not path.is_file():
        path = store / f"{name}.json"
    if not path.is_file():
        raise InputError(
            f"no incident {name!r} in it; `suasion incident list` shows what there is", str(store)
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    incident = _checked(content, str(path))
    if incident.id != path.stem:
        raise InputError(f"its id is {incident.id!r}: file and id must agree", str(path), field="id")
    return incident


def list_incidents(store: Path = STORE) -> list[Incident]:
    """All incidents of the store, oldest first. Raises InputError for the first broken one."""
    found = [load_incident(str(path), store) for path in store.glob("*.json")]
    return sorted(found, key=lambda incident: (incident.when, incident.id))


def _checked(content: Any, file: str | None) -> Incident:
    try:
        return Incident.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise InputError(describe(fault), file, field=field or None) from None


def choose_reply(
    dialogues: Sequence[Dialogue], file: str, record: str | None = None, turn: int | None = None
) -> Dialogue:
    """The record of that id with its reply, or with the agent's turn of that number as the reply.

    Raises InputError when there is no such record, or several, or nothing that the agent said there.
    """
    found = [one for one in dialogues if record in (None, one.id)]
    if len(found) != 1:
        listed = ", ".join(one.id for one in dialogues[:5])
        what = f"{len(found)} records" if record is None else f"{len(found)} records of id {record!r}"
        raise InputError(f"{what}; name one by its id, such as {listed}", file, field="id")
    dialogue = found[0]
    if turn is None:
        if dialogue.reply is None:
            raise InputError(f"record {dialogue.id!r} has no reply: say which turn it is about", file)
        return dialogue
    if (
        turn >= len(dialogue.turns)
        or dialogue.turns[turn].speaker != "agent"
        or not dialogue.turns[turn].text
    ):
        said = [str(n) for n, one in enumerate(dialogue.turns) if one.speaker == "agent" and one.text]
        raise InputError(f"turn {turn} is none of the agent's; these are: {', '.join(said)}", file)
    return Dialogue(
        id=f"{dialogue.id}#{turn}",
        brief=dialogue.brief,
        turns=dialogue.turns[:turn],
        reply=dialogue.turns[turn].text,
        source=dialogue.source,
    )
