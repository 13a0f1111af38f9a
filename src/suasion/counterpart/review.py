"""Finds in finished negotiations what a simulator must not do, from their records alone.

What the counterpart said is held against its hidden type, its acts, what was said before, and the outcome;
the code that decided it is not asked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from suasion.counterpart.hidden_type import HiddenType
from suasion.counterpart.listening import as_selling, net_of, restates
from suasion.language.acts import load_hearing
from suasion.language.patterns import compile_any
from suasion.language.phrases import load_phrases, pattern_of
from suasion.negotiation.brief import Ticket
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.money import PriceKind
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import find_prices
from suasion.negotiation.tracker import ROUNDED, TOLERANCE, Hearing

if TYPE_CHECKING:
    import re2

OFFERING = frozenset({"counter", "agree"})
ASKING = frozenset({"propose", "ask_best"})
ECHO = 4  # words from which the same message twice running is no coincidence


@dataclass(frozen=True, slots=True)
class SimulatorError:
    """kind: of error, a word; turn: where in the dialogue, None for its outcome; what: in words."""

    kind: str
    turn: int | None
    what: str


@dataclass(frozen=True, slots=True)
class _Said:
    """One turn of the counterpart: what it decided to do, and the acts that are heard in its words."""

    place: int
    turn: Turn
    act: str
    heard: frozenset[str]

    @property
    def text(self) -> str:
        return self.turn.text or ""


@dataclass(frozen=True, slots=True)
class _Talk:
    dialogue: Dialogue
    hidden: HiddenType
    said: tuple[_Said, ...]
    pack: Pack
    hearing: Hearing

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        return self.dialogue.brief.tickets

    @property
    def spoken(self) -> list[_Said]:
        return [one for one in self.said if one.turn.text is not None]

    def before(self, place: int, speaker: str | None = None) -> Sequence[Turn]:
        return [t for t in self.dialogue.turns[:place] if speaker in (None, t.speaker) and t.text is not None]

    def named(self, text: str) -> list[tuple[float, PriceKind]]:
        """Prices in the text by any ticket's terms."""
        return [price for ticket in self.tickets for price in _named(text, ticket)]

    def fits(self, price: float, ticket: Ticket) -> bool:
        """Whether the counterpart can live with this selling price."""
        return net_of(price, ticket) >= self.hidden.reservation_net[ticket.id] - ROUNDED


def review(dialogue: Dialogue, pack: Pack, hearing: Hearing | None = None) -> list[SimulatorError]:
    """All errors of the counterpart in a simulated negotiation, in the order of `CHECKS`.

    Raises ValueError for a dialogue without an outcome that a simulation wrote.
    """
    truth: dict[str, Any] = (dialogue.outcome.model_extra or {}) if dialogue.outcome else {}
    if "hidden_type" not in truth or "counterpart_acts" not in truth:
        raise ValueError(f"{dialogue.id}: no simulated negotiation, its outcome has no hidden type and acts")
    ears, acts = hearing or load_hearing(pack), list(truth["counterpart_acts"])
    places = [place for place, turn in enumerate(dialogue.turns) if turn.speaker == "counterpart"]
    if len(places) != len(acts):
        return [SimulatorError("acts", None, f"{len(acts)} acts for {len(places)} turns")]
    said = tuple(
        _Said(place, turn, act, ears.hear("counterpart", turn.text) if turn.text else frozenset())
        for place, act in zip(places, acts, strict=True)
        for turn in (dialogue.turns[place],)
    )
    try:
        hidden = HiddenType(**truth["hidden_type"])
    except TypeError as error:
        raise ValueError(f"{dialogue.id}: its hidden type is none of this version: {error}") from None
    talk = _Talk(dialogue, hidden, said, pack, ears)
    return [error for check in CHECKS for error in check(talk)]


def _says_what_it_does(talk: _Talk) -> Iterator[SimulatorError]:
    for one in talk.said:
        if (one.act == "silence") != (one.turn.text is None):
            yield SimulatorError("acts", one.place, f"{one.act}, and the words are {one.turn.text!r}")
        elif one.turn.text is not None and one.act not in one.heard:
            yield SimulatorError("acts", one.place, f"{one.act} is not heard in {one.text!r}")


def _keeps_its_limits(talk: _Talk) -> Iterator[SimulatorError]:
    for one in talk.spoken:
        if one.act not in OFFERING:
            continue
        each = [[price for price, _ in _named(one.text, ticket)] for ticket in talk.tickets]
        for prices in zip(*each, strict=True):  # one price, by each ticket's terms
            if not any(talk.fits(price, ticket) for price, ticket in zip(prices, talk.tickets, strict=True)):
                yield SimulatorError("limit", one.place, f"{prices[0]:g} is below what it can live with")
    for ticket, price in _agreed(talk):
        if not talk.fits(price, ticket):
            yield SimulatorError("limit", None, f"{ticket.id} was agreed at {price:g}, below its limit")


def _comes_down(talk: _Talk) -> Iterator[SimulatorError]:
    """An offer above the one before, which was not taken back; where there is one ticket."""
    last: float | None = None
    for one in talk.spoken if len(talk.tickets) == 1 else ():
        if one.act == "retract":
            last = None
        if one.act not in OFFERING:
            continue
        prices = [price for price, _ in _named(one.text, talk.tickets[0])]
        if last is not None and prices and min(prices) > last + ROUNDED:
            yield SimulatorError("rise", one.place, f"{min(prices):g} after {last:g}")
        last = min(prices) if prices else last


