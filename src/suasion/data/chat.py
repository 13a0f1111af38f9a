"""Dialogues and pairs as chat messages: TRL's SFT and preference formats; plain messages, both ways."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from suasion.data.examples import Pair
from suasion.errors import InputError
from suasion.files import beside
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Speaker, Turn, replies_of
from suasion.negotiation.pack import Pack
from suasion.policy.prompt import ROLES, messages, system_prompt, without_tokens
from suasion.yaml_files import describe

Row = dict[str, Any]
BriefOf = Callable[[str], Brief]  # the brief of a dialogue's id; raises InputError where there is none
SPEAKERS: Mapping[str, Speaker] = {"assistant": "agent", "user": "counterpart"}
BOM = b"\xef\xbb\xbf"


class _Message(BaseModel):
    """Other keys that a message has, as a name, are left out."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str
    silence_minutes: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class _Talk(BaseModel):
    """One line: an object with `messages`, or the list alone."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: str | None = None
    messages: tuple[_Message, ...]

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"messages": value} if isinstance(value, list) else value


def sft_rows(dialogues: Iterable[Dialogue], pack: Pack, special: Iterable[str] = ()) -> Iterator[Row]:
    """TRL's conversational prompt-completion format: what the policy reads, and the agent's reply.

    A record gives its own reply, or each turn of the agent where it has none. No text has a `special` token.
    """
    for dialogue in dialogues:
        for one in replies_of(dialogue) if dialogue.reply is None else (dialogue,):
            if one.reply:
                prompt = messages(one, pack, special)
                yield {"prompt": prompt, "completion": [_reply(one.reply, special)]}


def preference_rows(pairs: Iterable[Pair], pack: Pack, special: Iterable[str] = ()) -> Iterator[Row]:
    """TRL's conversational preference format, with an explicit prompt. No text has a `special` token."""
    for pair in pairs:
        yield {
            "prompt": messages(pair.dialogue, pack, special),
            "chosen": [_reply(pair.chosen, special)],
            "rejected": [_reply(pair.rejected, special)],
        }


def message_rows(dialogues: Iterable[Dialogue], pack: Pack, special: Iterable[str] = ()) -> Iterator[Row]:
    """Each dialogue as it was said: the brief as system message, then a message a turn, the reply last.

    A silence is a message in the pack's words, with its `silence_minutes`. Acts, times and outcome are lost.
    """
    for dialogue in dialogues:
        found: list[Row] = [{"role": "system", "content": system_prompt(dialogue.brief, pack)}]
        for turn in dialogue.turns:
            text = turn.text
            if text is None:
                text = pack.manifest.prompt.silence.format(minutes=turn.silence_minutes)
            found.append({"role": ROLES[turn.speaker], "content": without_tokens(text, special)})
            if turn.silence_minutes is not None:
                found[-1]["silence_minutes"] = turn.silence_minutes
        if dialogue.reply:
            found.append(_reply(dialogue.reply, special))
        yield {"id": dialogue.id, "messages": found}


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write JSON lines to `path` in one move; how many they were. Raises InputError where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with beside(path) as part, part.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
        if not count:
            raise InputError("would be empty: the input has nothing that the format holds", str(path))
    return count


def read_messages(path: Path, brief_of: BriefOf) -> Iterator[Dialogue]:
    """Dialogues of a JSONL file: the assistant is the agent, the user its counterpart.

    System messages are left out: a brief says what the agent was told. A line without an id is called by its
    number. Raises InputError with file, line and field of a broken line.
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                line = line.removeprefix(BOM) if number == 1 else line
                if line.strip():
                    yield _dialogue(line, str(path), number, brief_of)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None


def _dialogue(line: bytes, file: str, number: int, brief_of: BriefOf) -> Dialogue:
    try:
        talk = _Talk.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise InputError(describe(fault), file, number, field or None) from None
    name = talk.id if talk.id is not None else str(number)
    try:
        brief = brief_of(name)
    except InputError as error:
        raise InputError(error.message, file, number, error.field) from None
    turns = tuple(_turn(message) for message in talk.messages if message.role in SPEAKERS)
    return Dialogue(id=name, brief=brief, turns=turns, source="imported")


def _turn(message: _Message) -> Turn:
    speaker = SPEAKERS[message.role]
    if message.silence_minutes is not None:
        return Turn(speaker=speaker, silence_minutes=message.silence_minutes)
    return Turn(speaker=speaker, text=message.content)


def _reply(text: str, special: Iterable[str]) -> Row:
    return {"role": ROLES["agent"], "content": without_tokens(text, special)}
