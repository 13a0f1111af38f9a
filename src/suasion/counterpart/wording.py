"""How a decided answer becomes a text: from the phrases, or by another speaker for the same decisions."""

import random
from dataclasses import dataclass
from typing import Protocol

from suasion.counterpart.hidden_type import HiddenType
from suasion.counterpart.mind import Answer, Deviation
from suasion.language.phrases import Phrasebook, brief_slots
from suasion.negotiation.brief import Ticket
from suasion.negotiation.dialogue import Dialogue

REWORDINGS = 3  # attempts to say something otherwise than before


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be said: an answer with an act, and what its wording may depend on."""

    answer: Answer
    dialogue: Dialogue  # up to the message that is answered
    ticket: Ticket | None  # the one in focus
    hidden: HiddenType
    mood: float
    rng: random.Random
    seed: str  # of this turn of this conversation


@dataclass(frozen=True, slots=True)
class Spoken:
    """The text, and what was not used on the way to it."""

    text: str
    deviations: tuple[Deviation, ...] = ()


class Speaker(Protocol):
    """Puts decided answers into words, and decides nothing. Several conversations may use one at once."""

    @property
    def name(self) -> str | None: ...  # stands in the outcome, with the deviations; None: there is no need

    def say(self, line: Line) -> Spoken: ...


class FromPhrases:
    """Speaks from a phrasebook."""

    name = None

    def __init__(self, book: Phrasebook) -> None:
        self._book = book

    def say(self, line: Line) -> Spoken:
        """A phrase for the answer. Raises InputError where the book has none, or for an unknown slot."""
        book, answer = self._book, line.answer
        slots = brief_slots(book, line.dialogue.brief, line.ticket)
        act = answer.act or ""
        if answer.words and book.has(answer.words, "counterpart"):
            act = answer.words
        if line.ticket is not None and answer.price is not None:
            slots["offer"] = book.money(round(answer.price, 2), line.ticket.currency)
            if answer.net is not None and (act == "counter" or book.has(f"{act}_net", "counterpart")):
                act, slots["net"] = f"{act}_net", book.money(answer.net, line.ticket.currency)
        said = {turn.text for turn in line.dialogue.turns if turn.speaker == "counterpart"}
        text = book.say(act, slots, line.rng, line.hidden.style, speaker="counterpart")
        for _ in range(REWORDINGS):
            if text not in said:
                break
            family = line.rng.choice(book.families(act, "counterpart"))
            text = book.say(act, slots, line.rng, family, speaker="counterpart")
        return Spoken(text)
