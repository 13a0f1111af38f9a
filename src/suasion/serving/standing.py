"""Where a conversation stands, for those outside: typed prices, and what changed with a reply."""

from suasion.agents.guarded import GuardedReply, GuardEvent
from suasion.negotiation.money import Money, PriceKind, to_net
from suasion.negotiation.tracker import State, TicketState
from suasion.rewards.score import Evidence
from suasion.serving.contracts import Amount, GuardNote, Objection, TicketPrice
from suasion.serving.records import Happening, Kind


def prices_of(state: State) -> tuple[TicketPrice, ...]:
    return tuple(map(_price_of, state.tickets))


def _price_of(one: TicketState) -> TicketPrice:
    agreed, offer = _amount(one.agreed, one), _amount(one.offer, one)
    if agreed is not None:
        return TicketPrice(
            ticket=one.ticket.id, state="confirmed" if one.restated else "agreed", agreed=agreed
        )
    if one.refused:
        return TicketPrice(ticket=one.ticket.id, state="refused", offer=offer)
    return TicketPrice(ticket=one.ticket.id, state="offered" if offer else "open", offer=offer)


def _amount(selling: float | None, one: TicketState) -> Amount | None:
    if selling is None:
        return None
    ticket = one.ticket
    net = to_net(Money(selling, ticket.currency, PriceKind.SELLING), ticket.commission_rate)
    return Amount(amount=round(selling, 2), currency=ticket.currency, net=round(net.amount, 2))


def changes_of_prices(before: State, after: State) -> list[Happening]:
    """Prices that became confirmed, and confirmed ones that no longer stand."""
    found = []
    for old, new in zip(prices_of(before), prices_of(after), strict=True):
        was = old.agreed if old.state == "confirmed" else None
        now = new.agreed if new.state == "confirmed" else None
        if was and was != now:
            found.append(_priced(Kind.WITHDRAWN, old.ticket, was))
        if now and was != now:
            found.append(_priced(Kind.AGREED, new.ticket, now))
    return found


def _priced(kind: Kind, ticket: str, amount: Amount) -> Happening:
    return Happening(kind, {"ticket": ticket, "price": amount.model_dump()})


def notes_of(reply: GuardedReply) -> tuple[GuardNote, ...]:
    """What was withheld, without its words."""
    return tuple(
        GuardNote(
            source=one.source.value,
            attempt=one.attempt,
            objections=tuple(map(_objection, one.evidence)),
            failure=one.failure,
        )
        for one in reply.events
    )


def _objection(one: Evidence) -> Objection:
    return Objection(rule=one.name, severity=str(one.severity), note=one.note)


def recorded(reply: GuardedReply) -> list[dict[str, object]]:
    """All that the guard saw, as stored: withheld drafts with their words, objections to what was sent."""
    found: list[dict[str, object]] = [{"kind": "withheld", **_event(one)} for one in reply.events]
    return found + [{"kind": "sent", **_evidence(one)} for one in reply.evidence]


def _event(one: GuardEvent) -> dict[str, object]:
    return {
        "source": one.source.value,
        "attempt": one.attempt,
        "text": one.text,
        "failure": one.failure,
        "objections": [_evidence(evidence) for evidence in one.evidence],
    }


def _evidence(one: Evidence) -> dict[str, object]:
    return {
        "rule": one.name,
        "severity": str(one.severity),
        "span": list(one.span) if one.span else None,
        "text": one.text,
        "note": one.note,
    }
