"""What a pack says about its world: `briefs.yaml`, from which briefs are drawn at random."""

from datetime import date
from functools import lru_cache
from string import Formatter
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suasion.errors import InputError
from suasion.language.phrases import load_phrases
from suasion.negotiation.pack import Pack
from suasion.yaml_files import Loc, YamlFile

FILE = "briefs.yaml"


def _described(text: str, **more: Any) -> Any:
    return Field(description=text, **more)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldSource(_Frozen):
    """Where a field of the brief comes from: exactly one of these."""

    slot: str = _described("one word of this slot", default="")
    join: tuple[str, ...] = _described("one word of each of these slots, with spaces between", default=())
    say: str = _described("a template over the other fields of slots", default="")

    @model_validator(mode="after")
    def _is_one(self) -> "FieldSource":
        if sum(map(bool, (self.slot, self.join, self.say))) != 1:
            raise ValueError("expected one of slot, join and say")
        return self


class Facts(_Frozen):
    """Facts of a brief: templates of a slot, in which {n} and {m} are numbers and {field} a field."""

    slot: str
    count: tuple[int, int] = _described("range of how many a brief has")
    n: tuple[int, int] = _described("range of {n}", default=(40, 899))
    m: tuple[int, int] = _described("range of {m}", default=(2, 9))


class Item(_Frozen):
    """What a ticket is about."""

    field: str = _described("the ticket's field")
    slot: str
    same: float = _described("chance that a second ticket is about the same item on other days", ge=0, le=1)


class Days(_Frozen):
    """The dates of a ticket."""

    first: str = _described("the ticket's field of the first day")
    last: str = _described("the same of the last day")
    from_: date = Field(alias="from", description="no brief is before this day")
    within: int = _described("days from there on in which they begin", gt=0)
    lengths: dict[int, float] = _described("how many days they last: how often")
    gap: tuple[int, int] = _described("range of the days between two tickets of a brief")


class Currencies(_Frozen):
    usual: str
    others: tuple[str, ...] = ()
    share: float = _described("share of the others", default=0.0, ge=0, le=1)


class Price(_Frozen):
    """Prices as people set them: a triangular distribution in steps."""

    least: float
    most: float
    usual: float
    step: int = _described("prices are multiples of this", gt=0)
    odd: float = _described("chance that one lies 2 below such a multiple", ge=0, le=1)


class Target(_Frozen):
    below: tuple[float, float] = _described("range of the share by which it lies below the price")
    step: int = _described("targets, and prices elsewhere, are multiples of this", gt=0)


class Competitor(_Frozen):
    """A lower price seen elsewhere."""

    share: float = _described("chance that there is one", ge=0, le=1)
    below: tuple[float, float] = _described("range of the share by which it lies below the price")
    slot: str = _described("where it may have been seen")
    days_before: tuple[int, int] = _described("range of the days before the ticket's first")


class Tickets(_Frozen):
    """The prices to bring down that a brief has."""

    two: float = _described("chance of a second one", ge=0, le=1)
    item: Item
    dates: Days
    currency: Currencies
    price: Price
    target: Target
    commissions: tuple[float, ...] = Field(min_length=1, description="one of them, alike for all tickets")
    competitor: Competitor


class World(_Frozen):
    """`briefs.yaml` of a pack. Without `tickets` its briefs are about a consent."""

    version: int
    split_by: str = _described("the field whose value decides the split: no two splits share one")
    fields: dict[str, FieldSource]
    facts: Facts | None = None
    tickets: Tickets | None = None

    def slots(self) -> list[tuple[Loc, str]]:
        """Every slot of the phrase file that is drawn from, and where it is named."""
        found: list[tuple[Loc, str]] = []
        for name, source in self.fields.items():
            found += [(("fields", name), slot) for slot in (source.slot, *source.join) if slot]
        if self.facts:
            found.append((("facts", "slot"), self.facts.slot))
        if self.tickets:
            found.append((("tickets", "item", "slot"), self.tickets.item.slot))
            found.append((("tickets", "competitor", "slot"), self.tickets.competitor.slot))
        return found


@lru_cache
def load_world(pack: Pack) -> World:
    """The pack's world. Raises InputError with file, line and field, or where the pack describes none."""
    if not pack.has(FILE):
        raise InputError(
            f"this pack has no {FILE}, and so nothing to simulate a counterpart from; "
            "it can score, and train with --records",
            str(pack.path),
        )
    file = pack.file(FILE)
    world, slots = file.parse(World), load_phrases(pack).file.slots
    for loc, slot in world.slots():
        if not slots.get(slot):
            raise file.error(f"phrases.yaml has no slot {slot!r}; it has {', '.join(slots)}", loc)
    drawn = world.fields.get(world.split_by)
    if drawn is None or drawn.say:
        raise file.error("expected a field that is drawn from a slot or joined", ("split_by",))
    for name, source in world.fields.items():
        known = {other for other, one in world.fields.items() if not one.say}
        if unknown := sorted(names_in(source.say, file, ("fields", name)) - known):
            raise file.error(f"no such field: {unknown[0]}; there are {', '.join(known)}", ("fields", name))
    return world


def names_in(template: str, file: YamlFile | None = None, loc: Loc = ()) -> set[str]:
    """The slots of a template. Raises InputError for braces that hold none."""
    try:
        return {name for _, name, _, _ in Formatter().parse(template) if name}
    except ValueError as error:
        if file is None:
            raise InputError(f"braces that hold no slot: {error} in {template!r}", "phrases.yaml") from None
        raise file.error(f"braces that hold no slot: {error}", loc) from None
