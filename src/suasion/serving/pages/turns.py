"""Turns as a page shows them: words with marks, what was withheld, how a reply came about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suasion.evaluation.transcript import Segment, TurnEvidence, TurnScore, cut
from suasion.rewards.score import Severity
from suasion.serving.records import Message

OBJECTS = -1.0  # of what the guard recorded: it objects, and says no points


class ReplyScore(TurnScore):
    """What a reply scored when it was played, with E_enh: what judge and rules together make of R_model.

    None where the served run has no rewards, and in plays that were stored without it.
    """

    e_enh: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What was not sent, or a speaker that failed."""

    source: str
    attempt: int
    segments: tuple[Segment, ...]
    objections: tuple[TurnEvidence, ...]
    failure: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One turn. `facts`: how a reply came about; `score`: what it scored, where it was scored."""

    number: int
    at: str
    speaker: str
    author: str
    text: str | None
    silence_minutes: float | None
    segments: tuple[Segment, ...] = ()
    objections: tuple[TurnEvidence, ...] = ()
    drafts: tuple[Draft, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    score: ReplyScore | None = None


def shown(message: Message) -> Shown:
    """A stored message; marks are those of the guard, at the time when it was sent."""
    seen = message.guard or []
    hits = tuple(_evidence(one) for one in seen if one["kind"] == "sent")
    return Shown(
        message.number,
        message.at,
        message.speaker,
        message.author,
        message.text,
        message.silence_minutes,
        marked(message.text or "", hits),
        hits,
        drafts_of(seen),
        _facts(message),
    )


def marked(text: str, hits: Sequence[TurnEvidence]) -> tuple[Segment, ...]:
    return cut(text, TurnScore(evidence=tuple(hits)))


def drafts_of(seen: Sequence[Mapping[str, Any]]) -> tuple[Draft, ...]:
    """What the guard recorded as withheld."""
    return tuple(_draft(one) for one in seen if one["kind"] == "withheld")


def _draft(one: Mapping[str, Any]) -> Draft:
    hits = tuple(map(_evidence, one["objections"]))
    return Draft(one["source"], one["attempt"], marked(one["text"] or "", hits), hits, one["failure"])


def _evidence(one: Mapping[str, Any]) -> TurnEvidence:
    severity = Severity(one["severity"]) if one["severity"] in set(Severity) else None
    return TurnEvidence(
        name=one["rule"],
        points=OBJECTS,
        severity=severity,
        span=one["span"],
        text=one["text"],
        note=one["note"] or "",
    )


def _facts(message: Message) -> tuple[tuple[str, str], ...]:
    if message.speaker != "agent":
        return ()
    ms = None if message.latency_ms is None else f"{message.latency_ms:,.0f} ms"
    found = (
        ("stage", message.stage),
        ("arm", message.arm),
        ("run", message.run),
        ("rules", message.suite_version),
        ("in", ms),
    )
    return tuple((name, value) for name, value in found if value)
