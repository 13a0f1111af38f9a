"""What travels between the store and the service."""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack


class Status(StrEnum):
    OPEN = "open"
    HANDED_OVER = "handed_over"  # a person's turn; the agent says nothing
    ENDED = "ended"


class Kind(StrEnum):
    """What happened, beside what was said."""

    STARTED = "started"
    MESSAGE = "message"  # words that no request waits for: opening, follow-up, an operator's
    WITHHELD = "withheld"
    AGREED = "agreed"
    WITHDRAWN = "withdrawn"
    OPTED_OUT = "opted_out"
    HANDED_OVER = "handed_over"
    GIVEN_BACK = "given_back"
    ENDED = "ended"
    COMPLETION = "completion"


# Told to the webhook; the others are for looking up.
TOLD = frozenset(set(Kind) - {Kind.WITHHELD, Kind.COMPLETION, Kind.GIVEN_BACK})


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    at: str
    pack: str
    pack_version: str
    contact: str
    contact_key: str
    brief: Brief
    arm: str
    follows_up: bool
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn with how it came about; columns of the table `messages`."""

    number: int
    at: str
    speaker: str
    author: str
    text: str | None = None
    silence_minutes: float | None = None
    stage: str | None = None
    run: str | None = None
    arm: str | None = None
    suite_version: str | None = None
    seed: int | None = None
    latency_ms: float | None = None
    guard: list[dict[str, Any]] | None = None

    def turn(self) -> Turn:
        speaker = "agent" if self.speaker == "agent" else "counterpart"
        return Turn(speaker=speaker, text=self.text, silence_minutes=self.silence_minutes, at=self.at)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a conversation stands after its last turn."""

    stage: str
    side: str | None
    status: Status
    outcome: str | None
    turns: int
    withheld: int
    due_at: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Happening:
    kind: Kind
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request with an idempotency key was answered."""

    caller: str
    key: str
    fingerprint: str
    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A conversation in an experiment's arm. change_id: the last change when the arm was chosen."""

    experiment_id: str
    arm: str
    change_id: int = 0


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as it was read. `opted_out`: its contact ever was, in whichever conversation."""

    conversation: Conversation
    messages: tuple[Message, ...]
    standing: Standing
    opted_out: bool
    enrolment: Enrolment | None = None

    @property
    def dialogue(self) -> Dialogue:
        return Dialogue(
            id=self.conversation.id,
            brief=self.conversation.brief,
            turns=tuple(message.turn() for message in self.messages),
            source="service",
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """What one request adds: all of it is committed, or nothing."""

    conversation: Conversation
    standing: Standing
    is_new: bool = False
    messages: tuple[Message, ...] = ()
    happenings: tuple[Happening, ...] = ()
    answer: Answer | None = None
    opts_out: bool = False
    waiting_id: int | None = None
    enrolment: Enrolment | None = None
    audit: tuple[tuple[str, str | None], ...] = field(default=())  # action, key id

    @property
    def writes(self) -> bool:
        """Whether it begins a conversation or has words for the contact, be they a person's or a farewell."""
        return self.is_new or any(message.speaker == "agent" for message in self.messages)


def stamp(moment: datetime) -> str:
    """UTC in ISO 8601 with microseconds, which sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(stamped: str) -> datetime:
    return datetime.fromisoformat(stamped)


def contact_of(brief: Brief, pack: Pack, given: str | None = None) -> str:
    """Who is written to: as given, else the first field that the pack declares of its briefs."""
    first = next(iter(pack.manifest.brief), None)
    return given or str(brief.details.get(first, "")) if first else given or ""


def contact_key(contact: str) -> str:
    """One key for a contact in whatever case, width or spacing it is written."""
    plain = " ".join(unicodedata.normalize("NFKC", contact).casefold().split())
    return hashlib.sha256(plain.encode()).hexdigest()
