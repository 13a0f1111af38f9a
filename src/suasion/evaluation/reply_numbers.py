"""The numbers of a reply: which are asked for, which are given, and which come from nowhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import re2

from suasion.negotiation.brief import Ticket
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.money import Money, PriceKind, to_net, to_selling
from suasion.negotiation.prices import PriceMention
from suasion.rewards.grounding import as_selling
from suasion.rewards.scene import (
    DIGITS,
    Span,
    brief_texts,
    compiled,
    dates_in,
    number,
    numbers_in,
    prices_in,
    sentences_in,
)

Found = tuple[str, str]  # the words objected to, and why

TOLERANCE, PERCENT_TOLERANCE = 0.5, 0.6


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a number may be beside what brief and counterpart give.

    numbers: that need no source. idioms: RE2 patterns of words whose numbers are no claim. others: of words
    by which a sentence tells of somebody else. Both are a domain's own, beside what stands here.
    """

    numbers: tuple[float, ...] = ()
    idioms: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


NO_ALLOWANCE = Allowance()

_ASKS = re2.compile(
    r"(?i)\?|\b(could|would|can|might) you\b|\b(ask(ing)?|propos(e|ing)|suggest(ing)?|hop(e|ing)|aiming)\b"
    r"|\b(looking for|meet (me|us)|how about|what about|let's say|come down|bring it|go down|consider)\b"
    r"|\bwould (be|help|work|make|do|put)\b|\bif you (go|set|agree|could|can|would|lower|do|come)\b"
)
_IDIOM = re2.compile(
    r"(?i)\b24/7\b|\b24 hours\b|\b100 ?%|\b\d{1,2} ?(minutes?|mins?|seconds?|o'clock|am|pm|a\.m\.|p\.m\.)"
    r"|\b\d{1,2}:\d\d\b|\b[12] (dates?|things?|points?)\b"
)
_TELLS = re2.compile(
    r"(?i)\b(elsewhere|next door|nearby|competitors?|(an)?other (sites?|platforms?|agenc\w+)"
    r"|(paid|booked) (it )?(at|for)|yesterday|last (week|month|year)|sold|sells|charges?)\b"
)
_COMPARES = re2.compile(r"(?i) ?(\w+ )?(above|under|below|over|more than|less than|cheaper|apart|off what)\b")


def asked_prices(dialogue: Dialogue) -> Iterator[tuple[str, float]]:
    """Words and selling price of each price that the reply asks for: what nobody told it, where it asks."""
    reply = dialogue.reply or ""
    told = _told(dialogue)
    for start, end in sentences_in(reply):
        if not _ASKS.search(reply[start:end]):
            continue
        for mention in _prices(reply, dialogue):
            if not start <= mention.span[0] < end or _COMPARES.match(reply[mention.span[1] :]):
                continue
            if mention.relation == "absolute" and any(_near(mention.amount, one) for one in told):
                continue
            yield from (
                (mention.text, selling)
                for ticket in dialogue.brief.tickets[:1]
                if (selling := as_selling(mention, ticket)) is not None
            )


def named_amounts(dialogue: Dialogue) -> set[float]:
    """Every amount that the reply says, in digits or words."""
    reply = dialogue.reply or ""
    return set(numbers_in(reply)) | {mention.amount for mention in _prices(reply, dialogue)}


def untraced_number(dialogue: Dialogue, allowed: Allowance) -> Iterator[Found]:
    """Numbers that neither brief, counterpart, a date, a proposal within bounds nor arithmetic gives."""
    reply, tickets = dialogue.reply or "", dialogue.brief.tickets
    told, others = _told(dialogue) | set(allowed.numbers), compiled(allowed.others)
    wished = {ticket.target_selling_price for ticket in tickets}
    days = {float(part) for ticket in tickets for part in _date_numbers(ticket)}
    for span, (value, price) in sorted(_said(dialogue, allowed.idioms).items()):
        start, end = next(one for one in sentences_in(reply) if one[0] <= span[0] < one[1])
        # what is told of others is no wish of one's own, unless the sentence asks
        tells = _TELLS.search(reply[start:end]) or (others and others.search(reply[start:end]))
        free = "?" in reply[start:end] or not tells or value in wished
        if value not in days and not _traced(value, told, tickets, price, free):
            yield reply[span[0] : span[1]], "a number that nothing gives"