def _was_asked(talk: _Talk) -> Iterator[SimulatorError]:
    """A yes, a no to a price, or an offer needs a question; a price that is only repeated was said before."""
    for one in talk.spoken:
        earlier = talk.before(one.place, "agent")
        acts = [
            turn.acts if turn.acts is not None else talk.hearing.hear("agent", turn.text or "")
            for turn in earlier
        ]
        if one.act in OFFERING and not any(ASKING & set(some) for some in acts):
            yield SimulatorError("unasked", one.place, f"{one.act} before anything was asked for")
        if one.act in OFFERING:
            continue
        known = {price for turn in talk.before(one.place) for price, _ in talk.named(turn.text or "")}
        for price, _ in talk.named(one.text):
            if not any(abs(price - other) <= ROUNDED for other in known):
                yield SimulatorError("unasked", one.place, f"{price:g} comes from nowhere")


def _is_its_type(talk: _Talk) -> Iterator[SimulatorError]:
    hidden, spoken = talk.hidden, talk.spoken
    if hidden.late and talk.said and talk.said[0].turn.text is not None:
        yield SimulatorError("type", talk.said[0].place, "answers at once, though it is late")
    if hidden.wrong_person and spoken and spoken[0].act not in ("wrong_person", "complain"):
        yield SimulatorError(
            "type", spoken[0].place, f"begins with {spoken[0].act}, though it is the wrong person"
        )
    owners = _owner_words(talk.pack)
    for one in spoken:
        if hidden.decides_alone and owners is not None and owners.fullmatch(one.text):
            yield SimulatorError("type", one.place, f"has to ask, though it decides alone: {one.text!r}")
        net = any(kind == PriceKind.NET for _, kind in talk.named(one.text))
        if one.act == "counter" and net != hidden.net_talk:
            yield SimulatorError(
                "type", one.place, f"speaks of {'net' if net else 'selling'} prices: {one.text!r}"
            )


def _ends(talk: _Talk) -> Iterator[SimulatorError]:
    gone = next((number for number, one in enumerate(talk.said) if one.act == "opt_out"), None)
    for one in talk.said[gone + 1 :] if gone is not None else ():
        if one.turn.text is not None:
            yield SimulatorError("ending", one.place, "speaks after it opted out")


def _does_not_echo(talk: _Talk) -> Iterator[SimulatorError]:
    spoken = talk.spoken
    for first, second in pairwise(spoken):
        if first.text == second.text and len(first.text.split()) >= ECHO:
            yield SimulatorError("echo", second.place, f"{second.text!r} again")


def _outcome(talk: _Talk) -> Iterator[SimulatorError]:
    outcome, turns = talk.dialogue.outcome, talk.dialogue.turns
    assert outcome is not None
    if outcome.responded != bool(talk.spoken):
        yield SimulatorError("outcome", None, f"responded is {outcome.responded}")
    for ticket, price in _agreed(talk):
        named = [place for place, turn in enumerate(turns) if turn.text and _names(turn.text, price, ticket)]
        if not named:
            yield SimulatorError("outcome", None, f"{ticket.id} was agreed at {price:g}, which nobody said")
    for ticket in talk.tickets:
        final = outcome.tickets.get(ticket.id)
        low = final is not None and final <= ticket.target_selling_price + TOLERANCE
        restated = final is not None and any(
            turn.speaker == "agent" and turn.text and restates(turn.text, ticket, final) for turn in turns
        )
        if outcome.successes.get(ticket.id) and not (low and restated):
            yield SimulatorError(
                "outcome", None, f"{ticket.id} counts as won at {final}, restated: {restated}"
            )


CHECKS: tuple[Callable[[_Talk], Iterator[SimulatorError]], ...] = (
    _says_what_it_does,
    _keeps_its_limits,
    _comes_down,
    _was_asked,
    _is_its_type,
    _ends,
    _does_not_echo,
    _outcome,
)


def _agreed(talk: _Talk) -> Iterator[tuple[Ticket, float]]:
    outcome = talk.dialogue.outcome
    for ticket in talk.tickets:
        price = outcome.tickets.get(ticket.id) if outcome else None
        if price is not None:
            yield ticket, price


def _named(text: str, ticket: Ticket) -> list[tuple[float, PriceKind]]:
    """Prices in the text as selling prices by the ticket's terms, with the kind as which they stand."""
    found = [(as_selling(mention, ticket), mention.kind) for mention in find_prices(text, ticket.currency)]
    return [(price, kind) for price, kind in found if price is not None]


def _names(text: str, price: float, ticket: Ticket) -> bool:
    return any(abs(found - price) <= ROUNDED for found, _ in _named(text, ticket))


@lru_cache
def _owner_words(pack: Pack) -> "re2._Regexp | None":
    """The phrases of one who has to ask somebody, where the pack has some."""
    families = load_phrases(pack).file.counterpart.get("hesitate_owner", {})
    return compile_any(tuple(pattern_of(text) for some in families.values() for text in some))
