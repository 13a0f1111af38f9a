"""The page of conversations, the page of one, and the inbox of those that were handed over to people."""

import asyncio
import secrets
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from suasion.agents.endings import Ending
from suasion.evaluation.transcript import describe_brief
from suasion.serving.asked import Asked, RefusedError
from suasion.serving.context import Context, ConversationId
from suasion.serving.contracts import OperatorSays, Summary
from suasion.serving.conversations import page as find
from suasion.serving.pages.turns import drafts_of, shown
from suasion.serving.pages.visit import Operators
from suasion.serving.pages.workshop import rules_of
from suasion.serving.records import Kind, Status

routes = APIRouter()
PAGE = 25  # conversations
EVENTS = 500
FILTERS = ("contact", "status", "stage", "rule", "arm", "outcome")
Before = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9-]{1,40}$")]
OUTCOMES = tuple(one.value for one in Ending if one != Ending.HANDED_OVER)


@routes.get("/conversations")
async def search(visit: Operators, before: Before = None) -> Response:
    """Conversations by stage, rule, arm, outcome and contact, the newest first."""
    asked = visit.request.query_params
    given = {name: asked.get(name, "").replace("\x00", "").strip()[:200] for name in FILTERS}
    filters = {name: value for name, value in given.items() if value}
    found = await find(visit.here, filters, PAGE, before)
    older = urlencode({**filters, "before": found.next}) if found.next else None
    sop = visit.here.service.pack.sop
    return visit.page(
        "conversations.html.j2",
        found=found.conversations,
        given=given,
        older=older,
        newest=urlencode(filters) if before else None,
        choices={
            "status": [one.value for one in Status],
            "stage": [step.id for step in (*sop.stages, *sop.side_states)],
            "rule": sorted(rule.id for rule in rules_of(visit.here).rules),
            "arm": await asyncio.to_thread(visit.here.service.store.arms),
            "outcome": OUTCOMES,
        },
    )


@routes.get("/conversations/{conversation_id}")
async def one(visit: Operators, conversation_id: ConversationId) -> Response:
    """Every reply with what the guard saw, arm, run and latency; a person writes the next from here."""
    return await _one(visit, conversation_id)


@routes.post("/conversations/{conversation_id}")
async def write(visit: Operators, conversation_id: ConversationId) -> Response:
    """A person's words. Sent once, and not at all where the counterpart wrote in the meantime."""
    assert visit.caller is not None
    form, service = visit.form, visit.here.service
    says = OperatorSays(text=form.text("text"), give_back=form.get("then") == "back")
    talk = await service.load(conversation_id)
    key = f"page-{form.text('once', 40)}"
    asked = Asked.of(visit.caller.id, key, f"{conversation_id}/operator", says.text, visit.key_id)
    is_sent = await asyncio.to_thread(service.store.answer, visit.caller.id, key) is not None
    if not is_sent and form.get("turns") != str(talk.standing.turns):
        return await _one(visit, conversation_id, says.text)
    await service.operate(conversation_id, says, asked)
    return visit.go(f"/conversations/{conversation_id}", "sent")


async def _one(visit: Operators, conversation_id: str, unsent: str = "") -> Response:
    """`unsent`: words that were not sent, since there are others that their writer had not seen."""
    service = visit.here.service
    talk = await service.load(conversation_id)
    events = await asyncio.to_thread(service.store.events_after, 0, EVENTS, (), conversation_id)
    silent = [row for row in events if row.kind == Kind.WITHHELD and row.data["source"] == "nobody"]
    return visit.page(
        "conversation.html.j2",
        409 if unsent else 200,
        talk=talk,
        standing=talk.standing,
        turns=[shown(message) for message in talk.messages],
        prices=service.prices(talk),
        brief=talk.conversation.brief,
        in_short=describe_brief(talk.conversation.brief),
        events=events,
        silent=[(row.at, drafts_of(row.data["guard"])) for row in silent],
        unsent=unsent,
        once=secrets.token_hex(16),
    )


@routes.get("/inbox")
async def inbox(visit: Operators, before: Before = None) -> Response:
    """What waits for a person: why, since when, and what the counterpart wrote last."""
    found = await find(visit.here, {"status": Status.HANDED_OVER.value}, PAGE, before)
    waiting = [await asyncio.to_thread(_why, visit.here, row) for row in found.conversations]
    return visit.page("inbox.html.j2", waiting=waiting, older=found.next, newest=before is not None)


def _why(here: Context, row: Summary) -> tuple[Summary, str, str]:
    """The conversation, the reason of its last hand-over, and the last words heard in it."""
    store = here.service.store
    handed = store.events_after(0, EVENTS, (Kind.HANDED_OVER.value,), row.id)
    talk = store.load(row.id)
    if talk is None:
        raise RefusedError(404, "no conversation of this id")
    heard = [one.text for one in talk.messages if one.speaker != "agent" and one.text]
    return row, str(handed[-1].data.get("reason", "")) if handed else "", heard[-1] if heard else ""