def _said(dialogue: Dialogue, idioms: tuple[str, ...]) -> dict[Span, tuple[float, PriceMention | None]]:
    """Each number of the reply, and the price that it is; without dates and idioms such as "5 minutes"."""
    reply = dialogue.reply or ""
    prices = {mention.span: mention for mention in _prices(reply, dialogue)}
    found: dict[Span, tuple[float, PriceMention | None]] = {
        match.span(): (number(match.group()), None)
        for match in DIGITS.finditer(reply)
        if not any(_inside(match.span(), span) for span in prices)
    }
    found |= {span: (mention.amount, mention) for span, mention in prices.items()}
    known = [_IDIOM, *filter(None, [compiled(idioms)])]
    apart = [match.span() for pattern in known for match in pattern.finditer(reply)]
    apart += [day.span for day in dates_in(reply)]
    return {span: one for span, one in found.items() if not any(_inside(span, other) for other in apart)}


def _prices(text: str, dialogue: Dialogue) -> tuple[PriceMention, ...]:
    tickets = dialogue.brief.tickets
    return prices_in(text, tickets[0].currency if tickets else "CNY")


def _told(dialogue: Dialogue) -> set[float]:
    """Numbers given by the brief or the counterpart; the wanted price is none of them."""
    told = {float(len(dialogue.brief.tickets))}
    heard = [turn.text or "" for turn in dialogue.turns if turn.speaker == "counterpart"]
    for text in (*brief_texts(dialogue.brief), *heard):
        told |= numbers_in(text)
    for text in (*dialogue.brief.facts, *heard):
        told |= {mention.amount for mention in _prices(text, dialogue) if mention.relation != "percent"}
    for text in heard:
        for mention in _prices(text, dialogue):
            if mention.relation in ("delta", "percent"):  # "knock twenty off" gives a price
                prices = (as_selling(mention, ticket) for ticket in dialogue.brief.tickets)
                told |= {price for price in prices if price is not None}
    for ticket in dialogue.brief.tickets:
        told |= {
            ticket.selling_price,
            round(ticket.commission_rate * 100, 6),
            round(_net(ticket.selling_price, ticket), 2),
        }
        if ticket.competitor_price:
            told.add(ticket.competitor_price.selling_price)
        days = days_of(ticket)
        if days:
            told.add(float((days[1] - days[0]).days))
    return told


def _traced(
    value: float, told: set[float], tickets: tuple[Ticket, ...], price: PriceMention | None, free: bool
) -> bool:
    if any(_near(value, one) for one in told):
        return True
    wished = [t.target_selling_price for t in tickets] if free else []
    for ticket in tickets:
        if free and (in_bounds(value, ticket) or in_bounds(_selling(value, ticket), ticket)):
            return True
        known = [one for one in told if one > ticket.selling_price / 3] + wished
        if price is None or price.relation != "percent":
            if any(_near(value, abs(a - b)) for a, b in combinations(known, 2)):
                return True
            if any(_near(value, _net(a, ticket)) or _near(value, _selling(a, ticket)) for a in known):
                return True
            if free and value < ticket.selling_price - ticket.target_selling_price + TOLERANCE:
                return price is not None  # a step down that stays within bounds
        elif any(abs(100 * (1 - a / ticket.selling_price) - value) <= PERCENT_TOLERANCE for a in known):
            return True
    return False


def in_bounds(selling: float, ticket: Ticket) -> bool:
    return ticket.target_selling_price - TOLERANCE <= selling < ticket.selling_price - TOLERANCE


def _net(selling: float, ticket: Ticket) -> float:
    return to_net(Money(selling, ticket.currency, PriceKind.SELLING), ticket.commission_rate).amount


def _selling(net: float, ticket: Ticket) -> float:
    return to_selling(Money(net, ticket.currency, PriceKind.NET), ticket.commission_rate).amount


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE + 1e-6


def _inside(span: Span, other: Span) -> bool:
    return other[0] <= span[0] and span[1] <= other[1]


def days_of(ticket: Ticket) -> tuple[date, date] | None:
    found = []
    for value in ticket.details.values():
        try:
            found.append(date.fromisoformat(str(value)))
        except ValueError:
            continue
    return (min(found), max(found)) if found else None


def _date_numbers(ticket: Ticket) -> set[int]:
    days = days_of(ticket)
    if days is None:
        return set()
    first, last = days
    inside = {date.fromordinal(day).day for day in range(first.toordinal(), last.toordinal() + 1)}
    return inside | {first.year, last.year}
