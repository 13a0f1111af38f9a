"""Where a negotiation stands, from the dialogue alone: stage, side state, tickets, what is agreed.

Events of a turn, in the order in which they count: `agent.<act>`, `counterpart.<act>`,
`agent.any`, `counterpart.any`, `silence`, `price.offer` (a price was named that is not acceptable),
`price.acceptable`, `price.withdrawn` (an agreed one is taken back, refused or corrected upwards),
`ticket.next` (one ticket done, another open), `tickets.done`. Without tickets: `consent.given` and
`consent.withdrawn` (see consent.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.changed import changed
from suasion.negotiation.consent import YES, Consent
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.money import Money, PriceKind, to_selling
from suasion.negotiation.prices import PriceMention, find_prices
from suasion.negotiation.sop import Sop
from suasion.negotiation.transitions import GAVE_IN, WENT_ON, Transition

TOLERANCE = 0.5  # currency units within which two amounts are the same price
ROUNDED = 1.0  # a net price in whole units, turned into selling again, is off by less
QUESTIONS = "?\uff1f"
NEW_SUBJECTS = frozenset({"propose", "ask_best", "state_case"})  # a no after these is to something else


class Hearing(Protocol):
    """Says which dialogue acts an utterance contains."""

    def hear(self, speaker: str, text: str) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class TicketState:
    """One ticket: prices are selling prices in its currency."""

    ticket: Ticket
    proposals: tuple[float, ...] = ()
    offer: float | None = None  # the counterpart's last price, converted
    agreed: float | None = None  # an acceptable price that the counterpart named or accepted
    restated: int = 0  # how often the agent confirmed it
    refused: bool = False

    @property
    def done(self) -> bool:
        return self.refused or (self.agreed is not None and self.restated > 0)


@dataclass(frozen=True, slots=True)
class State:
    """Where the next reply of the agent stands."""

    stage: str
    side: str | None = None
    tickets: tuple[TicketState, ...] = ()
    focus: int = 0
    asking: bool = False  # the agent's last words ask for a price
    confirming: int | None = None  # the ticket whose restated price the counterpart has not said yes to yet
    attempts: int = 0  # replies of the agent in this stage, those to side states not counted
    silences: int = 0  # of the counterpart, since its last words
    replies: int = 0
    said: frozenset[str] = field(default_factory=frozenset)
    heard: frozenset[str] = field(default_factory=frozenset)  # the counterpart's last acts
    responded: bool = False
    consent: Consent = field(default_factory=Consent)  # where there are no tickets

    @property
    def ticket(self) -> TicketState | None:
        return self.tickets[self.focus] if self.tickets else None

    def ended(self, sop: Sop) -> bool:
        """Nothing more is to be said: the agent has spoken in a terminal stage."""
        return sop.stage(self.stage).terminal and self.attempts > 0


def start(brief: Brief, sop: Sop) -> State:
    return State(sop.start.id, tickets=tuple(TicketState(ticket) for ticket in brief.tickets))


def track(dialogue: Dialogue, sop: Sop, hearing: Hearing) -> State:
    """Fold the turns into the state in which the next reply is spoken."""
    state = start(dialogue.brief, sop)
    for turn in dialogue.turns:
        state = advance(state, turn, sop, hearing)
    return state


def advance(state: State, turn: Turn, sop: Sop, hearing: Hearing) -> State:
    """The state after one more turn."""
    return step(state, turn, sop, hearing)[0]


def step(state: State, turn: Turn, sop: Sop, hearing: Hearing) -> tuple[State, tuple[Transition, ...]]:
    """The state after one more turn, and the transitions that the turn made, in their order."""
    if turn.text is None:
        state = changed(state, silences=state.silences + 1)
        return _move(state, ["silence"], sop)
    acts = frozenset(turn.acts) if turn.acts is not None else hearing.hear(turn.speaker, turn.text)
    events = [f"{turn.speaker}.{act}" for act in sorted(acts)] + [f"{turn.speaker}.any"]
    if turn.speaker == "agent":
        state = changed(
            state,
            said=state.said | acts,
            attempts=state.attempts + (state.side is None),
            replies=state.replies + 1,
            asking="propose" in acts,
            confirming=None if acts & NEW_SUBJECTS else state.confirming,
        )
        if state.tickets:
            state, more = _agent_prices(state, turn.text, acts)
        else:
            state, more = changed(state, consent=state.consent.after_agent(acts)), []
    else:
        state = changed(state, heard=acts, silences=0, responded=True)
        if "opt_out" in acts:  # nothing may be asked of it any more, not for another ticket either
            state = changed(state, tickets=tuple(map(_given_up, state.tickets)))
        if state.tickets:
            state, more = _counterpart_prices(state, turn.text, acts)
        else:
            consent, more = state.consent.after_counterpart(acts, state.asking)
            state = changed(state, consent=consent)
        if acts & YES and state.confirming is not None:
            state = changed(state, confirming=None)
    return _move(state, events + more, sop)


def _move(state: State, events: list[str], sop: Sop) -> tuple[State, tuple[Transition, ...]]:
    before, made = state.side, list[Transition]()
    side = sop.opened_by(events)
    state = _on_side(state, side.id if side else None)
    if side and (leave := next((leave for leave in side.exits if leave.on in events), None)):
        left = changed(state, stage=leave.to, side=None, attempts=0)
        return left, (Transition(side.id, leave.on, leave.to),)
    for _ in sop.stages:  # one message can pass several stages
        stage = sop.stage(state.stage)
        leave = next((leave for leave in stage.exits if leave.on in events), None)
        if leave is None or leave.to == stage.id:
            break
        made.append(Transition(stage.id, leave.on, leave.to))
        focus = _next_open(state) if "ticket.next" in events else state.focus
        state = changed(state, stage=leave.to, attempts=0, focus=focus)
    stage = sop.stage(state.stage)
    if stage.terminal and "silence" in events:
        state = _on_side(state, None)  # nobody is reminded of a goodbye
    spent = stage.max_attempts is not None and state.attempts >= stage.max_attempts
    if spent and state.side is None and "agent.any" not in events:
        made.append(Transition(stage.id, GAVE_IN, sop.give_in_stage))
        state = changed(state, stage=sop.give_in_stage, attempts=0)
    if before is not None and state.side is None:
        made.append(Transition(before, WENT_ON, state.stage))
    return state, tuple(made)


def _on_side(state: State, side: str | None) -> State:
    return state if state.side == side else changed(state, side=side)


def _given_up(ticket: TicketState) -> TicketState:
    return ticket if ticket.agreed is not None else changed(ticket, refused=True)


def _next_open(state: State) -> int:
    return next((index for index, ticket in enumerate(state.tickets) if not ticket.done), state.focus)


def _agent_prices(state: State, text: str, acts: frozenset[str]) -> tuple[State, list[str]]:
    current = state.tickets[state.focus]
    if "propose" in acts:
        proposed = tuple(
            mention.amount
            for mention in find_prices(text, current.ticket.currency)
            if mention.relation != "percent" and is_proposal(mention.amount, current.ticket)
        )
        if proposed:
            current = changed(current, proposals=current.proposals + proposed)
    if "confirm" in acts and current.agreed is not None:
        current = changed(current, restated=current.restated + 1)
        state = changed(state, confirming=state.focus)
    if "accept_no" in acts and current.agreed is None:
        current = changed(current, refused=True)
    if current is not state.tickets[state.focus]:
        state = _put(state, current)
    if not current.done:
        return state, []
    left = any(not ticket.done for ticket in state.tickets)
    return state, ["ticket.next" if left else "tickets.done"]


def is_proposal(amount: float, ticket: Ticket) -> bool:
    """A price that the agent may ask for: from the target up to below the current price (paper, Words)."""
    return ticket.target_selling_price - TOLERANCE <= amount < ticket.selling_price - TOLERANCE


def _counterpart_prices(state: State, text: str, acts: frozenset[str]) -> tuple[State, list[str]]:
    place = state.focus if state.confirming is None else state.confirming
    if not _names_another(place, text, state) and _takes_back(
        text, acts, state.tickets[place], state.confirming is not None
    ):
        state, acceptable = _withdraw(changed(state, focus=place), text)
        return state, ["price.acceptable" if acceptable else "price.withdrawn"]
    current = state.tickets[state.focus]
    named = list(offers(text, current, acts))
    offered = "counter" in acts and not any(mark in text for mark in QUESTIONS)
    named_again = offered and len(named) == 1 and _asked(named[0], current)
    yes = "agree" in acts or named_again or (state.asking and acts == {"confirm_yes"})
    yes = yes and not acts & {"refuse", "hesitate"}
    # A price that the agent asked for, said again, is no offer ("380 is too low") unless with a yes, or as
    # the one price that is offered ("let's say 380"); nor is one that comes with a no ("at 350 we lose").
    fresh = [amount for amount in named if yes or not _asked(amount, current)]
    offer = fresh[0] if fresh and (yes or "counter" in acts or "refuse" not in acts) else None
    if offer is None and yes and current.agreed is None and current.proposals:
        offer = current.proposals[-1]
    if offer is None or "hesitate" in acts:
        return state, []
    if current.agreed is not None and current.restated and offer > current.agreed - ROUNDED:
        return state, []  # with a yes to what was confirmed, other prices are only spoken of
    acceptable = _suffices(offer, current)
    agreed, restated = (offer, 0) if acceptable else (current.agreed, current.restated)
    current = changed(current, offer=offer, agreed=agreed, restated=restated)
    return _put(state, current), ["price.acceptable" if acceptable else "price.offer"]


def _suffices(amount: float, state: TicketState) -> bool:
    return amount <= state.ticket.target_selling_price + TOLERANCE


def _names_another(place: int, text: str, state: State) -> bool:
    """Whether the text names a detail of another ticket and none of this one."""
    plain = text.casefold()
    named = [
        any(str(value).casefold() in plain for value in one.ticket.details.values()) for one in state.tickets
    ]
    return any(named) and not named[place]


def _withdraw(state: State, text: str) -> tuple[State, bool]:
    """The ticket in focus is open again, unless the price named in place of the agreed one suffices too."""
    current = state.tickets[state.focus]
    named = [amount for amount in offers(text, current) if not _asked(amount, current)]
    offer = next((amount for amount in named if abs(amount - (current.agreed or 0.0)) > ROUNDED), None)
    acceptable = offer is not None and _suffices(offer, current)
    opened = changed(current, agreed=offer if acceptable else None, restated=0, offer=offer)
    return changed(_put(state, opened), confirming=None), acceptable


def _takes_back(text: str, acts: frozenset[str], state: TicketState, confirming: bool) -> bool:
    """Whether an agreed price no longer stands: it is taken back, or there is no yes and instead another
    price or, when it was just restated, a no or a doubt."""
    if state.agreed is None:
        return False
    if "retract" in acts:
        return True
    if acts & YES:
        return False
    if confirming and acts & {"refuse", "hesitate"}:
        return True
    named = list(offers(text, state, acts))
    return bool(named) and min(named) > state.agreed + ROUNDED


def offers(text: str, state: TicketState, acts: frozenset[str] = frozenset()) -> Iterator[float]:
    """Selling prices that the counterpart names, the lowest first; changes count from the current price.

    A percentage without a direction ("85% booked") is one only where the `acts` say that an offer is made.
    """
    found = []
    for mention in find_prices(text, state.ticket.currency):
        amount = _selling(mention, state, offering="counter" in acts)
        if amount is not None and 0 < amount < state.ticket.selling_price - TOLERANCE:
            found.append(amount)
    yield from sorted(found)


def _selling(mention: PriceMention, state: TicketState, offering: bool) -> float | None:
    ticket = state.ticket
    if mention.kind == PriceKind.COMMISSION:
        return None
    if mention.relation == "percent":
        down = mention.direction < 0 or (mention.direction == 0 and offering)
        return ticket.selling_price * (1 - mention.amount / 100) if down else None
    if mention.relation == "delta":
        return ticket.selling_price - mention.amount if mention.direction < 0 else None
    if mention.kind == PriceKind.NET:
        return to_selling(
            Money(mention.amount, ticket.currency, PriceKind.NET), ticket.commission_rate
        ).amount
    return mention.amount


def _asked(amount: float, state: TicketState) -> bool:
    return any(abs(amount - proposal) < TOLERANCE for proposal in state.proposals)


def _put(state: State, ticket: TicketState) -> State:
    tickets = (*state.tickets[: state.focus], ticket, *state.tickets[state.focus + 1 :])
    return changed(state, tickets=tickets)
