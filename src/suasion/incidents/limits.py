"""What a team allows a patch to do to yesterday's dialogues, and whether a back-test keeps to it."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """All are shares from 0 to 1; what is not given is not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_share: float | None = Field(default=None, ge=0, le=1, description="of replies newly objected to")
    min_precision: float | None = Field(
        default=None, ge=0, le=1, description="of labelled replies it objects to"
    )
    max_saturated: float | None = Field(
        default=None, ge=0, le=1, description="of replies whose E is clipped, after"
    )
    max_broken_pairs: float | None = Field(
        default=None, ge=0, le=1, description="of pairs that it turns around"
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """One limit, what was found, and whether it holds; None where it could not be measured."""

    name: str
    limit: float
    found: float | None
    met: bool | None


TITLES = {
    "max_share": "share of replies newly objected to, at most",
    "min_precision": "precision where labels are, at least",
    "max_saturated": "share of replies whose E is clipped, at most",
    "max_broken_pairs": "share of pairs turned around, at most",
}
State = Literal["within the limits", "over the limits", "not all measured", "no limits set"]


def hold(limits: Limits, found: dict[str, float | None]) -> tuple[Outcome, ...]:
    """Each limit that is set against what was found under the same name."""
    outcomes = []
    for name, limit in limits.model_dump(exclude_none=True).items():
        value = found.get(name)
        met = None if value is None else (value >= limit if name.startswith("min") else value <= limit)
        outcomes.append(Outcome(name, limit, value, met))
    return tuple(outcomes)


def state_of(outcomes: tuple[Outcome, ...]) -> State:
    if any(one.met is False for one in outcomes):
        return "over the limits"
    if any(one.met is None for one in outcomes):
        return "not all measured"
    return "within the limits" if outcomes else "no limits set"
