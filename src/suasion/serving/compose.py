"""From what was heard and what the agent says to what is stored and answered. Pure: no clock, no database."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suasion.agents.endings import Ending
from suasion.agents.guarded import GuardedReply, Source
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State
from suasion.serving.contracts import Reply
from suasion.serving.records import (
    Conversation,
    Enrolment,
    Entry,
    Happening,
    Kind,
    Message,
    Standing,
    Status,
    Talk,
    stamp,
)
from suasion.serving.standing import changes_of_prices, notes_of, prices_of, recorded


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks: the run behind the agent, the arm that it is, and the version of the guarding rules."""

    run: str
    arm: str
    suite_version: str


@dataclass(frozen=True, slots=True)
class Said:
    """One exchange to be stored. `heard` is None for an opening, `guarded` where the agent was not asked.

    `before` is the state before it, `after` the state with what was heard and said; `unasked`: no
    request waits for the words.
    """

    talk: Talk
    heard: Message | None
    guarded: GuardedReply | None
    before: State
    after: State
    now: datetime
    latency_ms: float
    asks_to_stop: bool = False
    unasked: bool = False


def compose(said: Said, identity: Identity, pack: Pack) -> tuple[Entry, Reply]:
    """What to commit, and what to answer. `Talk` of a new conversation has no messages."""
    talk, guarded, at = said.talk, said.guarded, stamp(said.now)
    messages: tuple[Message, ...] = (said.heard,) if said.heard else ()
    number = None
    if guarded is not None and guarded.text is not None:
        number = len(talk.messages) + len(messages)
        messages += (_spoken(guarded, number, at, identity, said.latency_ms),)
    status, outcome = _status(said)
    due = None
    if status == Status.OPEN and talk.conversation.follows_up and number is not None:
        due = stamp(said.now + timedelta(minutes=pack.sop.follow_up_minutes))
    standing = Standing(
        stage=said.after.stage,
        side=said.after.side,
        status=status,
        outcome=outcome,
        turns=len(talk.messages) + len(messages),
        withheld=talk.standing.withheld + (len(guarded.events) if guarded else 0),
        due_at=due,
        at=at,
    )
    entry = Entry(
        conversation=talk.conversation,
        standing=standing,
        messages=messages,
        happenings=tuple(_happenings(said, standing, messages)),
        opts_out=said.asks_to_stop,
    )
    return entry, Reply(
        conversation_id=talk.conversation.id,
        number=number,
        text=guarded.text if guarded else None,
        source=guarded.source.value if guarded else Source.NOBODY.value,
        stage=said.after.side or said.after.stage,
        status=status.value,
        outcome=outcome,
        prices=prices_of(said.after),
        guard=notes_of(guarded) if guarded else (),
        run=identity.run,
        arm=identity.arm,
        suite_version=identity.suite_version,
        latency_ms=said.latency_ms,
    )


def operator_speaks(talk: Talk, text: str, state: State, now: datetime, give_back: bool) -> Entry:
    """A person takes the conversation over by writing in it, or gives it back with these words."""
    number, at = len(talk.messages), stamp(now)
    message = Message(number, at, "agent", "operator", text=text, stage=state.side or state.stage)
    status = Status.OPEN if give_back else Status.HANDED_OVER
    standing = replace(
        talk.standing, stage=state.stage, side=state.side, status=status, outcome=None, turns=number + 1
    )
    happened = [_message(message)]
    if give_back:
        happened.append(Happening(Kind.GIVEN_BACK, {}))
    elif talk.standing.status != Status.HANDED_OVER:
        happened.append(Happening(Kind.HANDED_OVER, {"reason": "taken over"}))
    return Entry(
        conversation=talk.conversation,
        standing=replace(standing, due_at=None, at=at),
        messages=(message,),
        happenings=tuple(happened),
    )


def new_talk(
    conversation: Conversation, state: State, opted_out: bool, enrolment: Enrolment | None = None
) -> Talk:
    """A conversation in which nothing was said yet."""
    standing = Standing(state.stage, state.side, Status.OPEN, None, 0, 0, None, conversation.at)
    return Talk(conversation, (), standing, opted_out, enrolment)


def _spoken(guarded: GuardedReply, number: int, at: str, identity: Identity, latency_ms: float) -> Message:
    return Message(
        number,
        at,
        "agent",
        guarded.source.value,
        text=guarded.text,
        stage=guarded.stage,
        run=identity.run,
        arm=identity.arm,
        suite_version=identity.suite_version,
        seed=guarded.seed,
        latency_ms=latency_ms,
        guard=recorded(guarded) or None,
    )


def _status(said: Said) -> tuple[Status, str | None]:
    before = said.talk.standing
    if said.guarded is None:
        opted_out = said.asks_to_stop or said.talk.opted_out
        return (Status.ENDED, Ending.OPTED_OUT.value) if opted_out else (before.status, before.outcome)
    ending = said.guarded.ending
    if ending is None:
        return Status.OPEN, None
    return (Status.HANDED_OVER, None) if ending == Ending.HANDED_OVER else (Status.ENDED, ending.value)


def _happenings(said: Said, standing: Standing, messages: tuple[Message, ...]) -> list[Happening]:
    found, guarded, was = [], said.guarded, said.talk.standing
    if guarded is not None and guarded.events:
        found.append(Happening(Kind.WITHHELD, {"guard": recorded(guarded), "source": guarded.source.value}))
    found += changes_of_prices(said.before, said.after)
    if said.asks_to_stop:
        found.append(Happening(Kind.OPTED_OUT, {"contact": said.talk.conversation.contact}))
    if said.unasked and messages and messages[-1].speaker == "agent":
        found.append(_message(messages[-1]))
    if standing.status == Status.HANDED_OVER and was.status != Status.HANDED_OVER:
        found.append(Happening(Kind.HANDED_OVER, {"reason": _why_handed_over(said)}))
    if standing.status == Status.ENDED and (was.status, was.outcome) != (standing.status, standing.outcome):
        prices = [one.model_dump(exclude_none=True) for one in prices_of(said.after)]
        found.append(Happening(Kind.ENDED, {"outcome": standing.outcome, "prices": prices}))
    return found


def _why_handed_over(said: Said) -> str:
    assert said.guarded is not None  # without the agent no conversation is handed over by itself
    if said.guarded.text is not None:
        return "a person was asked for"
    return "no reply may leave" if said.guarded.events else "too many replies"


def _message(message: Message) -> Happening:
    return Happening(Kind.MESSAGE, {"number": message.number, "author": message.author, "text": message.text})
