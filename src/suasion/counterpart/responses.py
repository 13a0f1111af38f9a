"""What a counterpart answers: a list of reactions, tried in order; the first that applies is taken."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from suasion.counterpart.coefficients import Coefficients
from suasion.counterpart.hidden_type import HiddenType, limit_price
from suasion.counterpart.listening import Heard
from suasion.counterpart.mind import Answer, Mind, Stance, confirmed_price
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.money import Money, PriceKind, to_net, to_selling
from suasion.negotiation.tracker import TOLERANCE

EPSILON = 1e-6  # of money: below what anybody writes


@dataclass(frozen=True, slots=True)
class Scene:
    """What an answer depends on beside mind and message."""

    hidden: HiddenType
    coefficients: Coefficients
    brief: Brief
    rng: random.Random
    text: str
    luck: float  # one number a conversation, below the chance of an answer when it answers

    def happens(self, chance: float) -> bool:
        return self.rng.random() < chance

    def silence(self, gone: bool = False) -> Answer:
        """Away for a while, or for good."""
        return Answer(
            None, minutes=round(self.rng.uniform(*self.coefficients.habits.away_minutes)), gone=gone
        )


Reaction = Callable[[Mind, Heard, Scene], Answer | None]


def decide(mind: Mind, heard: Heard, scene: Scene) -> Answer:
    """The counterpart's next act."""
    for reaction in REACTIONS:
        answer = reaction(mind, heard, scene)
        if answer is not None:
            return answer
    return _ponder(scene)


def _ponder(scene: Scene) -> Answer:
    """Not now; who does not decide alone has to ask."""
    return Answer("hesitate", words=None if scene.hidden.decides_alone else "hesitate_owner")


def answer_chance(
    heard: Heard, text: str, brief: Brief, no_reply: float, coefficients: Coefficients
) -> float:
    """How likely a counterpart is to answer a first message, by what it is like."""
    chance = 1 - no_reply
    plain = text.casefold()
    names = [str(value) for value in brief.details.values()][:1]
    names += [str(value) for ticket in brief.tickets for value in ticket.details.values()]
    lacks = {
        "unnamed": not any(name.casefold() in plain for name in names),
        "stranger": "introduce" not in heard.acts,
        "pointless": not heard.acts & {"state_case", "ask_handler", "propose", "ask_best"},
        "gibberish": "gibberish" in heard.faults,
        "long": "long" in heard.faults,
        "harsh": bool(heard.faults & {"pressure", "over_promise"}),
        "wrong_number": "wrong_number" in heard.faults,
        "reasoned": bool(heard.acts & {"evidence", "benefit"}),
    }
    factors: dict[str, float] = coefficients.opener.model_dump()
    quality = math.prod(factors[name] for name, holds in lacks.items() if holds)
    return float(chance ** (1 / quality))  # who always answers does so whatever is written


