"""Random briefs of the pack's world. One field's value decides the split, so that splits never share one."""

import hashlib
import itertools
import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal, get_args

from suasion.counterpart.world import FieldSource, Price, Tickets, World, load_world, names_in
from suasion.errors import InputError
from suasion.language.phrases import load_phrases
from suasion.negotiation.brief import Brief, CompetitorPrice, Ticket
from suasion.negotiation.pack import Pack

Split = Literal["train", "validation", "test"]
SHARES = {"train": 70, "validation": 15, "test": 15}  # percent of the names
Slots = Mapping[str, tuple[str, ...]]


def draw_briefs(pack: Pack, count: int, seed: int, split: Split = "train") -> list[Brief]:
    """`count` briefs of one split; the n-th is the same for any larger count.

    Raises InputError for an unknown split, or when the pack has no world to draw from.
    """
    world, slots, names = load_world(pack), load_phrases(pack).file.slots, split_names(pack, split)
    briefs = [
        _draw_brief(world, slots, names, random.Random(f"{seed}:{split}:{index}")) for index in range(count)
    ]
    for brief in briefs[:1]:
        pack.check_brief(brief)
    return briefs


def split_names(pack: Pack, split: Split) -> list[str]:
    """All values of one split that the deciding field may have.

    Raises InputError for an unknown split, or when the pack has no world.
    """
    if split not in get_args(Split):
        raise InputError(f"unknown split {split!r}; known are {', '.join(get_args(Split))}")
    world, slots = load_world(pack), load_phrases(pack).file.slots
    source = world.fields[world.split_by]
    parts = [slots[name] for name in (source.join or (source.slot,))]
    return [name for name in map(" ".join, itertools.product(*parts)) if split_of(name) == split]


def split_of(name: str) -> Split:
    """The split that a name belongs to, for ever."""
    place = int(hashlib.sha256(name.casefold().encode()).hexdigest(), 16) % 100
    if place < SHARES["train"]:
        return "train"
    return "validation" if place < SHARES["train"] + SHARES["validation"] else "test"


def _draw_brief(world: World, slots: Slots, names: list[str], rng: random.Random) -> Brief:
    """What the facts speak of is drawn first, then tickets and facts, then the other fields."""
    templates = slots[world.facts.slot] if world.facts else ()
    spoken_of = {name for template in templates for name in names_in(template)}
    drawn: dict[str, str] = {}

    def draw(first: bool) -> None:
        for name, source in world.fields.items():
            if not source.say and (name in spoken_of) == first:
                drawn[name] = rng.choice(names) if name == world.split_by else _word(source, slots, rng)

    draw(first=True)
    tickets = _draw_tickets(world.tickets, slots, rng) if world.tickets else ()
    facts: tuple[str, ...] = ()
    if world.facts:
        count, n, m = world.facts.count, world.facts.n, world.facts.m
        chosen = rng.sample(templates, min(len(templates), rng.randint(*count)))
        facts = tuple(text.format(n=rng.randint(*n), m=rng.randint(*m), **drawn) for text in chosen)
    draw(first=False)
    said = {name: one.say.format(**drawn) for name, one in world.fields.items() if one.say}
    details = {name: (drawn | said)[name] for name in world.fields}
    return Brief(tickets=tickets, facts=facts, **details)


def _word(source: FieldSource, slots: Slots, rng: random.Random) -> str:
    return " ".join(rng.choice(slots[name]) for name in (source.join or (source.slot,)))


def _draw_tickets(spec: Tickets, slots: Slots, rng: random.Random) -> tuple[Ticket, ...]:
    count = 2 if rng.random() < spec.two else 1
    items = rng.sample(slots[spec.item.slot], count)
    if count > 1 and rng.random() < spec.item.same:
        items[1] = items[0]  # the same item on other days
    money = spec.currency
    currency = money.usual if rng.random() >= money.share else rng.choice(money.others)
    day = spec.dates.from_ + timedelta(days=rng.randrange(spec.dates.within))
    commission = rng.choice(spec.commissions)
    tickets = []
    for index, item in enumerate(items):
        ticket, last = _draw_ticket(f"t{index + 1}", item, day, currency, commission, spec, slots, rng)
        tickets.append(ticket)
        day = last + timedelta(days=rng.randint(*spec.dates.gap))
    return tuple(tickets)


def _draw_ticket(
    ticket_id: str,
    item: str,
    day: date,
    currency: str,
    commission: float,
    spec: Tickets,
    slots: Slots,
    rng: random.Random,
) -> tuple[Ticket, date]:
    """One ticket, and its last day."""
    price = _human_price(spec.price, rng)
    step, elsewhere = spec.target.step, spec.competitor
    target = _rounded(price * (1 - rng.uniform(*spec.target.below)), step, below=price)
    competitor = None
    if rng.random() < elsewhere.share:
        seen = _rounded(price * (1 - rng.uniform(*elsewhere.below)), step, below=price)
        seen_at = day - timedelta(days=rng.randint(*elsewhere.days_before))
        source = rng.choice(slots[elsewhere.slot])
        competitor = CompetitorPrice(selling_price=seen, source=source, seen_at=seen_at)
    lengths = spec.dates.lengths
    last = day + timedelta(days=rng.choices(list(lengths), list(lengths.values()))[0])
    details = {spec.item.field: item, spec.dates.first: day.isoformat(), spec.dates.last: last.isoformat()}
    ticket = Ticket(
        id=ticket_id,
        currency=currency,
        selling_price=price,
        commission_rate=commission,
        target_selling_price=target,
        competitor_price=competitor,
        **details,
    )
    return ticket, last


def _human_price(spec: Price, rng: random.Random) -> float:
    """Prices that people set: multiples of ten or the like mostly, some a little below."""
    price = round(rng.triangular(spec.least, spec.most, spec.usual) / spec.step) * spec.step
    return float(price - 2 if rng.random() < spec.odd and price > spec.least else price)


def _rounded(amount: float, step: int, below: float) -> float:
    rounded = round(amount / step) * step
    return float(rounded if rounded < below - 1 else rounded - step)
