"""The page of experiments, and of one: its arms, intervals over time, segments, and how to stop it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from suasion.serving.experiments import NAME, ChangeKind
from suasion.serving.pages import intervals
from suasion.serving.pages.intervals import course
from suasion.serving.pages.visit import Operators
from suasion.serving.trial_contracts import ResultView, view
from suasion.serving.trial_routes import change_course, read_result
from suasion.serving.trials import Asks, courses

routes = APIRouter()
Id = Annotated[str, Path(pattern=NAME)]
DRAWN = ("response", "success")


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of an arm against the control, written out; `better` is None where nothing can be told."""

    name: str
    control: str
    treated: str
    change: str
    between: str
    always: str
    p_value: str
    better: bool | None


@routes.get("/experiments")
async def listed(visit: Operators) -> Response:
    """All of them, the newest first."""
    now = visit.here.service.clock()
    found = await asyncio.to_thread(courses, visit.here.service.store)
    return visit.page("experiments.html.j2", found=[view(one, one.runs(now)) for one in reversed(found)])


@routes.get("/experiments/{experiment_id}")
async def one(
    visit: Operators, experiment_id: Id, segment: Annotated[str | None, Query(max_length=80)] = None
) -> Response:
    result = await asyncio.to_thread(read_result, visit.here, experiment_id, segment or None)
    return visit.page(
        "experiment.html.j2",
        result=result,
        arms=[_arm(result, arm) for arm in result.experiment.shares if arm != result.experiment.control],
        going=list(result.shares),
        segment=segment,
        chart=intervals,
    )


@routes.post("/experiments/{experiment_id}")
async def change(visit: Operators, experiment_id: Id) -> Response:
    """Stop an arm, or end the experiment; both for good."""
    form = visit.form
    reason = form.text("reason", 1000)
    if form.get("then") == "end":
        asks = Asks(ChangeKind.ENDED, reason, key_id=visit.key_id)
    else:
        asks = Asks(ChangeKind.ARM_STOPPED, reason, form.text("arm", 80), key_id=visit.key_id)
    await change_course(visit.here, experiment_id, asks)
    return visit.go(f"/experiments/{experiment_id}", "ended" if form.get("then") == "end" else "stopped")


def _arm(result: ResultView, arm: str) -> dict[str, Any]:
    """What the page shows of one arm against the control."""
    analysis = result.analysis or {}
    measures = analysis.get("comparisons", {}).get(arm, {})
    parts = analysis.get("segments", {}).get(arm, {})
    looks = result.looks.get(arm, [])
    drawn = (course(name.replace("_", " "), looks, name) for name in DRAWN)
    return {
        "name": arm,
        "rows": [row(name, one) for name, one in measures.items()],
        "drawings": [one for one in drawn if one is not None],
        "segments": [
            (value or "not given", row(name, one))
            for value, found in parts.items()
            for name, one in found.items()
            if name in DRAWN
        ],
    }


def row(name: str, one: Mapping[str, Any]) -> Row:
    """A comparison as `suasion ab analyze` has it; points, or per 100 replies."""
    from suasion.evaluation.ab import MEASURES

    measure = MEASURES[name]
    scale = 1 if measure.per_100 else 100
    unit = "" if measure.per_100 else "\N{NO-BREAK SPACE}%"
    difference = one["difference"]
    interval, always = difference["interval"], difference["always"]
    better = None
    if always["low"] is not None and (always["low"] > 0 or always["high"] < 0):
        better = (always["low"] > 0) != measure.per_100
    return Row(
        name.replace("_", " ") + (" per 100 replies" if measure.per_100 else ""),
        f"{scale * one['control']:.1f}{unit}",
        f"{scale * one['treated']:.1f}{unit}",
        _signed(scale * interval["estimate"]),
        _between(interval, scale),
        _between(always, scale),
        _p_value(difference["p_value"], one.get("adjusted_p")),
        better,
    )


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _between(interval: Mapping[str, float | None], scale: float) -> str:
    low, high = interval["low"], interval["high"]
    if low is None or high is None or (scale == 100 and low < -1 and high > 1):  # a share can't change more
        return "too few"
    return f"{_signed(scale * low)} to {_signed(scale * high)}"


def _p_value(p_value: float | None, adjusted: float | None) -> str:
    found = p_value if adjusted is None else adjusted
    if found is None:
        return "–"
    return "< 0.001" if found < 0.001 else f"{found:.3f}"