def _stay_silent(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    hidden, habits = scene.hidden, scene.coefficients.habits
    if mind.gone or mind.opted_out:
        return scene.silence(gone=True)
    if not mind.contacted:
        if scene.luck >= answer_chance(heard, scene.text, scene.brief, hidden.no_reply, scene.coefficients):
            return scene.silence(gone=True)
        return scene.silence() if hidden.late else None
    if not mind.responded or mind.acts[-1:] == ("silence",):
        return None
    if heard.acts & {"bye", "accept_no"} and not heard.acts & {"propose", "ask_best", "confirm"}:
        return scene.silence()
    if "confirm" not in heard.acts and scene.happens(hidden.silence):
        return scene.silence(gone=scene.happens(habits.lost))
    return None


def _break_off(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    """Anger in three steps: a complaint, a refusal, and no more messages, please."""
    if mind.mood > 0:
        return None
    return Answer(
        ("complain", "refuse", "opt_out")[min(mind.annoyed, 2)],
        words="refuse_open" if mind.annoyed == 1 else None,
    )


def _first_contact(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    hidden, habits = scene.hidden, scene.coefficients.habits
    if not mind.responded:
        if hidden.wrong_person:
            return Answer("wrong_person")
        if scene.happens(habits.busy * hidden.busyness):
            return Answer("busy")
    elif mind.question == "wrong_person":
        return Answer("hello") if scene.happens(habits.takes_over) else scene.silence(gone=True)
    elif mind.question == "busy" and "ask_time" in heard.acts:
        return scene.silence()
    greeted = heard.acts & set(scene.coefficients.greetings) and not heard.acts - set(
        scene.coefficients.greetings
    )
    return Answer("hello") if greeted and not heard.amounts and "hello" not in mind.acts else None


def _confirmation(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    if "confirm" not in heard.acts:
        return None
    price = confirmed_price(mind, heard)
    if price is None and not mind.stance.yes:
        return Answer("refuse", words="refuse_claim") if mind.mood > 0 else None
    habits = scene.coefficients.habits
    last = all(stance.agreed is not None for index, stance in enumerate(mind.stances) if index != mind.focus)
    chance = habits.retract if scene.hidden.decides_alone else habits.retract_overruled
    if last and "retract" not in mind.acts and "confirm_yes" not in mind.acts[-1:] and scene.happens(chance):
        return Answer("retract")
    return Answer("confirm_yes", price=price)


def _after_agreement(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    stance = mind.stance
    if stance.yes:  # and asked again: it stays with its yes, or is annoyed enough to take it back
        annoyed = "propose" in heard.acts and scene.happens(1 - mind.mood)
        return Answer("retract" if annoyed else "confirm_yes")
    if stance.agreed is None:
        return None
    if heard.ask is not None and heard.ask < stance.agreed - TOLERANCE:
        return Answer("retract" if scene.happens(1 - mind.mood) else "refuse")
    return Answer("confirm_yes", price=stance.agreed)


def _ask_back(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    habits = scene.coefficients.habits
    for act, chance in (("ask_machine", habits.ask_machine), ("ask_promise", habits.ask_promise)):
        if scene.happens(chance) and act not in mind.acts:
            return Answer(act)
    wanted = not scene.brief.tickets or mind.stance.requests
    unreasoned = wanted and not mind.stance.heard & {"evidence", "benefit"}
    if unreasoned and heard.acts and mind.acts.count("ask_why") < 2 and scene.happens(habits.ask_why):
        return Answer("ask_why")
    return None


def _consent(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    """Say yes to what was asked, where there is no price, or not yet, or no."""
    if scene.brief.tickets or not mind.stance.wants_best:
        return None
    if mind.stance.give >= scene.hidden.threshold:
        ponders = not scene.hidden.decides_alone or scene.happens(scene.coefficients.habits.hesitate)
        return _ponder(scene) if ponders and "hesitate" not in mind.acts else Answer("agree")
    refuses = "hesitate" in mind.acts[-1:] or scene.happens(1 - mind.mood)
    return Answer("refuse") if refuses else _ponder(scene)


def _price(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    """Take the price that was asked for, name another, or none."""
    stance = mind.stance
    if not scene.brief.tickets or (stance.asked is None and not stance.wants_best):
        return None
    ticket = scene.brief.tickets[mind.focus]
    ready, limit = ready_price(mind, ticket, scene.hidden), limit_price(ticket, scene.hidden)
    meeting = ready - scene.coefficients.habits.meet * mind.mood * (ready - limit)
    asked = stance.asked
    if asked is None and stance.named is not None and (stance.offer is None or stance.named < stance.offer):
        asked = stance.named  # its best price is no less than what was asked for before
    if asked is not None and asked >= max(meeting, limit) - EPSILON and not _was_withdrawn(asked, stance):
        ponders = not scene.hidden.decides_alone or scene.happens(scene.coefficients.habits.hesitate)
        if ponders and "hesitate" not in mind.acts:
            return _ponder(scene)
        return Answer("agree", price=asked, words="agree_asked" if stance.asked is None else None)
    return _counter(mind, ticket, ready, scene)


def _was_withdrawn(price: float, stance: Stance) -> bool:
    """Whether so low a price was just taken back."""
    return stance.withdrawn is not None and price < stance.withdrawn + TOLERANCE


def _counter(mind: Mind, ticket: Ticket, ready: float, scene: Scene) -> Answer:
    """A step towards the agent, rounded up; never below what it is ready for."""
    stance, step = mind.stance, scene.coefficients.habits.round_to
    net: float | None = None
    if scene.hidden.net_talk:
        net = float(math.ceil(to_net(_selling(ready, ticket), ticket.commission_rate).amount - EPSILON))
        price = to_selling(Money(net, ticket.currency, PriceKind.NET), ticket.commission_rate).amount
    else:
        price = float(math.ceil(ready / step - EPSILON) * step)
    if price >= ticket.selling_price - TOLERANCE:
        return Answer("refuse", words="refuse_open" if stance.asked is None else None)
    if stance.offer is not None and price > stance.offer - step / 2:  # no step left: its last price stands
        if net is not None:
            net = round(to_net(_selling(stance.offer, ticket), ticket.commission_rate).amount)
        return Answer("refuse", price=stance.offer, net=net, words="refuse_last")
    if _was_withdrawn(price, stance):
        return Answer("refuse", words="refuse_open")
    return Answer("counter", price=price, net=net)


def ready_price(mind: Mind, ticket: Ticket, hidden: HiddenType) -> float:
    """The selling price that it is ready for now, between the present price and its limit."""
    limit = limit_price(ticket, hidden)
    return ticket.selling_price - mind.stance.give * max(0.0, ticket.selling_price - limit)


def _selling(amount: float, ticket: Ticket) -> Money:
    return Money(amount, ticket.currency, PriceKind.SELLING)


def _talk(mind: Mind, heard: Heard, scene: Scene) -> Answer | None:
    """Nothing was asked for now: ask what it is about, wonder, or come forward with a price."""
    stance = mind.stance
    if scene.brief.tickets and not stance.requests:
        stated = heard.acts - set(scene.coefficients.greetings)
        return Answer("hello", words="hello_again" if stated or "hello" in mind.acts else None)
    if not mind.stances or not heard.acts:
        return Answer("ask_why") if "ask_why" not in mind.acts else _ponder(scene)
    if scene.brief.tickets and scene.happens(stance.give):
        ticket = scene.brief.tickets[mind.focus]
        return _counter(
            mind, ticket, max(ready_price(mind, ticket, scene.hidden), stance.named or 0.0), scene
        )
    if not stance.requests and "hello" not in mind.acts:
        return Answer("hello")
    return _ponder(scene) if mind.acts[-1:] != ("hesitate",) else Answer("ask_why")


REACTIONS: tuple[Reaction, ...] = (
    _stay_silent,
    _confirmation,
    _break_off,
    _first_contact,
    _after_agreement,
    _ask_back,
    _consent,
    _price,
    _talk,
)
