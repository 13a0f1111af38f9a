"""Where a number comes from: every figure the agent says traces to something it was given, or is a proposal.

A claim traces to the brief, to the counterpart's words, or to allowed arithmetic over them: the difference of
two known prices, that difference in percent, and net against selling price by the commission. A proposal
needs no source, only bounds: from the target to below the current price.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from suasion.negotiation.brief import Ticket
from suasion.negotiation.consent import REQUESTS
from suasion.negotiation.money import Money, PriceKind, to_selling
from suasion.negotiation.prices import PriceMention
from suasion.negotiation.tracker import is_proposal
from suasion.rewards.scene import DIGITS, Finding, Patterns, Scene, Span, compiled, found, number
from suasion.rewards.traces import (
    SLACK,
    converted,
    known_numbers,
    sources,
    trace,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A price that the reply asks for, as a selling price."""

    mention: PriceMention
    selling: float


def ungrounded_number(
    scene: Scene, *, elsewhere: Patterns = (), asking: Patterns = (), idioms: Patterns = ()
) -> Iterator[Finding]:
    """Numbers that trace to nothing.

    Args:
        elsewhere: sentences about somebody else's price, in which the agent's own proposals are no source.
        asking: phrasings of a proposal that the hearing does not know as one.
        idioms: what a number may stand in without being a claim, such as "24/7".
    """
    if not DIGITS.search(scene.reply) and not scene.prices:
        return
    asked = {proposal.mention.span for proposal in proposals(scene, asking)}
    if scene.focus is None:  # what a request names is a wish, and there is no target to hold it to
        asked = {one.span for one in scene.prices if scene.acts_at(one.span[0]) & REQUESTS}
    known = scene.known_prices
    for mention in scene.prices:
        if mention.span in asked or _in_idiom(mention.span, idioms, scene.reply):
            continue
        if trace(mention, scene, known, elsewhere) is None:
            yield Finding(mention.span, f"{mention.text} traces to nothing: {sources(known)}")
    numbers: frozenset[float] | None = None
    for span, value in _bare_numbers(scene):
        if numbers is None:
            numbers = known_numbers(scene, known)
        if value not in numbers and not _in_idiom(span, idioms, scene.reply):
            text = scene.reply[span[0] : span[1]]
            yield Finding(
                span, f"{text} stands in no fact, no detail of the brief and no word of the counterpart"
            )


def proposal_out_of_bounds(scene: Scene, *, asking: Patterns = ()) -> Iterator[Finding]:
    """Prices asked for that lie below the target, or not below the current price."""
    if scene.focus is None:
        return
    for proposal in proposals(scene, asking):
        ticket = _ticket_of(proposal, scene)
        too_high = proposal.selling >= ticket.selling_price
        if too_high and _told(proposal.mention, scene):
            continue  # "is 400 net?" asks about the counterpart's number, and for no price
        if not is_proposal(proposal.selling, ticket):
            low, high = ticket.target_selling_price, ticket.selling_price
            where = "below the least" if proposal.selling < low else "no less than the current price"
            note = f"asks for {proposal.selling:g} selling, {where}; allowed is {low:g} to below {high:g}"
            yield Finding(proposal.mention.span, note)


def kind_mixed(scene: Scene) -> Iterator[Finding]:
    """A known selling price called net, or a known net price called selling."""
    called = [
        mention
        for mention in scene.prices
        if mention.kind in (PriceKind.SELLING, PriceKind.NET) and mention.relation in ("absolute", "range")
    ]
    if not called:
        return
    known = scene.known_prices
    asked = {proposal.mention.span for proposal in proposals(scene)}
    for mention in called:
        if mention.span in asked:
            continue
        same = [price for price in known if abs(price.amount - mention.amount) <= SLACK]
        kinds = {price.kind for price in same}
        if kinds and mention.kind not in kinds and PriceKind.UNKNOWN not in kinds:
            if converted(mention, scene, known):
                continue
            yield Finding(mention.span, f"{mention.text} is called {mention.kind}, but is {same[0].trace}")


