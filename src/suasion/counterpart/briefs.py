"""Random briefs of the pack's world. A hotel's name decides its split, so that splits never share one."""

import hashlib
import random
from datetime import date, timedelta
from typing import Literal, get_args

from suasion.errors import InputError
from suasion.language.phrases import Phrasebook, load_phrases
from suasion.negotiation.brief import Brief, CompetitorPrice, Ticket
from suasion.negotiation.pack import Pack

Split = Literal["train", "validation", "test"]
SHARES = {"train": 70, "validation": 15, "test": 15}  # percent of the hotel names
TWO_TICKETS, COMPETITOR, OTHER_CURRENCY = 0.15, 0.70, 0.05
CHEAPEST, DEAREST = 150, 1500  # CNY
FIRST_DAY = date(2026, 1, 5)


def draw_briefs(pack: Pack, count: int, seed: int, split: Split = "train") -> list[Brief]:
    """`count` briefs about hotels of one split; the n-th is the same for any larger count.

    Raises InputError for an unknown split, or when the pack has no slots to draw from.
    """
    book = load_phrases(pack)
    hotels = split_hotels(book, split)
    briefs = [_draw_brief(book, hotels, random.Random(f"{seed}:{split}:{index}")) for index in range(count)]
    for brief in briefs[:1]:
        pack.check_brief(brief)
    return briefs


def split_hotels(book: Phrasebook, split: Split) -> list[str]:
    """All hotel names of one split. Raises InputError for an unknown split or a pack without names."""
    if split not in get_args(Split):
        raise InputError(f"unknown split {split!r}; known are {', '.join(get_args(Split))}")
    slots = book.file.slots
    if not slots.get("hotel_first") or not slots.get("hotel_second"):
        raise InputError(
            "this pack has nothing to simulate a counterpart from (slots hotel_first and hotel_second); "
            "it can score, and train with --records",
            "phrases.yaml",
            field="slots",
        )
    names = [f"{first} {second}" for first in slots["hotel_first"] for second in slots["hotel_second"]]
    return [name for name in names if split_of(name) == split]


def split_of(hotel: str) -> Split:
    """The split that a hotel's name belongs to, for ever."""
    place = int(hashlib.sha256(hotel.casefold().encode()).hexdigest(), 16) % 100
    if place < SHARES["train"]:
        return "train"
    return "validation" if place < SHARES["train"] + SHARES["validation"] else "test"


def _draw_brief(book: Phrasebook, hotels: list[str], rng: random.Random) -> Brief:
    slots = book.file.slots
    city = rng.choice(slots["cities"])
    count = 2 if rng.random() < TWO_TICKETS else 1
    rooms = rng.sample(slots["rooms"], count)
    if count > 1 and rng.random() < 0.25:
        rooms[1] = rooms[0]  # the same room on other days
    currency = "CNY" if rng.random() >= OTHER_CURRENCY else rng.choice(["USD", "EUR"])
    day = FIRST_DAY + timedelta(days=rng.randrange(340))
    commission = rng.choice([0.10, 0.12, 0.15, 0.15, 0.18, 0.20])
    tickets = []
    for index, room in enumerate(rooms):
        ticket = _draw_ticket(f"t{index + 1}", room, day, currency, commission, slots["sources"], rng)
        tickets.append(ticket)
        day = date.fromisoformat(str(ticket.details["check_out"])) + timedelta(days=rng.randint(0, 9))
    return Brief(
        tickets=tuple(tickets),
        facts=_draw_facts(slots["facts"], city, rng),
        hotel=rng.choice(hotels),
        city=city,
        agency=rng.choice(slots["agencies"]),
        agent_name=rng.choice(slots["agents"]),
    )


def _draw_ticket(
    ticket_id: str,
    room: str,
    day: date,
    currency: str,
    commission: float,
    sources: tuple[str, ...],
    rng: random.Random,
) -> Ticket:
    price = _human_price(rng)
    target = _round_to_five(price * (1 - rng.uniform(0.04, 0.14)), below=price)
    competitor = None
    if rng.random() < COMPETITOR:
        seen = _round_to_five(price * (1 - rng.uniform(0.03, 0.15)), below=price)
        seen_at = day - timedelta(days=rng.randint(3, 20))
        competitor = CompetitorPrice(selling_price=seen, source=rng.choice(sources), seen_at=seen_at)
    nights = rng.choices([1, 2, 3, 5], [5, 3, 2, 1])[0]
    return Ticket(
        id=ticket_id,
        currency=currency,
        selling_price=price,
        commission_rate=commission,
        target_selling_price=target,
        competitor_price=competitor,
        room=room,
        check_in=day.isoformat(),
        check_out=(day + timedelta(days=nights)).isoformat(),
    )


def _human_price(rng: random.Random) -> float:
    """Prices that people set: tens mostly, some that end in 8."""
    price = round(rng.triangular(CHEAPEST, DEAREST, 380) / 10) * 10
    return float(price - 2 if rng.random() < 0.2 and price > CHEAPEST else price)


def _round_to_five(amount: float, below: float) -> float:
    rounded = round(amount / 5) * 5
    return float(rounded if rounded < below - 1 else rounded - 5)


def _draw_facts(templates: tuple[str, ...], city: str, rng: random.Random) -> tuple[str, ...]:
    chosen = rng.sample(templates, min(len(templates), rng.randint(1, 3)))
    return tuple(text.format(n=rng.randrange(40, 900), m=rng.randint(2, 9), city=city) for text in chosen)
