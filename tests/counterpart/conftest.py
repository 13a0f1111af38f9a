"""What the tests of the counterpart share: the pack, scripted agents, and types with known wishes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from suasion.counterpart.hidden_type import HiddenType
from suasion.counterpart.listening import net_of
from suasion.language.acts import load_hearing
from suasion.language.phrases import brief_slots, load_phrases
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track

Line = tuple[tuple[str, ...], str]

OPENER: Line = (
    ("greet", "introduce", "state_case"),
    "Hello {hotel}, this is {agent_name} from {agency}. "
    "It's about the {room} for {dates}, which sells at {current} now.",
)
ASK: Line = (("propose",), "Could you do a selling price of {target}?")
CONFIRM: Line = (("confirm",), "To confirm: {room}, {dates}, selling price {agreed}.")
REASONS: Line = (
    ("empathise", "evidence", "benefit", "propose"),
    "I understand your concern. {fact} Guests compare prices first. "
    "Could you do a selling price of {target}?",
)
PRESSURE: Line = (("propose",), "You must lower it immediately or else. Could you do {target}?")
PROMISE: Line = (("propose",), "We guarantee more bookings. Could you do a selling price of {target}?")
WRONG: Line = (("evidence", "propose"), "The page had 98765 views. Could you do a selling price of {target}?")
GIBBERISH: Line = ((), "xqz blorf wuggle frobnitz snarl {target}")
BYE: Line = (("bye",), "Thank you. Goodbye and have a good day.")


@pytest.fixture(scope="session")
def pack() -> Pack:
    return Pack.load("hotel")


@dataclass
class Scripted:
    """Says line after line, the last one again and again; confirms once when its last price is agreed."""

    lines: Sequence[Line]
    confirms: bool = True

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[Turn]:
        return [self._turn(dialogue) for dialogue in dialogues]

    def _turn(self, dialogue: Dialogue) -> Turn:
        pack = Pack.load("hotel")
        book, ticket = load_phrases(pack), dialogue.brief.tickets[0]
        slots = brief_slots(book, dialogue.brief, ticket) | {"fact": dialogue.brief.facts[0]}
        number = sum(turn.speaker == "agent" for turn in dialogue.turns)
        acts, text = self.lines[min(number, len(self.lines) - 1)]
        if self.confirms:
            standing = track(dialogue, pack.sop, load_hearing(pack)).tickets[0]
            if standing.agreed is not None:
                slots["agreed"] = book.money(round(standing.agreed, 2), ticket.currency)
                acts, text = BYE if standing.restated else CONFIRM
        return Turn(speaker="agent", text=text.format(**slots), acts=acts)


def cooperative(brief: Brief) -> HiddenType:
    """Always answers, never goes silent, and could live with far less than the target."""
    rng = random.Random(brief.model_dump_json())
    return HiddenType(
        reservation_net={ticket.id: 0.6 * net_of(ticket.selling_price, ticket) for ticket in brief.tickets},
        patience=14,
        mood=0.9,
        busyness=0.2,
        decides_alone=rng.random() < 0.5,
        wrong_person=rng.random() < 0.2,
        no_reply=0.0,
        silence=0.0,
        late=rng.random() < 0.2,
        net_talk=rng.random() < 0.4,
        style=rng.choice(["plain", "short", "polite", "chatty"]),
    )


def wavering(brief: Brief) -> HiddenType:
    """Always answers and could just live with the target: what is said decides."""
    rng = random.Random(brief.model_dump_json())
    rooms = {t.id: t.target_selling_price * rng.uniform(0.93, 1.0) for t in brief.tickets}
    return HiddenType(
        reservation_net={ticket.id: net_of(rooms[ticket.id], ticket) for ticket in brief.tickets},
        patience=8,
        mood=rng.uniform(0.4, 0.9),
        busyness=0.0,
        decides_alone=True,
        wrong_person=False,
        no_reply=0.0,
        silence=0.03,
        late=False,
        net_talk=False,
        style="plain",
    )
