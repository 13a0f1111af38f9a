"""A counterpart's state of mind as a value, and how messages and its own answers change it.

Where the brief has no tickets there is one stance, about a consent: `yes` stands where `agreed` does else.
"""

from dataclasses import dataclass, replace

from suasion.counterpart.coefficients import Ears
from suasion.counterpart.listening import Heard
from suasion.negotiation.brief import Ticket
from suasion.negotiation.tracker import TOLERANCE


@dataclass(frozen=True, slots=True)
class Stance:
    """Where it stands about one ticket; prices are selling prices."""

    give: float = 0.0  # how near to its reservation price it is ready to go, 0 to 1
    heard: frozenset[str] = frozenset()  # the agent's acts about this ticket
    asked: float | None = None  # what the agent asks for and was not answered yet
    named: float | None = None  # what it asked for last, answered or not
    wants_best: bool = False  # the agent asked for the best price and was not answered yet
    requests: int = 0
    offer: float | None = None  # its own last price
    agreed: float | None = None
    withdrawn: float | None = None  # what it has just taken back, and does not say yes to at once
    yes: bool = False  # it consented, where there is no price


@dataclass(frozen=True, slots=True)
class Answer:
    """What it does next: an act with its price, or silence (`act` None)."""

    act: str | None
    price: float | None = None  # selling
    net: float | None = None  # the same, where it speaks of net prices
    minutes: float | None = None
    gone: bool = False  # nothing will follow
    words: str | None = None  # the occasion by which it is said (phrases.OCCASIONS), where there is one


@dataclass(frozen=True, slots=True)
class Deviation:
    """A text that was not used, or the reason why there is none (`text` None), or what was said instead."""

    turn: int  # its place in the dialogue
    kind: str
    text: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Mind:
    """All that a counterpart remembers."""

    mood: float
    stances: tuple[Stance, ...] = ()
    focus: int = 0
    turns: int = 0  # of the dialogue, seen so far
    replies: int = 0  # of the agent
    contacted: bool = False  # it was decided whether it answers at all
    responded: bool = False
    gone: bool = False
    opted_out: bool = False
    annoyed: int = 0  # how often it broke out in anger
    question: str | None = None  # its act that the agent has to answer
    acts: tuple[str, ...] = ()  # what it did, in order
    texts: tuple[frozenset[str], ...] = ()  # words of the agent's messages
    numbers: frozenset[float] = frozenset()  # said by itself
    deviations: tuple[Deviation, ...] = ()  # of those who put its answers into words

    @property
    def stance(self) -> Stance:
        return self.stances[self.focus] if self.stances else Stance()

    def with_stance(self, stance: Stance) -> "Mind":
        if not self.stances:
            return self
        return replace(self, stances=(*self.stances[: self.focus], stance, *self.stances[self.focus + 1 :]))


def feel(mind: Mind, heard: Heard, ticket: Ticket | None, patience: int, ears: Ears) -> Mind:
    """Move mood and readiness to give by one message of the agent."""
    effects, stance = ears.coefficients, mind.stance
    faults = set(heard.faults)
    if mind.question is not None and not heard.acts & set(effects.answers.get(mind.question, heard.acts)):
        faults.add("evasion")
    if mind.replies >= patience:
        faults.add("overstay")
    requests = bool(heard.acts & {"propose", "ask_best"})
    if requests and stance.requests:
        faults.add("insistence")
    if stance.agreed is not None and heard.ask is not None and heard.ask < stance.agreed - TOLERANCE:
        faults.add("haggling")
    if ticket is None and stance.yes and "propose" in heard.acts:
        faults.add("haggling")
    if "confirm" in heard.acts and not _confirms(heard, stance):
        faults.add("false_agreement")
    if "pressure" in faults or "gibberish" in faults:
        heard = replace(heard, acts=heard.acts - {"evidence", "benefit", "empathise"})
    mood = mind.mood + sum(ears.moods.get(fault, 0.0) for fault in sorted(faults))
    give = stance.give
    for act in sorted(heard.acts):
        factor = effects.give.repeated if act in stance.heard else 1.0
        mood += ears.moods.get(act, 0.0) * factor
        give += ears.gives.get(act, 0.0) * factor * (0.5 + max(0.0, mind.mood))
    stance = replace(
        stance,
        give=min(1.0, max(0.0, give)),
        heard=stance.heard | heard.acts,
        asked=heard.ask if heard.ask is not None else stance.asked,
        named=heard.ask if heard.ask is not None else stance.named,
        wants_best=stance.wants_best or "ask_best" in heard.acts or (ticket is None and requests),
        requests=stance.requests + requests,
    )
    if "accept_no" in heard.acts:  # the agent gave this ticket up: nothing is asked any more
        stance = replace(stance, asked=None, wants_best=False, requests=0)
    mind = replace(
        mind,
        mood=min(1.0, max(0.0, mood)),
        replies=mind.replies + 1,
        texts=(*mind.texts, heard.words),
    )
    return mind.with_stance(stance)


def _confirms(heard: Heard, stance: Stance) -> bool:
    """Whether what the agent confirms was agreed, or is the counterpart's own offer."""
    if stance.yes:
        return True
    price = stance.agreed if stance.agreed is not None else stance.offer
    if price is None:
        return False
    return not heard.amounts or any(abs(amount - price) <= TOLERANCE for amount in heard.amounts)


def confirmed_price(mind: Mind, heard: Heard) -> float | None:
    """The price that a confirmation of the agent rightly confirms, or None."""
    stance = mind.stance
    if not _confirms(heard, stance):
        return None
    return stance.agreed if stance.agreed is not None else stance.offer


def settle(mind: Mind, answer: Answer) -> Mind:
    """Remember what it just did."""
    stance = mind.stance
    match answer.act:
        case "agree" | "confirm_yes":
            stance = replace(
                stance, agreed=answer.price, yes=answer.price is None, asked=None, wants_best=False
            )
        case "counter":
            stance = replace(stance, offer=answer.price, withdrawn=None, asked=None, wants_best=False)
        case "refuse":
            stance = replace(stance, withdrawn=None, asked=None, wants_best=False)
        case "retract":
            stance = replace(
                stance,
                agreed=None,
                withdrawn=stance.agreed if stance.agreed is not None else stance.offer,
                yes=False,
                offer=None,
                asked=None,
                wants_best=False,
                give=stance.give / 2,
            )
    spoke = answer.act is not None
    return replace(
        mind.with_stance(stance),
        contacted=True,
        responded=mind.responded or spoke,
        gone=mind.gone or answer.gone,
        opted_out=mind.opted_out or answer.act == "opt_out",
        annoyed=mind.annoyed + (answer.act == "complain" or (mind.annoyed > 0 and mind.mood <= 0 and spoke)),
        question=answer.act if spoke else mind.question,
        acts=(*mind.acts, answer.act or "silence"),
    )