def proposals(scene: Scene, asking: Patterns = ()) -> list[Proposal]:
    """The prices that the reply asks for. Others in the same sentence, being known, are its reasons."""
    focus = scene.focus
    if focus is None:
        return []
    by_sentence: dict[Span, list[Proposal]] = {}
    for mention in scene.prices:
        selling = as_selling(mention, focus.ticket)
        sentence = scene.sentence_at(mention.span[0])
        if selling is not None and _asks(mention, selling, scene, asking):
            by_sentence.setdefault(sentence, []).append(Proposal(mention, selling))
    chosen: list[Proposal] = []
    for group in by_sentence.values():
        fresh = [one for one in group if not _told(one.mention, scene)] if len(group) > 1 else group
        inside = [one for one in fresh or group if is_proposal(one.selling, _ticket_of(one, scene))]
        chosen += inside or fresh or group
    return chosen


def _asks(mention: PriceMention, selling: float, scene: Scene, asking: Patterns) -> bool:
    assert scene.focus is not None  # proposals are read only where there is a ticket
    ticket = scene.focus.ticket
    if abs(selling - ticket.selling_price) <= SLACK:
        return False  # "could you come down from 420?" asks for another price than the present one
    if "propose" in scene.acts_at(mention.span[0]):
        return True
    start, end = scene.sentence_at(mention.span[0])
    text = scene.reply[start:end]
    question = text.rstrip().endswith("?")
    if question and ("propose" in scene.acts or _may_be_asked(selling, scene)):
        return True
    # A wish is vaguer than a question: what is known and out of bounds is there for another reason.
    return bool(found(asking, text)) and (is_proposal(selling, ticket) or not _told(mention, scene))


def _may_be_asked(selling: float, scene: Scene) -> bool:
    """Whether it lies within a ticket's bounds: a question with such a price asks for it, in any words."""
    return any(is_proposal(selling, ticket) for ticket in scene.brief.tickets)


def _told(mention: PriceMention, scene: Scene) -> bool:
    return trace(mention, scene, tuple(price for price in scene.known_prices if price.told)) is not None


def as_selling(mention: PriceMention, ticket: Ticket) -> float | None:
    """The selling price that a price, change or discount comes to; None for a commission or a rise."""
    if mention.kind == PriceKind.COMMISSION or mention.currency != ticket.currency:
        return None
    if mention.relation == "percent":
        return ticket.selling_price * (1 - mention.amount / 100) if mention.direction <= 0 else None
    if mention.relation == "delta":
        return ticket.selling_price - mention.amount if mention.direction <= 0 else None
    if mention.kind == PriceKind.NET:
        return to_selling(
            Money(mention.amount, ticket.currency, PriceKind.NET), ticket.commission_rate
        ).amount
    return mention.amount


def _ticket_of(proposal: Proposal, scene: Scene) -> Ticket:
    """The ticket in focus, unless the sentence names another one by its details."""
    assert scene.focus is not None  # proposals are read only where there is a ticket
    start, end = scene.sentence_at(proposal.mention.span[0])
    text = scene.reply[start:end].casefold()
    for ticket in scene.brief.tickets if len(scene.brief.tickets) > 1 else ():
        if any(str(value).casefold() in text for value in ticket.details.values()):
            return ticket
    return scene.focus.ticket


def _bare_numbers(scene: Scene) -> Iterator[tuple[Span, float]]:
    """Numbers in digits that are neither a price nor a date."""
    taken = [mention.span for mention in scene.prices] + [mention.span for mention in scene.dates]
    for match in DIGITS.finditer(scene.reply):
        start, end = match.span()
        if not any(a < end and start < b for a, b in taken):
            yield (start, end), number(match.group())


def _in_idiom(span: Span, idioms: Patterns, text: str) -> bool:
    pattern = compiled(idioms)
    return pattern is not None and any(
        match.start() <= span[0] and span[1] <= match.end() for match in pattern.finditer(text)
    )
