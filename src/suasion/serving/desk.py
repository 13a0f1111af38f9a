"""Routes of the operator's desk: writing first, the feed of events, agreed prices, the audit log."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from suasion.serving import schema
from suasion.serving.asked import Asked
from suasion.serving.context import ERRORS, ForAdmins, ForOperators, Here, IdempotencyKey, told
from suasion.serving.contracts import EventPage, EventView, NewConversation, Outbound, Queued
from suasion.serving.outbound import enqueue
from suasion.serving.records import Kind

routes = APIRouter(prefix="/v1", tags=["desk"], responses=ERRORS)
After = Annotated[int, Query(ge=0, le=2**62, description="the last number that you have seen")]
Limit = Annotated[int, Query(ge=1, le=1000)]


@routes.post("/outbound", status_code=202, response_model=Queued)
async def outbound(
    new: Outbound, here: Here, caller: ForOperators, response: Response, key: IdempotencyKey = None
) -> dict[str, Any]:
    """Put briefs into the line. Their conversations begin as quiet hours and limits allow.

    The words to send come as events of kind `message`, from the feed or by the webhook.
    """
    for brief in new.briefs:
        here.service.check_brief(NewConversation(brief=brief))
    asked = Asked.of(caller.id, key, "/v1/outbound", new.model_dump(mode="json"), caller.key_id)
    service, briefs = here.service, list(new.briefs)
    return told(
        await asyncio.to_thread(enqueue, service.store, service.pack, briefs, service.clock(), asked),
        response,
    )


@routes.get("/events")
async def events(
    here: Here,
    caller: ForOperators,
    after: After = 0,
    limit: Limit = 200,
    kind: Annotated[list[Kind] | None, Query()] = None,
) -> EventPage:
    """What happened, in order. Poll it with the last `next`, and nothing is missed or seen twice."""
    kinds = tuple(one.value for one in kind or ())
    return await _events(here, after, limit, kinds)


@routes.get("/prices")
async def prices(here: Here, caller: ForOperators, after: After = 0, limit: Limit = 200) -> EventPage:
    """Agreed prices, typed, and those that were withdrawn since."""
    return await _events(here, after, limit, (Kind.AGREED.value, Kind.WITHDRAWN.value))


@routes.get("/audit")
async def audit(here: Here, caller: ForAdmins, after: After = 0, limit: Limit = 200) -> dict[str, Any]:
    """Who did what that a person answers for."""

    def read() -> list[dict[str, Any]]:
        table = schema.audit
        with here.service.store.engine.connect() as connection:
            rows = connection.execute(
                select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
            )
            return [dict(row._mapping) for row in rows]

    return {"audit": await asyncio.to_thread(read)}


async def _events(here: Here, after: int, limit: int, kinds: tuple[str, ...]) -> EventPage:
    rows = await asyncio.to_thread(here.service.store.events_after, after, limit, kinds)
    found = tuple(EventView(**row._mapping) for row in rows)
    return EventPage(events=found, next=found[-1].id if found else after)
