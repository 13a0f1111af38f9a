"""Routes of conversations: begin, hear, silence, look up."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from suasion.negotiation.dialogue import Dialogue
from suasion.serving.access import OPERATORS, Caller
from suasion.serving.asked import Asked
from suasion.serving.context import (
    ERRORS,
    Context,
    ConversationId,
    ForAgents,
    ForOperators,
    Here,
    IdempotencyKey,
    told,
)
from suasion.serving.contracts import (
    ConversationView,
    MessageView,
    NewConversation,
    OperatorSays,
    Page,
    Reply,
    Said,
    Silent,
    Summary,
)
from suasion.serving.logs import conversation_id
from suasion.serving.records import Conversation as Record
from suasion.serving.records import Message, Standing, Status, contact_key
from suasion.serving.store import conversation_of, standing_of
from suasion.serving.transcripts import record_of

routes = APIRouter(prefix="/v1", tags=["conversations"], responses=ERRORS)


@routes.post("/conversations", status_code=201, response_model=Reply)
async def begin(
    new: NewConversation, here: Here, caller: ForAgents, response: Response, key: IdempotencyKey = None
) -> dict[str, Any]:
    """Begin a conversation about a brief. With `opening` the answer has the agent's first words."""
    asked = Asked.of(caller.id, key, "/v1/conversations", new.model_dump(mode="json"), caller.key_id)
    answered = await here.service.begin(new, asked)
    conversation_id.set(answered.body["conversation_id"])  # for the edge's log: the path has none
    return told(answered, response)


@routes.post("/conversations/{conversation_id}/messages", response_model=Reply)
async def hear(
    conversation_id: ConversationId,
    said: Said,
    here: Here,
    caller: ForAgents,
    response: Response,
    key: IdempotencyKey = None,
) -> dict[str, Any]:
    """What the counterpart wrote; the answer has what to say to it, or null where nothing is to be said."""
    asked = Asked.of(caller.id, key, f"{conversation_id}/messages", said.text, caller.key_id)
    return told(await here.service.hear(conversation_id, asked, said.text, None), response)


@routes.post("/conversations/{conversation_id}/silence", response_model=Reply)
async def silence(
    conversation_id: ConversationId,
    silent: Silent,
    here: Here,
    caller: ForAgents,
    response: Response,
    key: IdempotencyKey = None,
) -> dict[str, Any]:
    """The counterpart did not answer for so long; the answer has a reminder, or null where none is due."""
    asked = Asked.of(caller.id, key, f"{conversation_id}/silence", silent.minutes, caller.key_id)
    return told(await here.service.hear(conversation_id, asked, None, silent.minutes), response)


@routes.post("/conversations/{conversation_id}/operator", response_model=Reply)
async def operate(
    conversation_id: ConversationId,
    says: OperatorSays,
    here: Here,
    caller: ForOperators,
    response: Response,
    key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Take a conversation over by writing in it; `give_back` lets the agent go on after these words."""
    body = says.model_dump(mode="json")
    asked = Asked.of(caller.id, key, f"{conversation_id}/operator", body, caller.key_id)
    return told(await here.service.operate(conversation_id, says, asked), response)


@routes.get("/conversations/{conversation_id}")
async def look_up(conversation_id: ConversationId, here: Here, caller: ForAgents) -> ConversationView:
    """All of a conversation; the words that the guard withheld are for operators."""
    talk = await here.service.load(conversation_id)
    shows = caller.scope in OPERATORS
    return ConversationView(
        conversation=summary(talk.conversation, talk.standing),
        brief=talk.conversation.brief.model_dump(mode="json", exclude_none=True),
        messages=tuple(_view(message, shows) for message in talk.messages),
        prices=here.service.prices(talk),
    )


@routes.get("/conversations/{conversation_id}/record")
async def record(conversation_id: ConversationId, here: Here, caller: ForAgents) -> Dialogue:
    """The same as a dialogue record, with its outcome so far: what scoring and training read."""
    talk = await here.service.load(conversation_id)
    return record_of(talk, here.service.pack)


@routes.get("/conversations")
async def search(
    here: Here,
    caller: ForOperators,
    status: Status | None = None,
    stage: Annotated[str | None, Query(max_length=80)] = None,
    outcome: Annotated[str | None, Query(max_length=16)] = None,
    arm: Annotated[str | None, Query(max_length=200)] = None,
    contact: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,40}$")] = None,
) -> Page:
    """Conversations, the newest first."""
    given = {"status": status, "stage": stage, "outcome": outcome, "arm": arm}
    filters = {name: str(value) for name, value in given.items() if value is not None}
    if contact is not None:
        filters["contact_key"] = contact_key(contact)
    return await page(here, filters, limit, before)


@routes.get("/inbox")
async def inbox(
    here: Here,
    caller: ForOperators,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,40}$")] = None,
) -> Page:
    """What was handed over to people; write in a conversation (`/operator`) to take it."""
    return await page(here, {"status": Status.HANDED_OVER.value}, limit, before)


async def page(here: Context, filters: dict[str, str], limit: int, before: str | None) -> Page:
    rows = await asyncio.to_thread(here.service.store.search, filters, limit, before)
    found = tuple(summary(conversation_of(row), standing_of(row)) for row in rows)
    return Page(conversations=found, next=found[-1].id if len(found) == limit else None)


def summary(one: Record, standing: Standing) -> Summary:
    return Summary(
        id=one.id,
        at=one.at,
        contact=one.contact,
        arm=one.arm,
        stage=standing.side or standing.stage,
        status=standing.status.value,
        outcome=standing.outcome,
        turns=standing.turns,
        withheld=standing.withheld,
        changed_at=standing.at,
    )


def _view(message: Message, shows_withheld: bool) -> MessageView:
    values = {name: getattr(message, name) for name in MessageView.model_fields}
    return MessageView(**values | ({} if shows_withheld else {"guard": None}))


__all__ = ["Caller", "page", "routes", "summary"]
