"""What faults and better replies are made in: one good reply, its context, and the pack's words."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from suasion.counterpart.listening import known_numbers, numbers_in
from suasion.data.examples import Example
from suasion.language.acts import load_hearing
from suasion.language.phrases import Phrasebook, brief_slots, load_phrases
from suasion.language.replies import phrase_acts
from suasion.negotiation.brief import Ticket
from suasion.negotiation.pack import Pack
from suasion.negotiation.sop import Stage
from suasion.negotiation.tracker import Hearing, State, track

SMALL = 31  # numbers up to this are days, pieces and the like: a wrong one is a wrong date


@dataclass(frozen=True)
class Kit:
    """What faults are made from: the pack's words, and other examples to take replies from."""

    pack: Pack
    others: Sequence[Example] = ()

    @cached_property
    def book(self) -> Phrasebook:
        return load_phrases(self.pack)

    @cached_property
    def hearing(self) -> Hearing:
        return load_hearing(self.pack)


@dataclass(frozen=True)
class Setting:
    """One good reply in its context."""

    example: Example
    kit: Kit
    rng: random.Random
    name: str = ""

    @cached_property
    def state(self) -> State:
        return track(self.example.dialogue, self.kit.pack.sop, self.kit.hearing)

    @cached_property
    def stage(self) -> Stage:
        return self.kit.pack.sop.step_of(self.state)

    @property
    def ticket(self) -> Ticket | None:
        return self.state.ticket.ticket if self.state.ticket else None

    @property
    def reply(self) -> str:
        return self.example.dialogue.reply or ""

    @cached_property
    def slots(self) -> dict[str, str]:
        return brief_slots(self.kit.book, self.example.dialogue.brief, self.ticket)

    @cached_property
    def templates(self) -> list[str]:
        """The pack's templates for this fault, in random order."""
        known = self.kit.book.file.defects.get(self.name, ())
        return self.rng.sample(known, len(known))

    @cached_property
    def numbers(self) -> frozenset[float]:
        """All that brief and dialogue name: no other number is true."""
        said = [turn.text for turn in self.example.dialogue.turns if turn.text]
        return known_numbers(self.example.dialogue.brief) | numbers_in(" ".join([*said, self.reply]))

    def hear(self, text: str) -> tuple[str, ...]:
        return tuple(sorted(self.kit.hearing.hear("agent", text)))

    def suffices(self, acts: Iterable[str]) -> bool:
        """Whether the acts are enough for the stage."""
        found, any_of = set(acts), set(self.stage.requires_any)
        return set(self.stage.requires) <= found and (not any_of or bool(found & any_of))

    def phrase(self, acts: tuple[str, ...]) -> str:
        brief, sop = self.example.dialogue.brief, self.kit.pack.sop
        family = self.example.family
        return phrase_acts(acts, self.state, brief, sop, self.kit.book, self.rng, family).text

    def strange(self, low: float, high: float) -> float | None:
        """A whole number in the range that is not true, nor a price that may be asked for."""
        for _ in range(20):
            number = float(round(self.rng.uniform(low, high)))
            if number > SMALL and not self._is_near(number):
                return number
        return None

    def _is_near(self, number: float) -> bool:
        tickets = self.example.dialogue.brief.tickets
        allowed = any(t.target_selling_price - 2 <= number <= t.selling_price + 2 for t in tickets)
        return allowed or any(abs(number - known) <= 2 for known in self.numbers)
