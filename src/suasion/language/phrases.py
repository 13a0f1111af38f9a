"""Saying things: the pack's phrases, with choices `[a|b]` and slots `{x}`, in families."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from string import Formatter

from pydantic import BaseModel, ConfigDict, field_validator

from suasion.errors import InputError
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.pack import Pack

Families = dict[str, tuple[str, ...]]
CHOICE = re.compile(r"\[([^\]]*)\]")
_SLOT = re.compile(r"\\\{\w+\\\}")
# Ways of saying an act on an occasion, and the act that they are to the ear. Those of a net price are needed
# where net prices are spoken of; of the others the act's own phrases do, where a pack has none.
OCCASIONS = {
    "agree_asked": "agree",  # with {offer}: asked for its best price, it takes the one asked for before
    "counter_net": "counter",
    "hello_again": "hello",  # it has greeted or heard of the matter, and waits to hear what is wanted
    "hesitate_owner": "hesitate",  # somebody else decides
    "refuse_claim": "refuse",  # what is confirmed was never agreed
    "refuse_last": "refuse",  # {offer} stands, its own last price
    "refuse_last_net": "refuse",
    "refuse_open": "refuse",  # no price was named
}


class PhraseFile(BaseModel):
    """`phrases.yaml` of a pack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    held_out: tuple[str, ...] = ()
    money: dict[str, str]
    agent: dict[str, Families]
    evidence: dict[str, tuple[str, ...]] = {}
    worries: tuple[str, ...] = ()
    counterpart: dict[str, Families]
    slots: dict[str, tuple[str, ...]] = {}
    defects: dict[str, tuple[str, ...]] = {}

    @field_validator("money")
    @classmethod
    def _says_any_amount(cls, value: dict[str, str]) -> dict[str, str]:
        if "default" not in value:
            raise ValueError("expected a template for each other currency under `default`")
        for currency, template in value.items():
            if not set(slots_of(template)) <= {"amount", "currency"}:
                raise ValueError(f"{currency}: expected slots {{amount}} and {{currency}} in {template!r}")
        return value


@dataclass(frozen=True)
class Phrasebook:
    """Templates per speaker, act and family. `dates`: the ticket's fields with its first and its last day."""

    file: PhraseFile
    dates: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return id(self)

    def families(self, act: str, speaker: str = "agent", held_out: bool = False) -> list[str]:
        """Families that phrase this act, either those for training or those held out."""
        known = self._acts(speaker).get(act, {})
        return [name for name in known if (name in self.file.held_out) == held_out]

    def has(self, act: str, speaker: str = "agent") -> bool:
        """Whether there are phrases for it."""
        return act in self._acts(speaker)

    def say(
        self,
        act: str,
        slots: Mapping[str, str],
        rng: random.Random,
        family: str | None = None,
        speaker: str = "agent",
    ) -> str:
        """One phrasing of the act with its slots filled; another family when `family` does not have it.

        Raises InputError for an act without phrases or a slot that is not known.
        """
        known = self._acts(speaker).get(act)
        if not known:
            raise InputError(f"no phrases for {speaker}.{act}", "phrases.yaml")
        if family not in known:
            family = rng.choice(self.families(act, speaker) or list(known))
        return fill(rng.choice(known[family]), slots, rng)

    def money(self, amount: float, currency: str) -> str:
        template = self.file.money.get(currency, self.file.money["default"])
        return template.format(amount=f"{amount:.2f}".rstrip("0").rstrip("."), currency=currency)

    def _acts(self, speaker: str) -> dict[str, Families]:
        return self.file.agent if speaker == "agent" else self.file.counterpart


@lru_cache
def load_phrases(pack: Pack) -> Phrasebook:
    """The pack's phrasebook, empty where it has none. Raises InputError naming file, line and field."""
    if not pack.has("phrases.yaml"):
        money = {"default": "{amount} {currency}"}
        return Phrasebook(PhraseFile(version=0, money=money, agent={}, counterpart={}))
    days = {name: field.after for name, field in pack.manifest.ticket.items() if field.type == "date"}
    dates = tuple(sorted(days, key=lambda name: days[name] is not None))
    return Phrasebook(pack.file("phrases.yaml").parse(PhraseFile), dates if len(dates) == 2 else ())


def fill(template: str, slots: Mapping[str, str], rng: random.Random) -> str:
    """Take one alternative of each `[a|b]`, then fill `{slot}`s. Raises InputError for an unknown slot."""
    while (start := template.find("[")) >= 0:
        end = template.index("]", start)
        template = template[:start] + rng.choice(template[start + 1 : end].split("|")) + template[end + 1 :]
    try:
        return template.format(**slots)
    except KeyError as error:
        raise InputError(f"unknown slot {error} in {template!r}", "phrases.yaml") from None


def slots_of(template: str) -> list[str]:
    """Slots of a template without choices. Raises ValueError for braces that hold no plain name."""
    found = []
    for _, name, form, conversion in Formatter().parse(template):
        if form or conversion or (name is not None and not name.isidentifier()):
            raise ValueError(f"expected a plain name as in {{price}}, found {template!r}")
        if name is not None:
            found.append(name)
    return found


def pattern_of(template: str) -> str:
    """A template as a pattern of all that it says: choices as alternatives, slots as anything."""
    parts = CHOICE.split(template)  # at odd places what stands in brackets
    made = [
        re.escape(part) if place % 2 == 0 else f"(?:{'|'.join(map(re.escape, part.split('|')))})"
        for place, part in enumerate(parts)
    ]
    return _SLOT.sub(".+", "".join(made))


def describe_dates(first: date, last: date) -> str:
    """Two days as a person writes them: Dec 1-2, or Nov 30 to Dec 2."""
    if first.month == last.month:
        return f"{first:%b} {first.day}-{last.day}"
    return f"{first:%b} {first.day} to {last:%b} {last.day}"


def brief_slots(book: Phrasebook, brief: Brief, ticket: Ticket | None) -> dict[str, str]:
    """Slots that brief and ticket fill: their details, prices in words, and the rendered dates."""
    slots = {key: str(value) for key, value in brief.details.items()}
    if ticket is None:
        return slots
    slots |= {key: str(value) for key, value in ticket.details.items()}
    if book.dates and all(name in ticket.details for name in book.dates):
        slots["dates"] = describe_dates(*(date.fromisoformat(slots[name]) for name in book.dates))
    slots["current"] = book.money(ticket.selling_price, ticket.currency)
    slots["target"] = book.money(ticket.target_selling_price, ticket.currency)
    slots["commission"] = f"{ticket.commission_rate * 100:g}"
    if ticket.competitor_price:
        slots["competitor_price"] = book.money(ticket.competitor_price.selling_price, ticket.currency)
        slots["competitor_source"] = ticket.competitor_price.source
    return slots
