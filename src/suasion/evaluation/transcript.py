"""Dialogues as they are shown: each reply with its scores, and the spans that rules object to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from suasion.evaluation.metrics import JudgedReply
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Evidence, Severity

SCORES = "scores"  # the extra field of a Dialogue: parallel to its turns, null for the counterpart's
SEVERITIES = tuple(Severity)  # mildest first


class TurnEvidence(BaseModel):
    """A rule's hit or a criterion's verdict on one turn; `span` are character offsets into its text."""

    model_config = ConfigDict(frozen=True)

    name: str
    points: float
    severity: Severity | None = None
    span: tuple[int, int] | None = None
    text: str | None = None
    note: str = ""
    probability: float | None = None


class TurnScore(BaseModel):
    """What one reply of the agent scored; None is a reading that failed."""

    model_config = ConfigDict(frozen=True)

    r_total: float | None = None
    r_model: float | None = None
    e_judge: float | None = None
    e_func: float | None = None
    stage: str = ""
    evidence: tuple[TurnEvidence, ...] = ()
    criteria: tuple[TurnEvidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of text under the same objections; `ends` are those whose span ends here."""

    text: str
    hits: tuple[TurnEvidence, ...] = ()
    ends: tuple[TurnEvidence, ...] = ()

    @property
    def severity(self) -> Severity:
        return max((hit.severity or Severity.LOW for hit in self.hits), key=SEVERITIES.index)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One turn as it is shown."""

    speaker: str
    silence_minutes: float | None
    segments: tuple[Segment, ...]
    score: TurnScore | None

    @property
    def objections(self) -> tuple[TurnEvidence, ...]:
        return tuple(hit for hit in self.score.evidence if hit.points < 0) if self.score else ()

    @property
    def criteria(self) -> tuple[TurnEvidence, ...]:
        return self.score.criteria if self.score else ()


def turn_score(reply: JudgedReply) -> TurnScore:
    return TurnScore(
        r_total=reply.r_total,
        r_model=reply.r_model,
        e_judge=reply.e_judge,
        e_func=reply.e_func,
        stage=reply.stage,
        evidence=tuple(map(turn_evidence, reply.evidence)),
        criteria=tuple(map(turn_evidence, reply.criteria)),
    )


def with_scores(dialogue: Dialogue, scores: Sequence[TurnScore | None]) -> Dialogue:
    """The dialogue with `scores` beside its turns: one for each turn, None for the counterpart's.

    Raises ValueError where the numbers of scores and turns differ.
    """
    if len(scores) != len(dialogue.turns):
        raise ValueError(f"dialogue {dialogue.id}: {len(scores)} scores for {len(dialogue.turns)} turns")
    records = [score and score.model_dump(mode="json") for score in scores]
    return Dialogue.model_validate({**dialogue.model_dump(), SCORES: records})


def scores_of(dialogue: Dialogue) -> tuple[TurnScore | None, ...]:
    """The scores beside the turns; all None where the dialogue carries none.

    Raises ValueError, naming the dialogue and the turn, where they are not in the form of `with_scores`.
    """
    records = (dialogue.model_extra or {}).get(SCORES)
    if records is None:
        return (None,) * len(dialogue.turns)
    if not isinstance(records, Sequence) or len(records) != len(dialogue.turns):
        raise ValueError(
            f"dialogue {dialogue.id}: scores must be a list as long as its {len(dialogue.turns)} turns"
        )
    return tuple(_parse_score(record, dialogue.id, index) for index, record in enumerate(records))


def transcript(dialogue: Dialogue) -> tuple[Bubble, ...]:
    return tuple(
        Bubble(turn.speaker, turn.silence_minutes, cut(turn.text or "", score), score)
        for turn, score in zip(dialogue.turns, scores_of(dialogue), strict=True)
    )


def reply_bubble(reply: JudgedReply) -> Bubble:
    score = turn_score(reply)
    return Bubble("agent", None, cut(reply.text, score), score)


def cut(text: str, score: TurnScore | None) -> tuple[Segment, ...]:
    """Text in pieces at the edges of the spans objected to; a span outside the text marks nothing."""
    spans = [
        (start, min(end, len(text)), hit)
        for hit in (score.evidence if score else ())
        if hit.points < 0 and hit.span
        for start, end in [hit.span]
        if 0 <= start < min(end, len(text))
    ]
    edges = sorted({0, len(text)} | {edge for start, end, _ in spans for edge in (start, end)})
    return tuple(
        Segment(
            text[left:right],
            tuple(hit for start, end, hit in spans if start <= left and right <= end),
            tuple(hit for _, end, hit in spans if end == right),
        )
        for left, right in pairwise(edges)
    )


def describe_brief(brief: Brief) -> str:
    """A brief in one line: its short details, then each ticket's with price and target."""
    parts = _short(brief.details)
    for ticket in brief.tickets:
        price = f"{ticket.currency} {ticket.selling_price:g}, target {ticket.target_selling_price:g}"
        parts.append(", ".join([*_short(ticket.details), price]))
    return " · ".join(parts)


def describe_outcome(dialogue: Dialogue) -> tuple[str, ...]:
    """How a negotiation ended, in short phrases."""
    outcome = dialogue.outcome
    if outcome is None:
        return ("no outcome recorded",)
    phrases = ["answered" if outcome.responded else "never answered"]
    if not dialogue.brief.tickets:
        phrases += [f"{name} given" if won else f"no {name}" for name, won in outcome.successes.items()]
    for ticket in dialogue.brief.tickets:
        agreed = outcome.tickets.get(ticket.id)
        name = f"{ticket.id}: " if len(dialogue.brief.tickets) > 1 else ""
        price = "no price agreed" if agreed is None else f"agreed on {agreed:g}"
        phrases.append(f"{name}{price}, {'success' if outcome.successes.get(ticket.id) else 'no success'}")
    return (*phrases, *([outcome.ending.replace("_", " ")] if outcome.ending else []))


def _short(details: Mapping[str, Any]) -> list[str]:
    return [str(value) for value in details.values() if isinstance(value, str | int | float)]


def turn_evidence(evidence: Evidence) -> TurnEvidence:
    return TurnEvidence(
        name=evidence.name,
        points=evidence.points,
        severity=evidence.severity,
        span=evidence.span,
        text=evidence.text,
        note=evidence.note,
        probability=evidence.probability,
    )


def _parse_score(record: object, dialogue_id: str, index: int) -> TurnScore | None:
    if record is None:
        return None
    try:
        return TurnScore.model_validate(record)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        raise ValueError(f"dialogue {dialogue_id}, scores[{index}].{field}: {fault['msg']}") from None
