"""Who a counterpart is, which the agent can't see, and how types are drawn from the pack's population."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suasion.counterpart.coefficients import Coefficients
from suasion.counterpart.listening import net_of
from suasion.negotiation.brief import Ticket
from suasion.negotiation.money import Money, PriceKind, to_selling

NEVER = 2.0  # a threshold that no readiness reaches


@dataclass(frozen=True, slots=True)
class HiddenType:
    """Who the counterpart is, which the agent can't see."""

    reservation_net: Mapping[str, float]  # ticket id: the least that it must receive
    patience: int  # replies of the agent that are put up with
    mood: float  # at the start, 0 to 1
    busyness: float  # 0 to 1
    decides_alone: bool  # else it must ask somebody, and may be overruled
    wrong_person: bool  # the first to answer does not set prices
    no_reply: float  # chance of never answering, whatever is written
    silence: float  # chance of leaving a message unanswered for a while
    late: bool  # answers only after a follow-up
    net_talk: bool  # speaks of net prices
    style: str  # family of phrases
    threshold: float = 0.0  # the readiness to give, 0 to 1, from which it says yes, where there is no price


def draw_type(tickets: Sequence[Ticket], coefficients: Coefficients, rng: random.Random) -> HiddenType:
    """One counterpart of the pack's population, for these tickets."""
    population = coefficients.population
    no_reply = rng.uniform(*population.no_reply)
    patience = rng.randint(*population.patience)
    mood, busyness = rng.uniform(*population.mood), rng.uniform(*population.busyness)
    chances = (population.decides_alone, population.wrong_person, population.late, population.net_talk)
    alone, wrong, late, net_talk = (rng.random() < chance for chance in chances)
    silence = coefficients.habits.silence + busyness / 10
    style, rigid, room = rng.choice(population.styles), rng.random(), rng.uniform(*population.room)
    reservations = {}
    threshold = 0.0
    if not tickets:
        threshold = NEVER if rigid < population.rigid else rng.uniform(*population.threshold)
    for ticket in tickets:
        spare = 0.0 if rigid < population.rigid else room
        if spare and ticket.competitor_price and ticket.competitor_price.selling_price < ticket.selling_price:
            spare += population.competitor_room
        reservations[ticket.id] = net_of(ticket.selling_price, ticket) * (1 - min(spare, 0.95))
    return HiddenType(
        reservation_net=reservations,
        patience=patience,
        mood=mood,
        busyness=busyness,
        decides_alone=alone,
        wrong_person=wrong,
        no_reply=no_reply,
        silence=silence,
        late=late,
        net_talk=net_talk,
        style=style,
        threshold=threshold,
    )


def limit_price(ticket: Ticket, hidden: HiddenType) -> float:
    """The reservation price as a selling price: the least that it can agree to."""
    net = Money(hidden.reservation_net[ticket.id], ticket.currency, PriceKind.NET)
    return to_selling(net, ticket.commission_rate).amount
