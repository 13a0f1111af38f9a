"""What an amount traces to: brief, facts, the counterpart's words, or allowed arithmetic over them."""

from collections.abc import Iterator
from datetime import date
from itertools import combinations

from suasion.negotiation.brief import Ticket
from suasion.negotiation.money import Money, PriceKind, to_net, to_selling
from suasion.negotiation.prices import PriceMention
from suasion.negotiation.tracker import TOLERANCE, is_proposal
from suasion.rewards.scene import KnownPrice, Patterns, Scene, brief_texts, dates_in, found, numbers_in

PERCENT_TOLERANCE = 0.6  # 9.5 % may be said as 10 %
SLACK = TOLERANCE + 1e-6
SMALL_SLACK = 0.02  # of an amount: half a currency unit is much where amounts are small


def trace(
    mention: PriceMention, scene: Scene, known: tuple[KnownPrice, ...], elsewhere: Patterns = ()
) -> str | None:
    """What a mentioned amount traces to, in words, or None."""
    start, end = scene.sentence_at(mention.span[0])
    strict = bool(elsewhere) and found(elsewhere, scene.reply[start:end]) is not None
    sources = tuple(price for price in known if price.told) if strict else known
    if mention.relation == "percent":
        return _percent(mention, scene, sources)
    for price in sources:
        if abs(price.amount - mention.amount) <= min(SLACK, SMALL_SLACK * price.amount + 1e-6):
            return price.trace
    if mention.amount in scene.counterpart_numbers:
        return "the counterpart's words"
    if mention.kind == PriceKind.UNKNOWN and mention.text.isdigit() and mention.amount in scene.fact_numbers:
        return "a fact"  # a count that reads like a price
    wished = () if strict else tuple(_asked_here(mention, scene))
    return converted(mention, scene, (*sources, *wished)) or _difference(mention, sources, wished)


def _asked_here(mention: PriceMention, scene: Scene) -> Iterator[KnownPrice]:
    """Prices within bounds in the same reply: what a saving may be counted from."""
    for other in scene.prices:
        for ticket in (
            scene.brief.tickets if other.span != mention.span and other.relation == "absolute" else ()
        ):
            if is_proposal(other.amount, ticket):
                yield KnownPrice(other.amount, PriceKind.SELLING, f"the proposed {other.text}", told=False)


def _difference(
    mention: PriceMention, known: tuple[KnownPrice, ...], wished: tuple[KnownPrice, ...]
) -> str | None:
    if mention.relation != "delta" and mention.kind in (PriceKind.SELLING, PriceKind.NET):
        return None
    for a, b in combinations([price for price in (*known, *wished) if price.kind != PriceKind.NET], 2):
        gap = abs(a.amount - b.amount)
        if gap > TOLERANCE and abs(gap - mention.amount) <= SLACK:
            return f"the difference between {a.trace} and {b.trace}"
    return None


def converted(mention: PriceMention, scene: Scene, known: tuple[KnownPrice, ...]) -> str | None:
    """Net against selling price, by a ticket's commission."""
    for ticket in scene.brief.tickets:
        for price in known:
            for kind, convert in ((PriceKind.NET, to_net), (PriceKind.SELLING, to_selling)):
                if mention.kind not in (kind, PriceKind.UNKNOWN) or price.kind in (
                    kind,
                    PriceKind.COMMISSION,
                ):
                    continue
                other = PriceKind.SELLING if kind == PriceKind.NET else PriceKind.NET
                amount = convert(Money(price.amount, ticket.currency, other), ticket.commission_rate).amount
                if abs(amount - mention.amount) <= SLACK:
                    return f"{price.trace}, as {kind} price"
    return None


def _percent(mention: PriceMention, scene: Scene, known: tuple[KnownPrice, ...]) -> str | None:
    amount, differences = mention.amount, known if mention.kind != PriceKind.COMMISSION else ()
    for ticket in scene.brief.tickets:
        if abs(ticket.commission_rate * 100 - amount) <= 1e-6:
            return "the commission"
        for price in differences:
            off = (1 - price.amount / ticket.selling_price) * 100
            if off > 0 and price.kind != PriceKind.NET and abs(off - amount) <= PERCENT_TOLERANCE:
                return f"the difference between the current selling price and {price.trace}"
    return "words given" if amount in scene.counterpart_numbers | scene.fact_numbers else None


def known_numbers(scene: Scene, known: tuple[KnownPrice, ...]) -> frozenset[float]:
    numbers = set(scene.counterpart_numbers) | {float(len(scene.brief.tickets))}
    numbers |= {price.amount for price in known if price.told}
    for text in brief_texts(scene.brief):
        if as_date(text) is None:  # the month of an ISO date is no number to count people by
            numbers |= numbers_in(text)
        numbers |= {float(value) for day in dates_in(text) for value in (day.day, day.year) if value}
    for ticket in scene.brief.tickets:
        numbers.add(round(ticket.commission_rate * 100, 6))
        days = [day for day in map(as_date, ticket.details.values()) if day]
        numbers |= {float(abs((a - b).days)) for a, b in combinations(days, 2)}
    return frozenset(numbers)


def as_date(value: object) -> date | None:
    """An ISO date of a ticket's detail, or None for any other text."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def names_of(ticket: Ticket) -> set[str]:
    """Details of a ticket that are words, not dates; case-folded."""
    return {str(value).casefold() for value in ticket.details.values() if as_date(value) is None}


def sources(known: tuple[KnownPrice, ...]) -> str:
    names = [f"{price.amount:g} is {price.trace}" for price in dict.fromkeys(known) if price.told]
    return "; ".join(names[:6]) or "the brief names no price"
