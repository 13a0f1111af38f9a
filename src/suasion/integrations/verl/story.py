"""A negotiation held by verl's rollout, as its agent loop hands it to the rewards, and what it is paid."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from pydantic import BaseModel, ConfigDict

from suasion.counterpart.credit import worth
from suasion.integrations.scorer import Payment

KEY = "negotiation"  # of the agent loop's extra fields
NUMBERS = ("r_total", "r_model", "e_judge", "e_func", "e_enh")


class Story(BaseModel):
    """contexts: the record before each reply, as JSON. won: share of the tickets. outcome: weight of that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contexts: tuple[str, ...]
    replies: tuple[str, ...]
    moved: tuple[bool, ...]
    won: float
    outcome: float
    ending: str


def story_of(fields: object) -> Story | None:
    """What the agent loop left among its extra fields; None where it held no negotiation."""
    told = fields.get(KEY) if isinstance(fields, Mapping) else None
    return Story.model_validate_json(told) if told else None


def story_info(story: Story, payments: Sequence[Payment]) -> dict[str, Any]:
    """`score`, which verl pays, and what stands behind it: means over the replies that were read.

    Where no reply that moved the negotiation was read, `score` is what was declared for such a reply, and
    `read` is 0.
    """
    totals = [one.value if one.read else None for one in payments]
    paid = worth(totals, story.moved, story.won, story.outcome)
    declared = mean(one.value for one in payments)
    return {
        "score": declared if paid is None else paid,
        "read": 0.0 if paid is None else mean(float(one.read) for one in payments),
        **{name: _mean([getattr(one.reading, name) for one in payments]) for name in NUMBERS},
        "won": story.won,
        "replies": float(len(story.replies)),
        "share_idle": 1 - mean(map(float, story.moved)),
        "ending": story.ending.split(":")[0],
        "suite_version": payments[0].reading.suite_version,
    }


def _mean(found: Sequence[float | None]) -> float | None:
    read = [one for one in found if one is not None]
    return mean(read) if read else None
