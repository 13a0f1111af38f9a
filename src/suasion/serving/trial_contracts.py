"""What the API takes and gives about experiments."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from suasion.serving.experiments import Course, Experiment


class _Taken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Why(_Taken):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "it annoys people in Hangzhou"}]})

    reason: str = Field(min_length=1, max_length=1000, description="kept with the experiment")


class Shares(Why):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "it looks safe", "shares": {"intent": 1, "new": 3}}]}
    )

    shares: dict[str, Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]] = Field(
        max_length=10, description="for contacts that are drawn from now on; of every arm that goes on"
    )


class ChangeView(BaseModel):
    at: str
    kind: str
    arm: str | None
    shares: dict[str, float] | None
    reason: str | None
    key_id: str | None


class ExperimentView(BaseModel):
    experiment: Experiment
    status: str = Field(description="waiting, running or ended")
    shares: dict[str, float] = Field(description="as they hold now, of arms that go on")
    stopped: tuple[str, ...]
    changes: tuple[ChangeView, ...]


class Experiments(BaseModel):
    experiments: tuple[ExperimentView, ...]


class ResultView(ExperimentView):
    settled: dict[str, int] = Field(description="conversations that count, by arm")
    waiting: int = Field(description="conversations that are too young to count")
    split: dict[str, Any] = Field(description="contacts by arm, and whether they fell as they should")
    analysis: dict[str, Any] | None = Field(
        description="as `suasion ab analyze` writes it; null while an arm has no conversation that counts"
    )
    looks: dict[str, list[dict[str, Any]]] = Field(description="the running result, by arm")


def view(course: Course, runs: bool) -> ExperimentView:
    status = "ended" if course.ended else "running" if runs else "waiting"
    return ExperimentView(
        experiment=course.experiment,
        status=status,
        shares=course.shares,
        stopped=tuple(sorted(course.stopped)),
        changes=tuple(
            ChangeView(
                at=one.at,
                kind=one.kind.value,
                arm=one.arm,
                shares=None if one.shares is None else dict(one.shares),
                reason=one.reason,
                key_id=one.key_id,
            )
            for one in course.changes
        ),
    )
