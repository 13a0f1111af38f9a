"""Routes of experiments: begin, look, change shares, stop an arm, end, take the log."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse

from suasion.errors import InputError
from suasion.serving.asked import RefusedError
from suasion.serving.context import ERRORS, Context, ForOperators, Here
from suasion.serving.experiments import NAME, ChangeKind, Course, Experiment
from suasion.serving.trial_contracts import Experiments, ExperimentView, ResultView, Shares, Why, view
from suasion.serving.trials import Asks, begin_experiment, change_experiment, courses, find_course

routes = APIRouter(prefix="/v1/experiments", tags=["experiments"], responses=ERRORS)
Id = Annotated[str, Path(pattern=NAME, examples=["new-agent-december"])]
Arm = Annotated[str, Path(pattern=NAME, examples=["new"])]


@routes.get("")
async def listed(here: Here, caller: ForOperators) -> Experiments:
    """Every experiment of the store, the newest last."""
    found = await asyncio.to_thread(courses, here.service.store)
    now = here.service.clock()
    return Experiments(experiments=tuple(view(one, one.runs(now)) for one in found))


@routes.post("", status_code=201)
async def begin(experiment: Experiment, here: Here, caller: ForOperators) -> ExperimentView:
    """Draw contacts into arms from now on. The same again changes nothing; another of its id is refused."""
    service = here.service
    for arm in experiment.shares:
        if arm not in service.roster.voices:
            raise RefusedError(422, f"no such agent; here are {', '.join(service.roster.voices)}", "arms")
    try:
        course = await asyncio.to_thread(
            begin_experiment, service.store, experiment, service.pack.id, service.clock(), caller.key_id
        )
    except InputError as error:
        raise RefusedError(409, error.message, error.field) from None
    if course.ended:
        raise RefusedError(409, f"ended at {course.ended}: begin a new one, by another id", "id")
    return await _shown(here, course)


@routes.get("/{experiment_id}")
async def result(
    experiment_id: Id,
    here: Here,
    caller: ForOperators,
    segment: Annotated[str | None, Query(max_length=80, description="a field of the brief")] = None,
) -> ResultView:
    """What it says so far: by arm, within each value of a segment, at every look, and whether the split is
    sound."""
    return await asyncio.to_thread(read_result, here, experiment_id, segment)


def read_result(here: Context, experiment_id: str, segment: str | None) -> ResultView:
    """In a thread. Raises RefusedError (404, 422 for a segment that there is none of)."""
    now = here.service.clock()
    course = find_course(here.service.store, experiment_id)
    try:
        reading = here.results.read(course, now, segment)
    except InputError as error:
        raise RefusedError(422, error.message, "segment") from None
    return ResultView(
        **dict(view(course, course.runs(now))),
        settled=reading.settled,
        waiting=reading.waiting,
        split=reading.split,
        analysis=reading.analysis,
        looks=reading.looks,
    )


@routes.get(
    "/{experiment_id}/log",
    response_model=None,
    responses={200: {"content": {"application/jsonl": {"schema": {"type": "string"}}}}},
)
async def log(experiment_id: Id, here: Here, caller: ForOperators) -> PlainTextResponse:
    """The conversations that count, one JSON a line: what `suasion ab analyze` reads."""

    def read() -> str:
        course = find_course(here.service.store, experiment_id)
        lines = here.results.log(course, here.service.clock())
        return "".join(one.model_dump_json(exclude_none=True) + "\n" for one in lines)

    return PlainTextResponse(await asyncio.to_thread(read), media_type="application/jsonl")


@routes.post("/{experiment_id}/shares")
async def shares(experiment_id: Id, asked: Shares, here: Here, caller: ForOperators) -> ExperimentView:
    """Other shares for contacts that are drawn from now on. Those that were drawn stay in their arm."""
    change = Asks(ChangeKind.SHARES, asked.reason, shares=asked.shares, key_id=caller.key_id)
    return await change_course(here, experiment_id, change)


@routes.post("/{experiment_id}/arms/{arm}/stop")
async def stop(experiment_id: Id, arm: Arm, why: Why, here: Here, caller: ForOperators) -> ExperimentView:
    """At once: no word of this arm leaves any more. Its open conversations go on with the control's agent,
    and count in the arm that they were drawn into."""
    return await change_course(
        here, experiment_id, Asks(ChangeKind.ARM_STOPPED, why.reason, arm, key_id=caller.key_id)
    )


@routes.post("/{experiment_id}/end")
async def end(experiment_id: Id, why: Why, here: Here, caller: ForOperators) -> ExperimentView:
    """No contact is drawn any more. Open conversations go on with the agent that they have."""
    return await change_course(here, experiment_id, Asks(ChangeKind.ENDED, why.reason, key_id=caller.key_id))


async def change_course(here: Context, experiment_id: str, asks: Asks) -> ExperimentView:
    """The change, known to this process at once. Raises RefusedError as `change_experiment`."""
    service = here.service

    def change() -> Course:
        course = change_experiment(service.store, experiment_id, asks, service.clock())
        service.roster.refresh()
        return course

    return await _shown(here, await asyncio.to_thread(change))


async def _shown(here: Context, course: Course) -> ExperimentView:
    await asyncio.to_thread(here.service.roster.refresh)
    return view(course, course.runs(here.service.clock()))
