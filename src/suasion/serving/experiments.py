"""An experiment as data: what is compared and until when, and the course that it took. Pure: no database."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from suasion.serving.records import moment
from suasion.yaml_files import read_yaml

NAME = r"^[a-z0-9][a-z0-9._-]{0,79}$"
Harm = Literal["response", "success"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Arm(_Strict):
    agent: str = Field(pattern=NAME, description="as `--agent` names it")
    share: float = Field(gt=0, le=1_000_000, allow_inf_nan=False, description="of any sum")


class StopRule(_Strict):
    """When the experiment ends by itself, said before it begins."""

    conversations: int | None = Field(None, ge=1, le=10_000_000, description="settled ones in each arm")
    days: float | None = Field(None, gt=0, le=3650, allow_inf_nan=False, description="since its start")
    harm: tuple[Harm, ...] = Field(
        ("success",), description="an arm that is worse than the control at any look is stopped"
    )

    @model_validator(mode="after")
    def _ends(self) -> "StopRule":
        if self.conversations is None and self.days is None:
            raise ValueError("say when it ends: `conversations`, `days`, or both")
        return self


class Experiment(_Strict):
    """Who is compared with whom. Never changed once it has begun; its course is told by changes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "new-agent-december",
                    "control": "intent",
                    "arms": [{"agent": "intent", "share": 1}, {"agent": "new", "share": 1}],
                    "salt": "2026-12",
                    "stop": {"conversations": 1200, "days": 60},
                }
            ]
        }
    )

    id: str = Field(pattern=NAME)
    control: str = Field(description="the arm that the others are compared with")
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=10)
    salt: str = Field(min_length=1, max_length=200, description="another salt draws the contacts anew")
    start: AwareDatetime | None = Field(None, description="not before; at once where not given")
    stop: StopRule
    settle_hours: float = Field(
        72, ge=0, le=8760, allow_inf_nan=False, description="a conversation counts so long after it began"
    )
    segments: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = Field(
        (), max_length=5, description="fields of the brief within which arms are compared as well"
    )

    @model_validator(mode="after")
    def _fits(self) -> "Experiment":
        names = [arm.agent for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("an agent is in one arm only")
        if self.control not in names:
            raise ValueError(f"the control is none of the arms: {', '.join(names)}")
        return self

    @property
    def shares(self) -> dict[str, float]:
        return {arm.agent: arm.share for arm in self.arms}


class ChangeKind(StrEnum):
    STARTED = "started"
    SHARES = "shares"
    ARM_STOPPED = "arm_stopped"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Change:
    """One row of an experiment's course; columns of the table `experiment_changes`."""

    id: int
    at: str
    kind: ChangeKind
    arm: str | None = None
    shares: Mapping[str, float] | None = None
    reason: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """Where an experiment stands after its changes. `shares` are those of arms that go on."""

    experiment: Experiment
    pack: str
    changes: tuple[Change, ...]

    @property
    def last(self) -> int:
        return self.changes[-1].id

    @property
    def began(self) -> datetime:
        stored = moment(self.changes[0].at)
        start = self.experiment.start
        return stored if start is None else max(stored, start)

    @property
    def stopped(self) -> frozenset[str]:
        return frozenset(
            one.arm for one in self.changes if one.kind == ChangeKind.ARM_STOPPED and one.arm is not None
        )

    @property
    def ended(self) -> str | None:
        """When, or None."""
        return next((one.at for one in self.changes if one.kind == ChangeKind.ENDED), None)

    @property
    def shares(self) -> dict[str, float]:
        return self.shares_at(self.last)

    def shares_at(self, change_id: int) -> dict[str, float]:
        """The shares that held once this change was made, of the arms that were not stopped by then."""
        meant = shares = self.experiment.shares
        stopped = set()
        for one in self.changes:
            if one.id > change_id:
                break
            if one.kind == ChangeKind.SHARES and one.shares is not None:
                shares = dict(one.shares)
            elif one.kind == ChangeKind.ARM_STOPPED:
                stopped.add(one.arm)
        return {arm: shares[arm] for arm in meant if arm in shares and arm not in stopped}

    def runs(self, now: datetime) -> bool:
        return self.ended is None and now >= self.began


def draw(salt: str, contact_key: str, shares: Mapping[str, float]) -> str:
    """The contact's arm: by a hash of its own, so that another contact more changes nobody else's."""
    digest = hashlib.sha256(f"{salt}:{contact_key}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64 * sum(shares.values())
    for arm, share in shares.items():
        place -= share
        if place < 0:
            return arm
    return list(shares)[-1]  # rounding: the last one's share ends at the sum


def read_experiment(path: Path) -> Experiment:
    """A YAML file. Raises InputError with file, line and field of what is wrong."""
    return read_yaml(path).parse(Experiment)


def substitutes(course: Course | None, default: str, others: Sequence[str]) -> list[str]:
    """Who speaks where an arm may not, in this order: the control, the other arms, whoever there is."""
    names = [] if course is None else [course.experiment.control, *course.experiment.shares]
    return list(dict.fromkeys([*names, default, *others]))
