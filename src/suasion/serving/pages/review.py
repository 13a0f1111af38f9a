"""Review: raters go through blinded dialogues by keyboard; operators read the report and settle."""

import asyncio
import re
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, cast

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from suasion.evaluation.panel import guide
from suasion.serving.access import OPERATORS, Caller
from suasion.serving.asked import RefusedError
from suasion.serving.pages.visit import Operators, Reviewers, Visit
from suasion.serving.panels import find_panel, marks_of, panel_ids, settle, undo_mark
from suasion.serving.review import progress, standing
from suasion.serving.review_contracts import GradeGiven, RatingGiven, Settle
from suasion.serving.review_routes import (
    grade_item,
    item_view,
    panel_view,
    rate_item,
    read_queue,
    read_report,
)
from suasion.yaml_files import describe

routes = APIRouter()
M = TypeVar("M", bound=BaseModel)
PanelId = Annotated[str, Path(pattern=r"^p-[0-9a-f]{16}$")]
NOTHING = {"rating": None, "human_like": None, "grade": None, "excellent": (), "comment": ""}
GRADES = (
    ("clean", "fixed, and no other fault at all"),
    ("minor", "fixed, with a small new fault"),
    ("major", "fixed, with a grave new fault"),
    ("unresolved", "the defect is still there"),
)


@routes.get("/review")
async def panels(visit: Reviewers) -> Response:
    """Every panel: where you are in it, or what it says."""
    caller = visit.caller
    assert caller is not None  # a reviewer is somebody

    def read() -> list[Any]:
        store = visit.here.service.store
        return [panel_view(visit.here, find_panel(store, one), caller) for one in panel_ids(store)]

    found = await asyncio.to_thread(read)
    return visit.page("panels.html.j2", found=found, rates=caller.rates, operates=visit.may(OPERATORS))


@routes.get("/review/{panel_id}")
async def rate(
    visit: Reviewers, panel_id: PanelId, item: Annotated[str | None, Query(pattern=r"^d\d{1,8}$")] = None
) -> Response:
    """The next item of a rater, or one that was marked already; operators are sent on to the report."""
    if not _rater(visit):
        return visit.go(f"/review/{panel_id}/report")
    return await asyncio.to_thread(_item, visit, panel_id, item)


@routes.post("/review/{panel_id}")
async def mark(visit: Reviewers, panel_id: PanelId) -> Response:
    """A rating or a grade; then the next item. What is missing is told beside what was filled in."""
    rater = _must_rate(visit)
    try:
        if visit.form.get("grade"):
            await asyncio.to_thread(grade_item, visit.here, panel_id, _grade(visit), rater)
        else:
            await asyncio.to_thread(rate_item, visit.here, panel_id, _rating(visit), rater)
    except RefusedError as error:
        if error.status != 422:
            raise
        told = f"{(error.field or '').replace('_', ' ')}: {error.message}"
        return await asyncio.to_thread(_item, visit, panel_id, visit.form.get("item"), told)
    return visit.go(f"/review/{panel_id}")


@routes.post("/review/{panel_id}/undo")
async def undo(visit: Reviewers, panel_id: PanelId) -> Response:
    """Back to the item that was marked last, which is to be marked again."""
    rater, store = _must_rate(visit), visit.here.service.store
    number = visit.form.get("mark")
    if not re.fullmatch(r"\d{1,18}", number):
        raise RefusedError(422, "expected the number of a mark", "mark")

    def take_back() -> str:
        panel = find_panel(store, panel_id)
        return undo_mark(store, panel, rater.id, int(number), visit.here.service.clock())

    return visit.go(f"/review/{panel_id}?item={await asyncio.to_thread(take_back)}")


@routes.get("/review/{panel_id}/report")
async def report(visit: Operators, panel_id: PanelId) -> Response:
    """Ratings by method, agreement, who is how far."""

    def read() -> Response:
        store = visit.here.service.store
        panel, marks = find_panel(store, panel_id), marks_of(store, panel_id)
        raters = sorted({one.rater for one in marks})
        done = [(rater, progress(panel, marks, rater)) for rater in raters]
        found = read_report(visit.here, panel_id)
        return visit.page("panel_report.html.j2", panel=panel, report=found, done=done)

    return await asyncio.to_thread(read)


@routes.get("/review/{panel_id}/settle")
async def differences(visit: Operators, panel_id: PanelId) -> Response:
    """Where the raters differ, still blinded."""
    return await asyncio.to_thread(_differences, visit, panel_id)


