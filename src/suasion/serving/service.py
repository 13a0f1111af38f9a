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

from suasion.agents.guarded import GuardedReply
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.tracker import State, advance, start, track
from suasion.serving.asked import Answered, Asked, RefusedError
from suasion.serving.compose import Said, compose, new_talk, operator_speaks
from suasion.serving.contracts import MAX_FACTS, MAX_TICKETS, NewConversation, OperatorSays, Reply
from suasion.serving.enrolling import StaleError
from suasion.serving.locks import Locks
from suasion.serving.once import earlier
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
from suasion.serving.roster import Roster, Voice
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
        roster: Roster,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_reply: Callable[[GuardedReply, float], None] = lambda reply, ms: None,
    ) -> None:
        self.store, self.roster, self.locks = store, roster, Locks()
        self.clock, self.on_reply = clock, on_reply
        first = roster.voices[roster.default]
        self.guard, self.batcher, self.identity = first.guard, first.batcher, first.identity
        self.pack, self._pack_version = self.guard.pack, self.guard.pack.version  # a hash of its files
        self._recent: OrderedDict[str, _Known] = OrderedDict()

    async def begin(self, new: NewConversation, asked: Asked, waiting_id: int | None = None) -> Answered:
        """A conversation; with an opening its first words. Raises RefusedError (409 opted out, 422 brief)."""
        self.check_brief(new)
        contact = contact_of(new.brief, self.pack, new.contact)

        async def attempt() -> Answered:
            await self.roster.look()
            now, key = self.clock(), contact_key(contact)
            opted_out = await asyncio.to_thread(self.store.opted_out, key)
            if opted_out:
                raise RefusedError(409, "this contact has opted out, for ever", "contact")
            name, enrolment = await asyncio.to_thread(self.roster.choose, key, now)
            conversation = Conversation(
                id=f"c-{uuid.uuid4().hex}",
                at=stamp(now),
                pack=self.pack.id,
                pack_version=self._pack_version,
                contact=contact,
                contact_key=key,
                brief=new.brief,
                arm=name,
                follows_up=new.follow_up,
                key_id=asked.key_id,
            )
            state = start(new.brief, self.pack.sop)
            talk = new_talk(conversation, state, False, enrolment)
            voice, guarded, ms = self.voice_of(talk), None, 0.0
            if new.opening:
                voice, guarded, ms = await self._ask(talk.dialogue, state, talk)
            after = guarded.state if guarded else state
            said = Said(talk, None, guarded, state, after, now, ms, unasked=waiting_id is not None)
            entry, reply = compose(said, voice.identity, self.pack)
            begun = Happening(Kind.STARTED, {"contact": contact, "arm": name})
            entry = replace(
                entry,
                is_new=True,
                happenings=(begun, *entry.happenings),
                waiting_id=waiting_id,
                enrolment=enrolment,
            )
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
            found = None if moved_on else await self._exchange(known, text, minutes, unasked)
            if found is None:  # nobody is waited for, or somebody spoke in between
                reply = self._standing(known)
                return Answered(200, reply.model_dump(mode="json"))
            said, voice = found
            entry, reply = compose(said, voice.identity, self.pack)
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
        _, guarded, ms = await self._ask(dialogue)
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

    def voice_of(self, talk: Talk | None = None) -> Voice:
        """Who goes on with a conversation; without one, who speaks where no experiment says otherwise."""
        if talk is None:
            return self.roster.speaker(self.roster.default, None)
        return self.roster.speaker(talk.conversation.arm, talk.enrolment)

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
    ) -> tuple[Said, Voice] | None:
        talk, silent = known.talk, text is None
        if silent and talk.standing.status == Status.ENDED:
            return None
        now = self.clock()
        heard = Message(
            len(talk.messages), stamp(now), "counterpart", "counterpart", text=text, silence_minutes=minutes
        )
        state = self._advance(known.state, heard.turn())
        stops = text is not None and self.guard.stopping.asks_to_stop(text)
        voice, guarded, ms = self.voice_of(talk), None, 0.0
        if talk.standing.status != Status.HANDED_OVER and not talk.opted_out:
            voice, guarded, ms = await self._ask(talk.dialogue.continued(heard.turn()), state, talk)
        after = guarded.state if guarded else state
        stops = stops and not talk.opted_out
        return Said(talk, heard, guarded, known.state, after, now, ms, stops, unasked), voice

    async def _ask(
        self, dialogue: Dialogue, state: State | None = None, talk: Talk | None = None
    ) -> tuple[Voice, GuardedReply, float]:
        """Who spoke, what, in how many ms. What an arm wrote that was stopped meanwhile does not leave."""
        began = time.perf_counter()
        while True:
            await self.roster.look()
            voice = self.voice_of(talk)
            guarded = await asyncio.wrap_future(voice.batcher.submit(dialogue, state))
            if self.voice_of(talk) is voice:
                break
        ms = round(1000 * (time.perf_counter() - began), 2)
        self.on_reply(guarded, ms)
        return voice, guarded, ms

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
                if answered := await self._earlier(asked):
                    return answered
                try:
                    return await attempt()
                except (IntegrityError, StaleError):  # somebody was first: read again what was written
                    continue
        raise RefusedError(503, "another process writes to this conversation; try again")

    async def _earlier(self, asked: Asked) -> Answered | None:
        if asked.key is None:
            return None
        return await asyncio.to_thread(earlier, self.store, asked)

    def _standing(self, known: _Known) -> Reply:
        """Where it stands, with no words."""
        talk, state, standing = known.talk, known.state, known.talk.standing
        identity = self.voice_of(talk).identity
        return Reply(
            conversation_id=talk.conversation.id,
            number=None,
            text=None,
            source="nobody",
            stage=state.side or state.stage,
            status=standing.status.value,
            outcome=standing.outcome,
            prices=prices_of(state),
            run=identity.run,
            arm=identity.arm,
            suite_version=identity.suite_version,
            latency_ms=0.0,
        )

    def _advance(self, state: State, turn: Turn) -> State:
        return advance(state, turn, self.pack.sop, self.guard.rules.hearing)

    def _track(self, dialogue: Dialogue) -> State:
        return track(dialogue, self.pack.sop, self.guard.rules.hearing)
