"""Checks a pack's phrases before anybody speaks: each can be said, and is heard as the act it stands for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal

from suasion.language.acts import load_hearing
from suasion.language.phrases import (
    CHOICE,
    OCCASIONS,
    Families,
    Phrasebook,
    brief_slots,
    load_phrases,
    slots_of,
)
from suasion.negotiation.brief import Brief, CompetitorPrice, Ticket
from suasion.negotiation.pack import DetailField, Pack
from suasion.yaml_files import Loc, YamlFile

FILE = "phrases.yaml"
MOST_WORDINGS = 10_000  # of one template: more than anybody reads


@dataclass(frozen=True, slots=True)
class Wording:
    """One thing that a pack can say, what it stands for, and where in the file it is written."""

    speaker: Literal["agent", "counterpart"]
    act: str  # as intents.yaml has it
    text: str
    loc: Loc


def check_phrases(pack: Pack) -> None:
    """Say every phrase in each of its wordings and listen to it; a pack without phrases passes.

    Raises InputError with file, line and field for an act that intents.yaml does not have, a "[" that is not
    closed, an unknown slot, a phrase that is not heard as its act, and a move of the SOP that has no phrases.
    """
    if not pack.has(FILE):
        return
    hearing = load_hearing(pack)
    for one in wordings(pack):
        if one.act not in hearing.hear(one.speaker, one.text):
            message = f"{one.text!r} is not heard as {one.act}: reword it, or extend intents.yaml"
            raise pack.file(FILE).error(message, one.loc)
    said = load_phrases(pack).file.agent
    for section, steps in (("stages", pack.sop.stages), ("side_states", pack.sop.side_states)):
        for place, step in enumerate(steps):
            for number, move in enumerate(step.moves):
                if missing := [act for act in move if act not in said]:
                    loc = (section, place, "moves", number)
                    raise pack.file("sop.yaml").error(f"no phrases for {missing[0]} in {FILE}", loc)


def wordings(pack: Pack) -> Iterator[Wording]:
    """Everything that `phrases.yaml` says for an act, slots filled from a made-up brief.

    Raises InputError for an unknown act, an unknown slot, or a bracket that is not closed.
    """
    file, book = pack.file(FILE), load_phrases(pack)
    slots = _sample(pack, file, book)
    known = {(intent.speaker, intent.id) for intent in pack.intents.intents}
    speakers: tuple[Literal["agent", "counterpart"], ...] = ("agent", "counterpart")
    for speaker in speakers:
        for name, families in (book.file.agent if speaker == "agent" else book.file.counterpart).items():
            act = OCCASIONS.get(name, name)
            if (speaker, act) not in known:
                raise file.error("no such act; intents.yaml says which there are", (speaker, name))
            for loc, template in _templates((speaker, name), families):
                for text in _wordings(file, template, slots, loc):
                    yield Wording(speaker, act, text, loc)


def _templates(loc: Loc, families: Families) -> Iterator[tuple[Loc, str]]:
    for family, templates in families.items():
        for index, template in enumerate(templates):
            yield (*loc, family, index), template


def _wordings(file: YamlFile, template: str, slots: Mapping[str, str], loc: Loc) -> Iterator[str]:
    """The template with every alternative of each `[a|b]`, its slots filled."""
    parts = CHOICE.split(template)  # at odd places what stands in brackets
    if any("[" in part for part in parts):
        raise file.error(f"a [ without its ] in {template!r}", loc)
    ways = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    if prod(map(len, ways)) > MOST_WORDINGS:
        raise file.error(f"more than {MOST_WORDINGS:,} wordings; write several templates", loc)
    for chosen in product(*ways):
        yield _filled(file, "".join(chosen), slots, loc)


def _filled(file: YamlFile, template: str, slots: Mapping[str, str], loc: Loc) -> str:
    try:
        names = slots_of(template)
    except ValueError as error:
        raise file.error(f"braces that hold no slot: {error}", loc) from None
    if unknown := sorted(set(names) - slots.keys()):
        known = ", ".join(sorted(slots))
        raise file.error(f"unknown slot {unknown[0]!r}; known are {known}", loc)
    return template.format(**slots)


def _sample(pack: Pack, file: YamlFile, book: Phrasebook) -> dict[str, str]:
    """Every slot that a phrase may have, filled from a made-up brief."""
    seen = CompetitorPrice(selling_price=385, source="another platform")
    ticket = Ticket(
        id="t1",
        selling_price=420,
        commission_rate=0.15,
        target_selling_price=380,
        competitor_price=seen,
        **_details(pack.manifest.ticket),
    )
    brief = Brief(tickets=(ticket,), **_details(pack.manifest.brief))
    slots = brief_slots(book, brief, ticket) | {
        name: book.money(amount, "CNY")
        for name, amount in {"proposal": 380, "agreed": 380, "offer": 400, "net": 340}.items()
    }
    slots["evidence"] = next(_evidence(file, book, slots), "This is a fact.")
    slots["worry"] = book.file.worries[0] if book.file.worries else "costs are high"
    return slots


def _evidence(file: YamlFile, book: Phrasebook, slots: Mapping[str, str]) -> Iterator[str]:
    """What is said of what the brief always has."""
    for name, group in book.file.evidence.items():
        for index, line in enumerate(group):
            if "{fact}" not in line:
                yield _filled(file, line, slots, ("evidence", name, index))


def _details(declared: Mapping[str, DetailField]) -> dict[str, str]:
    dates = [name for name, field in declared.items() if field.type == "date"]
    return {
        name: f"2026-12-{1 + dates.index(name):02d}" if field.type == "date" else name.split("_")[-1].title()
        for name, field in declared.items()
    }
