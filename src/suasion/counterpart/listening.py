"""What a counterpart takes in from a message: acts, the price asked for, and what is wrong with it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from suasion.counterpart.coefficients import Ears, words
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.dialogue import Turn
from suasion.negotiation.money import Money, PriceKind, to_net, to_selling
from suasion.negotiation.prices import PriceMention, find_dates, find_prices
from suasion.negotiation.tracker import TOLERANCE, Hearing

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SMALL = 31  # numbers up to this count days, pieces and the like; nobody checks them
KNOWN_WORDS = 0.35  # plain language has at least this share of known words
SAME_MESSAGE = 0.8  # share of words that makes a message a repetition
LOOPING = 0.4  # share of different words below which a long message runs in circles


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as the counterpart took it; prices are selling prices of the ticket."""

    acts: frozenset[str]
    words: frozenset[str]
    faults: frozenset[str] = frozenset()
    ask: float | None = None
    amounts: tuple[float, ...] = ()

    @property
    def names_price(self) -> bool:
        return bool(self.amounts)


def acts_of(turn: Turn, hearing: Hearing) -> frozenset[str]:
    """The turn's acts where they are given, else as they are heard."""
    if turn.acts is not None:
        return frozenset(turn.acts)
    return hearing.hear(turn.speaker, turn.text or "")


def listen(
    turn: Turn,
    ticket: Ticket | None,
    known: frozenset[float],
    told: frozenset[float],
    earlier: tuple[frozenset[str], ...],
    ears: Ears,
    hearing: Hearing,
) -> Heard:
    """Take in one message.

    `known` are the numbers that it may contain, `told` those that the counterpart said itself, `earlier` the
    words of the messages before it.
    """
    text = turn.text or ""
    acts = acts_of(turn, hearing)
    spoken = words(text)
    said = frozenset(spoken)
    faults = set(_manners(text, spoken, said, earlier, ears))
    if ticket is None and any(number > SMALL for number in numbers_in(text) - known - told):
        faults.add("wrong_number")
    if ticket is None or not any(c.isalnum() for c in text):
        return Heard(acts, said, frozenset(faults))
    mentions = find_prices(text, ticket.currency)
    ask = _asked(mentions, ticket) if "propose" in acts else None
    amounts = tuple(amount for mention in mentions if (amount := as_selling(mention, ticket)) is not None)
    if ask is not None and ask < ears.coefficients.habits.low_ball_share * ticket.selling_price:
        faults.add("low_ball")
    if _has_strange_number(text, known, _prices(ticket, told, mentions, ask), ticket):
        faults.add("wrong_number")
    return Heard(acts, said, frozenset(faults), ask, amounts)


def _manners(
    text: str, spoken: list[str], said: frozenset[str], earlier: tuple[frozenset[str], ...], ears: Ears
) -> Iterable[str]:
    if _is_gibberish(text, spoken, said, ears):
        yield "gibberish"
    if len(spoken) > ears.coefficients.habits.long_words:
        yield "long"
    if ears.is_pressure(text):
        yield "pressure"
    if ears.is_over_promise(text):
        yield "over_promise"
    if len(said) > 3 and any(len(said & other) >= SAME_MESSAGE * len(said | other) for other in earlier):
        yield "repetition"


def _is_gibberish(text: str, spoken: list[str], said: frozenset[str], ears: Ears) -> bool:
    if not spoken:
        return not any(c.isdigit() for c in text)
    known = sum(word in ears.vocabulary for word in spoken)
    return known < KNOWN_WORDS * len(spoken) or (len(spoken) >= 16 and len(said) < LOOPING * len(spoken))


def net_of(selling: float, ticket: Ticket) -> float:
    """What the counterpart receives of a selling price."""
    return to_net(Money(selling, ticket.currency, PriceKind.SELLING), ticket.commission_rate).amount


def as_selling(mention: PriceMention, ticket: Ticket) -> float | None:
    """A named price, or a price after a named change, as selling price; None for a commission or a rise."""
    if mention.kind is PriceKind.COMMISSION or mention.direction > 0:
        return None
    if mention.relation == "percent":
        return ticket.selling_price * (1 - mention.amount / 100) if mention.direction < 0 else None
    if mention.relation == "delta":
        return ticket.selling_price - mention.amount
    if mention.kind is PriceKind.NET:
        return to_selling(
            Money(mention.amount, ticket.currency, PriceKind.NET), ticket.commission_rate
        ).amount
    return mention.amount


