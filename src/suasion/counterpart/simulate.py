"""Whole negotiations between an agent and simulated counterparts, in lockstep so that an agent can batch."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from suasion.counterpart.coefficients import load_ears
from suasion.counterpart.listening import restates
from suasion.counterpart.manager import HiddenType, Manager, draw_type
from suasion.counterpart.wording import Speaker
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Outcome, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TOLERANCE, Hearing, State, advance, start

MAX_REPLIES = 24
CONSENT = "consent"  # what an outcome's success is about where the brief has no tickets


class Agent(Protocol):
    """Says the next utterance of each dialogue: a text, or a Turn that also has its acts."""

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> Sequence[str | Turn]: ...


class Counterpart(Protocol):
    """The other side of one conversation, and the truth about it."""

    def reply(self, dialogue: Dialogue) -> Turn: ...

    def prices(self) -> dict[str, float | None]: ...

    def consents(self) -> bool: ...  # asked only where the brief has no tickets

    def truth(self) -> dict[str, Any]: ...


MakeCounterpart = Callable[[Brief, str], Counterpart]


@dataclass(slots=True)
class Conversation:
    """One negotiation under way."""

    dialogue: Dialogue
    counterpart: Counterpart
    state: State
    seed: int
    agreed_at: dict[str, int] = field(default_factory=dict)  # ticket: number of turns when it was agreed
    last_word: bool = False  # one reply of the agent is left
    ending: str | None = None


def simulate(
    agent: Agent,
    briefs: Sequence[Brief],
    seed: int,
    *,
    pack: Pack,
    hearing: Hearing | None = None,
    hidden: HiddenType | Callable[[Brief], HiddenType] | None = None,
    counterpart: MakeCounterpart | None = None,
    max_replies: int = MAX_REPLIES,
    on_round: Callable[[int, int], None] | None = None,
    numbers: Sequence[int] | None = None,
    at_once: int = 1,
) -> list[Dialogue]:
    """Negotiate each brief to its end; the dialogues carry their outcome.

    Args:
        agent: gets all open dialogues at once, one call a round.
        seed: with the brief's number it decides everything that is random here.
        hearing: says which acts an utterance has; the pack's patterns by default.
        hidden: the counterparts' type, instead of one drawn from the pack's population.
        counterpart: makes the counterpart of a brief from a seed, instead of a `Manager`.
        on_round: told after each round how many negotiations are open and how many there are.
        numbers: of the briefs, which are in the dialogues' ids; their places by default.
        at_once: counterparts that answer at the same time, in threads; for those that wait for an endpoint.

    A call of the agent that fails ends its dialogue with `ending: "error: ..."`; nothing else is lost.
    """
    ears_of_pack = hearing or load_hearing(pack)
    make = counterpart or managers(pack, ears_of_pack, hidden)
    named = zip(briefs, range(len(briefs)) if numbers is None else numbers, strict=True)
    conversations = [begin(brief, seed, number, pack, make) for brief, number in named]
    with _threads(at_once) as pool:
        for number in range(max_replies):
            still_open = [one for one in conversations if one.ending is None]
            if not still_open:
                break
            replies = _ask(agent, [one.dialogue for one in still_open], seed * 1_000 + number)
            rounds = (pool.map if pool else map)(
                lambda one, reply: play_round(one, reply, pack, ears_of_pack), still_open, replies
            )
            list(rounds)
            if on_round:
                on_round(sum(one.ending is None for one in conversations), len(conversations))
    return [finish(conversation, ears_of_pack) for conversation in conversations]


def _threads(count: int) -> AbstractContextManager[ThreadPoolExecutor | None]:
    return ThreadPoolExecutor(count, "counterpart") if count > 1 else nullcontext()


def managers(
    pack: Pack,
    hearing: Hearing,
    hidden: HiddenType | Callable[[Brief], HiddenType] | None = None,
    speaker: Speaker | None = None,
) -> MakeCounterpart:
    """What makes a `Manager` for a brief: of the given type, or of one drawn from the pack's population.

    speaker: puts what they decide into words; the pack's phrases by default.
    """
    ears = load_ears(pack)

    def make(brief: Brief, seed: str) -> Manager:
        if isinstance(hidden, HiddenType):
            kind = hidden
        elif hidden is not None:
            kind = hidden(brief)
        else:
            kind = draw_type(brief.tickets, ears.coefficients, random.Random(f"{seed}:type"))
        return Manager(kind, brief, ears, hearing, seed, speaker)

    return make


def _ask(agent: Agent, dialogues: list[Dialogue], seed: int) -> list[str | Turn | Exception]:
    """One batch call; when it fails, one call a dialogue, so that only those that can't be answered fail."""
    try:
        return _checked(agent.reply(dialogues, seed), len(dialogues))
    except Exception as error:  # noqa: BLE001 - the agent is the boundary; the failure is recorded as the ending
        if len(dialogues) == 1:
            return [error]
    return [_ask(agent, [dialogue], seed)[0] for dialogue in dialogues]