@routes.post("/review/{panel_id}/settle")
async def settle_one(visit: Operators, panel_id: PanelId) -> Response:
    """The rating that was agreed on."""

    def add() -> str | None:
        form, store = visit.form, visit.here.service.store
        try:
            asked = _parsed(
                Settle, item=form.get("item"), rating=_number(visit, "rating"), note=form.get("note")
            )
        except RefusedError as error:
            return f"{error.field}: {error.message}"
        panel, now = find_panel(store, panel_id), visit.here.service.clock()
        settle(store, panel, asked.item, asked.rating, asked.note, now, visit.key_id)
        return None

    told = await asyncio.to_thread(add)
    if told is not None:
        return await asyncio.to_thread(_differences, visit, panel_id, told)
    return visit.go(f"/review/{panel_id}/settle", "settled")


def _differences(visit: Visit, panel_id: str, told: str = "") -> Response:
    panel = find_panel(visit.here.service.store, panel_id)
    found = read_queue(visit.here, panel_id)
    status = 422 if told else 200
    return visit.page(
        "settle.html.j2", status, panel=panel, found=found.open, told=told, scale=anchors()["rating"]
    )


def _item(visit: Visit, panel_id: str, name: str | None, told: str = "") -> Response:
    """One item to be marked. `told`: why what was sent was not taken; its fields are filled in again."""
    rater, store = _must_rate(visit), visit.here.service.store
    panel, marks = find_panel(store, panel_id), marks_of(store, panel_id, rater.id)
    where = progress(panel, marks, rater.id)
    name = name or where.next
    if name is not None and name not in panel.items:
        raise HTTPException(404, "there is no such page")
    mine = standing(marks)
    shown = None if name is None else item_view(panel.items[name], marks, rater.id)
    return visit.page(
        "rate.html.j2",
        422 if told else 200,
        panel=panel,
        item=shown,
        given=NOTHING | ((shown.given if shown else None) or {}) | (_given(visit) if told else {}),
        where=where,
        order=[(one, (rater.id, one) in mine) for one in panel.order(rater.id)],
        told=told,
        guide=guide(),
        anchors=anchors(),
        grades=GRADES,
    )


def _given(visit: Visit) -> dict[str, Any]:
    """What was sent with a form that was not taken."""
    form = visit.form
    found: dict[str, Any] = {"comment": form.get("comment"), "grade": form.get("grade")}
    found |= {
        field: int(form.get(field)) for field in ("rating", "human_like") if form.get(field).isdecimal()
    }
    found["excellent"] = [int(number) for number in form.all("excellent") if number.isdecimal()]
    return found


def _rating(visit: Visit) -> RatingGiven:
    form = visit.form
    marks = tuple(
        int(number) if number.isdecimal() and len(number) < 6 else 0 for number in form.all("excellent")
    )
    return _parsed(
        RatingGiven,
        item=form.get("item"),
        rating=_number(visit, "rating"),
        human_like=_number(visit, "human_like"),
        excellent=marks,
        comment=form.get("comment"),
    )


def _grade(visit: Visit) -> GradeGiven:
    grade = cast(Literal["clean", "minor", "major", "unresolved"], visit.form.get("grade"))
    return _parsed(GradeGiven, item=visit.form.get("item"), grade=grade, comment=visit.form.get("comment"))


def _number(visit: Visit, name: str) -> int:
    text = visit.form.get(name)
    if text not in ("1", "2", "3", "4", "5"):
        raise RefusedError(422, "choose a number from 1 to 5", name)
    return int(text)


def _parsed(model: type[M], **fields: object) -> M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise RefusedError(422, describe(first), ".".join(map(str, first["loc"]))) from None


def _rater(visit: Visit) -> Caller | None:
    return visit.caller if visit.caller is not None and visit.caller.rates else None


def _must_rate(visit: Visit) -> Caller:
    if (rater := _rater(visit)) is None:
        raise HTTPException(403, "raters only: who sees the marks of others can't rate blindly")
    return rater


@cache
def anchors() -> dict[str, dict[int, str]]:
    """What each number means, from the guide; not every number has words of its own."""
    found: dict[str, dict[int, str]] = {"rating": {}, "human_like": {}}
    current = ""
    for line in guide().splitlines():
        if head := re.match(r"- `(\w+)`", line):
            current = head[1]
        if current == "rating" and (anchor := re.match(r"\s+- (\d): (.+)", line)):
            found["rating"][int(anchor[1])] = anchor[2]
        elif current == "human_like":
            found["human_like"] |= {int(n): text.strip() for n, text in re.findall(r"(\d): ([^.]+)\.", line)}
    return found