def _asked(mentions: list[PriceMention], ticket: Ticket) -> float | None:
    """The price asked for: the last one below the present price that isn't the competitor's, if any."""
    amounts = [amount for mention in mentions if (amount := as_selling(mention, ticket)) is not None]
    below = [amount for amount in amounts if 0 < amount < ticket.selling_price - TOLERANCE]
    elsewhere = ticket.competitor_price.selling_price if ticket.competitor_price else None
    own = [amount for amount in below if elsewhere is None or abs(amount - elsewhere) > TOLERANCE]
    chosen = own or below
    return chosen[-1] if chosen else None


def _prices(
    ticket: Ticket, told: frozenset[float], mentions: list[PriceMention], ask: float | None
) -> frozenset[float]:
    """Prices that were named, and what is asked for now as it stands in the text: a net price, a change."""
    elsewhere = {ticket.competitor_price.selling_price} if ticket.competitor_price else set()
    asked = {mention.amount for mention in mentions if ask is not None and as_selling(mention, ticket) == ask}
    if ask is not None:
        asked.add(ask)
    return frozenset({ticket.selling_price} | elsewhere | told | asked)


def known_numbers(brief: Brief) -> frozenset[float]:
    """Numbers that an agent may say: the brief's, and arithmetic over its prices."""
    found: set[float] = set()
    for text in (*brief.facts, *map(str, brief.details.values())):
        found |= numbers_in(text)
    for ticket in brief.tickets:
        for value in ticket.details.values():
            found |= numbers_in(str(value))
            if isinstance(value, str) and len(value) == 10 and value[4] == "-":
                found |= {float(part) for part in value.split("-") if part.isdigit()}
        found |= {ticket.selling_price, ticket.commission_rate * 100}
        if ticket.competitor_price:
            found.add(ticket.competitor_price.selling_price)
            found |= numbers_in(str(ticket.competitor_price.seen_at)) | numbers_in(
                ticket.competitor_price.source
            )
        found.add(net_of(ticket.selling_price, ticket))
    return frozenset(found)


def numbers_in(text: str) -> set[float]:
    """Every number in digits."""
    return {_value(match) for match in _NUMBER.findall(text)}


def _value(digits: str) -> float:
    plain = digits.replace(",", "")
    return float(plain) if plain.count(".") < 2 else float(plain.replace(".", ""))


def _has_strange_number(text: str, known: frozenset[float], prices: frozenset[float], ticket: Ticket) -> bool:
    """Whether a number is neither known nor arithmetic over the prices that were named."""
    sources = known | prices
    strange = [
        number
        for number in numbers_in(text)
        if number > SMALL and not any(abs(number - other) <= TOLERANCE for other in sources)
    ]
    return bool(strange) and not all(_is_arithmetic(number, prices, ticket) for number in strange)


def _is_arithmetic(number: float, prices: frozenset[float], ticket: Ticket) -> bool:
    """A difference of two named prices, or a named price turned into net or selling."""
    if any(abs(abs(a - b) - number) <= TOLERANCE for a, b in combinations(prices, 2)):
        return True
    share = 1 - ticket.commission_rate
    return any(min(abs(a * share - number), abs(a / share - number)) <= TOLERANCE for a in prices)


def speaks_of(text: str, ticket: Ticket) -> int:
    """How many of the ticket's details the text names; dates count in any spelling."""
    plain = text.casefold()
    days = {(day.month, day.day) for day in find_dates(text)}
    return sum(_names(str(value), plain, days) for value in ticket.details.values())


def _names(value: str, plain: str, days: set[tuple[int, int]]) -> bool:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return value.casefold() in plain
    return (day.month, day.day) in days or value in plain


def restates(text: str, ticket: Ticket, price: float) -> bool:
    """Whether the text repeats an agreed selling price with its kind and all the ticket's details."""
    kinds = (PriceKind.SELLING, PriceKind.NET)
    named = any(
        mention.kind in kinds
        and (amount := as_selling(mention, ticket)) is not None
        and abs(amount - price) <= TOLERANCE
        for mention in find_prices(text, ticket.currency)
    )
    return named and speaks_of(text, ticket) == len(ticket.details)
