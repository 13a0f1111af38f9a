"""The service: conversations with an agent behind a guard, each request all done or not at all."""

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError

from suasion.agents.guarded import GuardedAgent, GuardedReply
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.tracker import State, advance, start, track
from suasion.serving.asked import Answered, Asked, RefusedError
from suasion.serving.batching import Batcher
from suasion.serving.compose import Identity, Said, compose, new_talk, operator_speaks
from suasion.serving.contracts import MAX_FACTS, MAX_TICKETS, NewConversation, OperatorSays, Reply
from suasion.serving.locks import Locks
from suasion.serving.records import (
    Conversation,
    Entry,
    Happening,
    Kind,
    Message,
    Status,
    Talk,
    contact_key,
    contact_of,
    stamp,
)
from suasion.serving.standing import prices_of, recorded
from suasion.serving.store import Store

REMEMBERED = 4096  # conversations whose turns are not read again for their next message
TRIES = 3  # readings of a conversation that another process writes to as well
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known:
    """A conversation as it was committed last, and where it stands."""

    talk: Talk
    state: State


class Service:
    """For one event loop. `clock` gives the time; `on_reply` is told every guarded reply and its ms."""

    def __init__(
        self,
        store: Store,
        guard: GuardedAgent,
        batcher: Batcher,
        identity: Identity,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_reply: Callable[[GuardedReply, float], None] = lambda reply, ms: None,
    ) -> None:
        self.store, self.guard, self.batcher, self.identity = store, guard, batcher, identity
        self.clock, self.on_reply, self.locks = clock, on_reply, Locks()
        self.pack, self._pack_version = guard.pack, guard.pack.version  # a hash of its files
        self._recent: OrderedDict[str, _Known] = OrderedDict()

    async def begin(self, new: NewConversation, asked: Asked, waiting_id: int | None = None) -> Answered:
        """A conversation; with an opening its first words. Raises RefusedError (409 opted out, 422 brief)."""
        self.check_brief(new)
        contact = contact_of(new.brief, self.pack, new.contact)

        async def attempt() -> Answered:
            opted_out = await asyncio.to_thread(self.store.opted_out, contact_key(contact))
            if opted_out:
                raise RefusedError(409, "this contact has opted out, for ever", "contact")
            now = self.clock()
            conversation = Conversation(
                id=f"c-{uuid.uuid4().hex}",
                at=stamp(now),
                pack=self.pack.id,
                pack_version=self._pack_version,
                contact=contact,
                contact_key=contact_key(contact),
                brief=new.brief,
                arm=self.identity.arm,
                follows_up=new.follow_up,
                key_id=asked.key_id,
            )
            state = start(new.brief, self.pack.sop)
            talk = new_talk(conversation, state, False)
            guarded, ms = await self._ask(talk.dialogue, state) if new.opening else (None, 0.0)
            after = guarded.state if guarded else state
            said = Said(talk, None, guarded, state, after, now, ms, unasked=waiting_id is not None)
            entry, reply = compose(said, self.identity, self.pack)
            begun = Happening(Kind.STARTED, {"contact": contact, "arm": self.identity.arm})
            entry = replace(entry, is_new=True, happenings=(begun, *entry.happenings), waiting_id=waiting_id)
            return await self._commit(entry, reply, asked, 201, _Known(talk, after))

        return await self._once(f"new:{asked.caller}:{asked.key or uuid.uuid4().hex}", asked, attempt)

    async def hear(
        self,
        conversation_id: str,
        asked: Asked,
        text: str | None,
        minutes: float | None,
        unasked_after: int | None = None,
    ) -> Answered:
        """The counterpart's words, or its silence, and what the agent says to it.

        `unasked_after`: a reminder that no request waits for, due only while there are so many turns.
        Raises RefusedError (404).
        """

        async def attempt() -> Answered:
            known = await self._recall(conversation_id)
            moved_on = unasked_after is not None and unasked_after != known.talk.standing.turns
            unasked = unasked_after is not None
            said = None if moved_on else await self._exchange(known, text, minutes, unasked)
            if said is None:  # nobody is waited for, or somebody spoke in between
                reply = self._standing(known)
                return Answered(200, reply.model_dump(mode="json"))
            entry, reply = compose(said, self.identity, self.pack)
            return await self._commit(entry, reply, asked, 200, _Known(known.talk, said.after))

        return await self._once(conversation_id, asked, attempt)

    async def operate(self, conversation_id: str, says: OperatorSays, asked: Asked) -> Answered:
        """A person's words in the agent's place. Raises RefusedError (404, 409 opted out)."""

        async def attempt() -> Answered:
            known = await self._recall(conversation_id)
            talk = known.talk
            if talk.opted_out:
                raise RefusedError(409, "this contact has opted out, for ever")
            state = self._advance(known.state, Turn(speaker="agent", text=says.text))
            entry = operator_speaks(talk, says.text, state, self.clock(), says.give_back)
            entry = replace(entry, audit=(("operator wrote", asked.key_id),))
            later = _Known(replace(talk, standing=entry.standing), state)
            reply = self._standing(later).model_copy(
                update={"number": len(talk.messages), "text": says.text, "source": "operator"}
            )
            return await self._commit(entry, reply, asked, 200, _Known(talk, state))

        return await self._once(conversation_id, asked, attempt)

    async def complete(self, dialogue: Dialogue) -> tuple[GuardedReply, float]:
        """The guarded reply to a dialogue that is kept elsewhere; what was withheld is stored as an event."""
        guarded, ms = await self._ask(dialogue)
        if guarded.events:
            data = {"guard": recorded(guarded), "source": guarded.source.value, "stage": guarded.stage}
            await asyncio.wrap_future(self.store.note(Happening(Kind.COMPLETION, data)))
        return guarded, ms

    async def _recall(self, conversation_id: str) -> _Known:
        """As `load`, with what this process committed last: another writer's message fails the commit."""
        known = self._recent.get(conversation_id)
        if known is None:
            talk = await self.load(conversation_id)
            return _Known(talk, self._track(talk.dialogue))
        opted_out = await asyncio.to_thread(self.store.opted_out, known.talk.conversation.contact_key)
        return replace(known, talk=replace(known.talk, opted_out=opted_out))

    async def load(self, conversation_id: str) -> Talk:
        talk = await asyncio.to_thread(self.store.load, conversation_id)
        if talk is None:
            raise RefusedError(404, "no conversation of this id")
        return talk

    def prices(self, talk: Talk) -> tuple[Any, ...]:
        return prices_of(self._track(talk.dialogue))

    def check_brief(self, new: NewConversation) -> None:
        """Raises RefusedError (422) naming the field that this pack's briefs may not have, or lack."""
        brief = new.brief
        if len(brief.tickets) > MAX_TICKETS or len(brief.facts) > MAX_FACTS:
            raise RefusedError(422, f"at most {MAX_TICKETS} tickets and {MAX_FACTS} facts", "brief")
        if self.pack.manifest.ticket and not brief.tickets:
            raise RefusedError(422, "at least one ticket is needed", "brief.tickets")
        try:
            self.pack.check_brief(brief)
        except InputError as error:
            raise RefusedError(422, error.message, error.field) from None
        if not contact_of(brief, self.pack, new.contact):
            raise RefusedError(422, "this pack's briefs don't say who is written to: give it", "contact")

    async def _exchange(
        self, known: _Known, text: str | None, minutes: float | None, unasked: bool
    ) -> Said | None:
        talk, silent = known.talk, text is None
        if silent and talk.standing.status == Status.ENDED:
            return None
        now = self.clock()
        heard = Message(
            len(talk.messages), stamp(now), "counterpart", "counterpart", text=text, silence_minutes=minutes
        )
        state = self._advance(known.state, heard.turn())
        stops = text is not None and self.guard.stopping.asks_to_stop(text)
        guarded, ms = None, 0.0
        if talk.standing.status != Status.HANDED_OVER and not talk.opted_out:
            guarded, ms = await self._ask(talk.dialogue.continued(heard.turn()), state)
        after = guarded.state if guarded else state
        return Said(talk, heard, guarded, known.state, after, now, ms, stops and not talk.opted_out, unasked)

    async def _ask(self, dialogue: Dialogue, state: State | None = None) -> tuple[GuardedReply, float]:
        began = time.perf_counter()
        guarded = await asyncio.wrap_future(self.batcher.submit(dialogue, state))
        ms = round(1000 * (time.perf_counter() - began), 2)
        self.on_reply(guarded, ms)
        return guarded, ms

    async def _commit(
        self, entry: Entry, reply: Reply, asked: Asked, status: int, before: _Known
    ) -> Answered:
        """`before`: the conversation without the entry, with the state that it has after it."""
        body, one = reply.model_dump(mode="json"), entry.conversation.id
        try:
            await asyncio.wrap_future(self.store.commit(replace(entry, answer=asked.answer(status, body))))
        except BaseException:  # even a cancelled wait: what the store holds now is to be read again
            self._recent.pop(one, None)
            raise
        messages = (*before.talk.messages, *entry.messages)
        talk = replace(before.talk, messages=messages, standing=entry.standing)
        self._recent[one] = _Known(talk, before.state)
        self._recent.move_to_end(one)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return Answered(status, body)

    async def _once(self, lock: str, asked: Asked, attempt: Callable[[], Awaitable[Answered]]) -> Answered:
        """The answer given before under this key, else that of `attempt`, one at a time for each lock."""
        async with self.locks.hold(lock):
            for _ in range(TRIES):
                if earlier := await self._earlier(asked):
                    return earlier
                try:
                    return await attempt()
                except IntegrityError:  # another process was first: read again what it wrote
                    continue
        raise RefusedError(503, "another process writes to this conversation; try again")

    async def _earlier(self, asked: Asked) -> Answered | None:
        if asked.key is None:
            return None
        found = await asyncio.to_thread(self.store.answer, asked.caller, asked.key)
        if found is None:
            return None
        if found.fingerprint != asked.fingerprint:
            raise RefusedError(422, "this key was used for another request", "Idempotency-Key")
        return Answered(found.status, found.body, replayed=True)

    def _standing(self, known: _Known) -> Reply:
        """Where it stands, with no words."""
        talk, state, standing = known.talk, known.state, known.talk.standing
        return Reply(
            conversation_id=talk.conversation.id,
            number=None,
            text=None,
            source="nobody",
            stage=state.side or state.stage,
            status=standing.status.value,
            outcome=standing.outcome,
            prices=prices_of(state),
            run=self.identity.run,
            arm=self.identity.arm,
            suite_version=self.identity.suite_version,
            latency_ms=0.0,
        )

    def _advance(self, state: State, turn: Turn) -> State:
        return advance(state, turn, self.pack.sop, self.guard.rules.hearing)

    def _track(self, dialogue: Dialogue) -> State:
        return track(dialogue, self.pack.sop, self.guard.rules.hearing)
