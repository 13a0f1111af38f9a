"""What a good agent would say next: the SOP's moves, realised by the phrasebook.

Used for synthetic dialogues, by the intent-driven agent and as the guard's fallback.
"""

import random
from dataclasses import dataclass

from suasion.language.phrases import Phrasebook, brief_slots
from suasion.negotiation.brief import Brief
from suasion.negotiation.sop import Sop
from suasion.negotiation.tracker import State


@dataclass(frozen=True, slots=True)
class PlannedReply:
    """A reply with the ground truth of what it contains."""

    text: str
    acts: tuple[str, ...]
    stage: str
    family: str


def plan_acts(state: State, sop: Sop, rng: random.Random, brief: Brief) -> tuple[str, ...]:
    """One of the moves that the SOP lists for this state, preferring acts that were not used yet."""
    stage = sop.step_of(state)
    moves = [move for move in stage.moves if "evidence" not in move or evidence_for(state, brief)]
    moves = moves or list(stage.moves)
    weights = [1.0 + sum(act not in state.said for act in move) for move in moves]
    return rng.choices(moves, weights)[0]


def evidence_for(state: State, brief: Brief) -> list[str]:
    """Which sources of evidence there are: `competitor`, `fact`."""
    competitor = state.ticket is not None and state.ticket.ticket.competitor_price is not None
    return ["competitor"] * competitor + ["fact"] * bool(brief.facts)


def say_reply(
    state: State, brief: Brief, sop: Sop, book: Phrasebook, rng: random.Random, family: str | None = None
) -> PlannedReply:
    """Plan and phrase the next reply. `family` fixes the phrasing, else a training one is drawn."""
    acts = plan_acts(state, sop, rng, brief)
    family = family or rng.choice(book.families("propose"))
    return phrase_acts(acts, state, brief, sop, book, rng, family)


def phrase_acts(
    acts: tuple[str, ...],
    state: State,
    brief: Brief,
    sop: Sop,
    book: Phrasebook,
    rng: random.Random,
    family: str,
) -> PlannedReply:
    """Phrase a given act sequence in one family."""
    slots = brief_slots(book, brief, state.ticket.ticket if state.ticket else None)
    slots |= _moving_slots(acts, state, brief, book, rng, slots)
    text = " ".join(book.say(act, slots, rng, family) for act in acts)
    return PlannedReply(text, acts, sop.step_of(state).id, family)


def _moving_slots(
    acts: tuple[str, ...],
    state: State,
    brief: Brief,
    book: Phrasebook,
    rng: random.Random,
    slots: dict[str, str],
) -> dict[str, str]:
    moving: dict[str, str] = {}
    if book.file.worries:
        moving["worry"] = rng.choice(book.file.worries)
    kinds = evidence_for(state, brief)
    if kinds and "evidence" in acts:
        facts = {"fact": rng.choice(brief.facts)} if brief.facts else {}
        template = rng.choice(book.file.evidence[rng.choice(kinds)])
        moving["evidence"] = template.format(**(slots | facts))
    current = state.ticket
    if current is not None:
        currency = current.ticket.currency
        moving["proposal"] = book.money(current.ticket.target_selling_price, currency)
        agreed = current.agreed if current.agreed is not None else current.ticket.target_selling_price
        moving["agreed"] = book.money(round(agreed, 2), currency)
    return moving
