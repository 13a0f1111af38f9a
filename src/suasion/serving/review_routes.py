"""Routes of review: raters' marks, each rater's own; the report and what is to be settled, for operators."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from suasion.evaluation.panel import guide, task_of
from suasion.serving.access import Caller
from suasion.serving.asked import Answered, Asked, RefusedError
from suasion.serving.context import ERRORS, Context, ForOperators, ForReviewers, Here, IdempotencyKey, told
from suasion.serving.once import earlier, once
from suasion.serving.panels import (
    Exhibit,
    Opening,
    add_mark,
    add_panel,
    exhibits_of,
    find_panel,
    marks_of,
    panel_ids,
    settle,
    settled_of,
    undo_mark,
)
from suasion.serving.records import Status, stamp
from suasion.serving.review import (
    Item,
    Mark,
    MarkKind,
    Panel,
    grade_of,
    open_queue,
    progress,
    report_of,
    standing,
)
from suasion.serving.review_contracts import (
    GradeGiven,
    ItemView,
    Marked,
    NewPanel,
    Panels,
    PanelView,
    Place,
    Queue,
    QueueView,
    RatingGiven,
    Report,
    Settle,
    TurnView,
    Undo,
    Undone,
)
from suasion.serving.store import Store

routes = APIRouter(prefix="/v1/panels", tags=["review"], responses=ERRORS)
PanelId = Annotated[str, Path(pattern=r"^p-[0-9a-f]{16}$", examples=["p-0123456789abcdef"])]
ItemName = Annotated[str, Path(pattern=r"^d\d{1,8}$", examples=["d07"])]


def _check_rater(caller: Caller) -> None:
    if not caller.rates:
        raise HTTPException(403, "raters only: who sees the marks of others can't rate blindly")


@routes.get("")
async def listed(here: Here, caller: ForReviewers) -> Panels:
    """Every panel, the newest first, and how many of its items you have marked."""

    def read() -> Panels:
        found = [find_panel(here.service.store, one) for one in panel_ids(here.service.store)]
        return Panels(panels=tuple(panel_view(here, panel, caller) for panel in found))

    return await asyncio.to_thread(read)


def panel_view(here: Context, panel: Panel, caller: Caller) -> PanelView:
    mine = marks_of(here.service.store, panel.id, caller.id)
    done = progress(panel, mine, caller.id).done
    about = {"id": panel.id, "at": panel.at, "title": panel.title, "raters": panel.raters}
    return PanelView(**about, items=len(panel.items), done=done)


@routes.post("", status_code=201, response_model=PanelView)
async def begin(
    new: NewPanel, here: Here, caller: ForOperators, response: Response, key: IdempotencyKey = None
) -> dict[str, Any]:
    """Put conversations that are over before raters, blinded. Files and bad cases: `suasion panel open`."""
    asked = Asked.of(caller.id, key, "/v1/panels", new.model_dump(mode="json"), caller.key_id)
    return told(
        await asyncio.to_thread(_begin, here.service.store, new, asked, here.service.clock()), response
    )


def _begin(store: Store, new: NewPanel, asked: Asked, now: datetime) -> Answered:
    if answered := earlier(store, asked):  # before what is over is counted: a talk may have gone on since
        return answered
    exhibits = _drawn(store, new)
    opening = Opening(new.title, new.raters, new.seed, asked.key_id)

    def add(connection: Connection) -> dict[str, Any]:
        panel_id = add_panel(connection, opening, exhibits, now)
        about = {"id": panel_id, "at": stamp(now), "title": new.title, "raters": new.raters}
        return PanelView(**about, items=len(exhibits), done=0).model_dump()

    return once(store, asked, 201, now, add)


def _drawn(store: Store, new: NewPanel) -> list[Exhibit]:
    """Raises RefusedError (422) where an arm has too few conversations that are over."""
    rng, methods = random.Random(f"{new.seed}:sample"), {}
    for arm in new.arms:
        ids = sorted(store.ids({"arm": arm, "status": Status.ENDED.value}))
        if len(ids) < new.each:
            raise RefusedError(422, f"arm {arm!r} has {len(ids)} that are over", "each")
        talks = [store.load(one) for one in sorted(rng.sample(ids, new.each))]
        methods[arm] = [talk.dialogue for talk in talks if talk is not None]
    return exhibits_of(methods)


@routes.get(
    "/guide",
    response_model=None,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
)
async def read_guide(caller: ForReviewers) -> PlainTextResponse:
    """What the numbers mean, in Markdown."""
    return PlainTextResponse(guide(), media_type="text/markdown")


@routes.get("/{panel_id}/place")
async def place(panel_id: PanelId, here: Here, caller: ForReviewers) -> Place:
    """Your next item, in an order of your own: go on where you left."""
    _check_rater(caller)
    return await asyncio.to_thread(
        lambda: Place(**_place(here, find_panel(here.service.store, panel_id), caller))
    )


@routes.get("/{panel_id}/items/{name}")
async def item(panel_id: PanelId, name: ItemName, here: Here, caller: ForReviewers) -> ItemView:
    """Any item again, with your own mark of it."""

    def read() -> ItemView:
        panel = find_panel(here.service.store, panel_id)
        if name not in panel.items:
            raise RefusedError(404, "no item of this name in the panel")
        return item_view(panel.items[name], marks_of(here.service.store, panel_id, caller.id), caller.id)

    return await asyncio.to_thread(read)


@routes.post("/{panel_id}/ratings")
async def rate(panel_id: PanelId, given: RatingGiven, here: Here, caller: ForReviewers) -> Marked:
    """Rate a dialogue; again, where you think otherwise by now."""
    _check_rater(caller)
    return await asyncio.to_thread(rate_item, here, panel_id, given, caller)


def rate_item(here: Context, panel_id: str, given: RatingGiven, caller: Caller) -> Marked:
    panel = find_panel(here.service.store, panel_id)
    known = panel.items.get(given.item)
    replies = known.replies if known else 0
    if known and any(number > replies for number in given.excellent):
        raise RefusedError(422, f"the agent's messages are A1 to A{replies}", "excellent")
    data = given.model_dump(mode="json", exclude={"item"}) | {"excellent": sorted(set(given.excellent))}
    return _mark(here, panel, caller, given.item, MarkKind.RATING, data)


@routes.post("/{panel_id}/grades")
async def grade(panel_id: PanelId, given: GradeGiven, here: Here, caller: ForReviewers) -> Marked:
    """Grade the reply to a bad case."""
    _check_rater(caller)
    return await asyncio.to_thread(grade_item, here, panel_id, given, caller)


def grade_item(here: Context, panel_id: str, given: GradeGiven, caller: Caller) -> Marked:
    panel = find_panel(here.service.store, panel_id)
    known = panel.items.get(given.item)
    found = grade_of(known, given.grade) if known else given.grade
    data = {"grade": found, "comment": given.comment}
    return _mark(here, panel, caller, given.item, MarkKind.GRADE, data)


@routes.post("/{panel_id}/undo")
async def undo(panel_id: PanelId, asked: Undo, here: Here, caller: ForReviewers) -> Undone:
    """Take a mark of yours back. What you had said of the item before it counts again."""
    _check_rater(caller)

    def take_back() -> Undone:
        panel = find_panel(here.service.store, panel_id)
        name = undo_mark(here.service.store, panel, caller.id, asked.mark, here.service.clock())
        return Undone(**_place(here, panel, caller), item=name)

    return await asyncio.to_thread(take_back)


@routes.get("/{panel_id}/report")
async def report(panel_id: PanelId, here: Here, caller: ForOperators) -> Report:
    """What the panel says so far: ratings by method, ordinal alpha, methods in pairs, grades of cases."""
    return await asyncio.to_thread(lambda: Report(**read_report(here, panel_id)))


def read_report(here: Context, panel_id: str) -> dict[str, Any]:
    store = here.service.store
    return report_of(find_panel(store, panel_id), marks_of(store, panel_id), settled_of(store, panel_id))


@routes.get("/{panel_id}/queue")
async def to_settle(panel_id: PanelId, here: Here, caller: ForOperators) -> Queue:
    """Dialogues on which the raters differ, with their ratings, still without a word of whose they are."""
    return await asyncio.to_thread(read_queue, here, panel_id)


def read_queue(here: Context, panel_id: str) -> Queue:
    store = here.service.store
    panel, marks = find_panel(store, panel_id), marks_of(store, panel_id)
    found = []
    for row, rated in open_queue(panel, marks, settled_of(store, panel_id)):
        ratings = tuple(
            {
                "rater": one.rater,
                "rating": one.rating,
                "excellent": list(one.excellent),
                "comment": one.comment,
            }
            for one in rated
        )
        shown = item_view(panel.items[row["dialogue"]])
        found.append(QueueView(item=shown, why=row["why"], ratings=ratings))
    return Queue(open=tuple(found))


@routes.post("/{panel_id}/settle")
async def settle_rating(panel_id: PanelId, asked: Settle, here: Here, caller: ForOperators) -> Queue:
    """The rating that the raters agreed on when they talked; it counts instead of their median."""

    def add() -> Queue:
        store, now = here.service.store, here.service.clock()
        panel = find_panel(store, panel_id)
        settle(store, panel, asked.item, asked.rating, asked.note, now, caller.key_id)
        return read_queue(here, panel_id)

    return await asyncio.to_thread(add)


def _mark(
    here: Context, panel: Panel, caller: Caller, name: str, kind: MarkKind, data: dict[str, Any]
) -> Marked:
    number = add_mark(here.service.store, panel, caller.id, name, kind, data, here.service.clock())
    return Marked(**_place(here, panel, caller), mark=number)


def _place(here: Context, panel: Panel, caller: Caller) -> dict[str, Any]:
    marks = marks_of(here.service.store, panel.id, caller.id)
    found = progress(panel, marks, caller.id)
    following = None if found.next is None else item_view(panel.items[found.next], marks, caller.id)
    last = None if found.last is None else found.last.id
    return {"done": found.done, "total": found.total, "next": following, "last": last}


def item_view(one: Item, marks: Sequence[Mark] = (), rater: str = "") -> ItemView:
    """As a rater sees it; `marks` are his own."""
    given = standing(marks).get((rater, one.name))
    return ItemView(
        name=one.name,
        kind=one.kind.value,
        task=task_of(one.dialogue.brief),
        turns=turn_views(one),
        reply=one.dialogue.reply,
        defect=None if one.about is None else dict(one.about),
        given=None if given is None else dict(given.data),
        mark=None if given is None else given.id,
    )


def turn_views(one: Item) -> tuple[TurnView, ...]:
    found, counts = [], {"agent": 0, "counterpart": 0}
    for turn in one.dialogue.turns:
        if turn.text is None:
            found.append(TurnView(mark=None, text=None, silence_minutes=turn.silence_minutes))
            continue
        counts[turn.speaker] += 1
        letter = "A" if turn.speaker == "agent" else "H"
        found.append(TurnView(mark=f"{letter}{counts[turn.speaker]}", text=turn.text))
    return tuple(found)