def _checked(replies: Sequence[object], count: int) -> list[str | Turn | Exception]:
    if len(replies) != count:
        raise ValueError(f"the agent gave {len(replies)} replies to {count} dialogues")
    return [reply if isinstance(reply, str | Turn) else _no_text(reply) for reply in replies]


def _no_text(reply: object) -> Exception:
    return TypeError(f"the agent's reply is text or a Turn, found {type(reply).__name__}")


def begin(brief: Brief, seed: int, index: int, pack: Pack, make: MakeCounterpart) -> Conversation:
    """The negotiation of a seed's brief number `index`, in which nothing has been said yet."""
    dialogue = Dialogue(id=f"{seed}-{index:05d}", brief=brief, source="simulated")
    return Conversation(dialogue, make(brief, f"{seed}:{index}"), start(brief, pack.sop), seed)


def play_round(one: Conversation, reply: str | Turn | Exception, pack: Pack, hearing: Hearing) -> None:
    """The agent's reply and what the counterpart answers to it; `ending` is set where nothing follows."""
    if isinstance(reply, Exception):
        one.ending = f"error: {type(reply).__name__}: {reply}"[:300]
        return
    turn = reply if isinstance(reply, Turn) else Turn(speaker="agent", text=reply)
    _add(one, turn, pack, hearing)
    if one.last_word:
        one.ending = "opted_out"
    elif one.state.ended(pack.sop):
        one.ending = "agreed" if _is_won(one) else "declined"
    if one.ending is not None:
        return
    answer = one.counterpart.reply(one.dialogue)
    _add(one, answer, pack, hearing)
    for ticket, price in one.counterpart.prices().items():
        if price is None:
            one.agreed_at.pop(ticket, None)
        else:
            one.agreed_at.setdefault(ticket, len(one.dialogue.turns))
    if answer.text is None:
        if one.state.silences > pack.sop.max_follow_ups:
            one.ending = "silent"
    elif "opt_out" in (answer.acts or hearing.hear("counterpart", answer.text)):
        one.last_word = True


def _is_won(one: Conversation) -> bool:
    """Whether anything was agreed."""
    if one.dialogue.brief.tickets:
        return any(one.counterpart.prices().values())
    return one.counterpart.consents()


def _add(one: Conversation, turn: Turn, pack: Pack, hearing: Hearing) -> None:
    one.dialogue = one.dialogue.continued(turn)
    one.state = advance(one.state, turn, pack.sop, hearing)


def finish(one: Conversation, hearing: Hearing) -> Dialogue:
    """The dialogue with its outcome by the counterpart's truth (paper.md, Words)."""
    prices = one.counterpart.prices()
    successes = {
        ticket.id: (price := prices[ticket.id]) is not None
        and price <= ticket.target_selling_price + TOLERANCE
        and _is_restated(one, ticket.id, price, hearing)
        for ticket in one.dialogue.brief.tickets
    }
    if not one.dialogue.brief.tickets:
        successes = {CONSENT: one.counterpart.consents() and one.state.consent.restated > 0}
    outcome = Outcome(
        responded=any(turn.speaker == "counterpart" and turn.text is not None for turn in one.dialogue.turns),
        tickets={ticket: None if price is None else round(price, 2) for ticket, price in prices.items()},
        successes=successes,
        ending=one.ending or "max_replies",
        seed=one.seed,
        **one.counterpart.truth(),
    )
    return one.dialogue.model_copy(update={"outcome": outcome})


def _is_restated(one: Conversation, ticket_id: str, price: float, hearing: Hearing) -> bool:
    """Whether the agent said it back with its kind and all details: after, or by, the agreement."""
    ticket = one.dialogue.brief.ticket(ticket_id)
    since = max(
        0, one.agreed_at.get(ticket_id, 0) - 2
    )  # the agent's message that the agreement answered counts
    return any(
        turn.text is not None
        and "confirm" in (hearing.hear("agent", turn.text) if turn.acts is None else turn.acts)
        and restates(turn.text, ticket, price)
        for turn in one.dialogue.turns[since:]
        if turn.speaker == "agent"
    )
