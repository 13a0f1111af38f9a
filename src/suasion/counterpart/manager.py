"""The simulated manager: a hidden type, a state of mind, and one answer to each message of the agent.

Code decides what the counterpart does (`Answer`); words only express it: those of the pack's phrases, or of
another `Speaker` for the same hidden type, such as a language model (`voice.py`).
"""

import random
from dataclasses import asdict, replace
from typing import Any

from suasion.counterpart.coefficients import Ears
from suasion.counterpart.hidden_type import HiddenType, draw_type
from suasion.counterpart.listening import (
    Heard,
    acts_of,
    as_selling,
    known_numbers,
    listen,
    numbers_in,
    speaks_of,
)
from suasion.counterpart.mind import Answer, Mind, Stance, feel, settle
from suasion.counterpart.responses import Scene, decide
from suasion.counterpart.wording import FromPhrases, Line, Speaker
from suasion.negotiation.brief import Brief
from suasion.negotiation.consent import NO
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.prices import find_prices
from suasion.negotiation.tracker import TOLERANCE, Hearing

__all__ = ["HiddenType", "Manager", "draw_type"]


class Manager:
    """A counterpart for one conversation. The same seed and messages give the same answers.

    `mind` is the whole of its state: a value that can be kept, compared and set back.
    """

    def __init__(
        self,
        hidden: HiddenType,
        brief: Brief,
        ears: Ears,
        hearing: Hearing,
        seed: str,
        speaker: Speaker | None = None,
    ) -> None:
        """speaker: puts its answers into words; the phrases of `ears` by default."""
        self.hidden, self.brief, self.seed = hidden, brief, seed
        self._ears, self._hearing = ears, hearing
        self._speaker = speaker or FromPhrases(ears.book)
        self._known = known_numbers(brief)
        self.mind = Mind(mood=hidden.mood, stances=tuple(Stance() for _ in brief.tickets or [None]))

    def reply(self, dialogue: Dialogue) -> Turn:
        """Answer the dialogue's last turn, or be silent. Turns that it did not see yet are taken in first."""
        if self.mind.turns > len(dialogue.turns):
            raise ValueError(f"the dialogue has {len(dialogue.turns)} turns, but {self.mind.turns} were seen")
        for turn in dialogue.turns[self.mind.turns : -1]:
            self._take_in(turn)
        last = dialogue.turns[-1]
        seed = f"{self.seed}:{len(dialogue.turns)}"
        rng = random.Random(seed)
        heard = self._hear(last)
        scene = Scene(self.hidden, self._ears.coefficients, self.brief, rng, last.text or "", self._luck())
        answer = decide(self.mind, heard, scene)
        self.mind = replace(settle(self.mind, answer), turns=len(dialogue.turns) + 1)
        if answer.act is None:
            return Turn(speaker="counterpart", silence_minutes=answer.minutes)
        ticket = self.brief.tickets[self.mind.focus] if self.brief.tickets else None
        spoken = self._speaker.say(Line(answer, dialogue, ticket, self.hidden, self.mind.mood, rng, seed))
        self.mind = replace(
            self.mind,
            numbers=self.mind.numbers | numbers_in(spoken.text) | _told(answer),
            deviations=self.mind.deviations + spoken.deviations,
        )
        return Turn(speaker="counterpart", text=spoken.text)

    def prices(self) -> dict[str, float | None]:
        """The selling price agreed for each ticket, or None: the truth, not what was understood."""
        return {
            ticket.id: stance.agreed
            for ticket, stance in zip(self.brief.tickets, self.mind.stances, strict=False)
        }

    def consents(self) -> bool:
        """Whether it said yes and stands by it, where there is no ticket: again the truth."""
        return self.mind.stance.yes

    def truth(self) -> dict[str, Any]:
        """The hidden type and what it did, for the record; and what a named speaker did not get to say."""
        told: dict[str, Any] = {"hidden_type": asdict(self.hidden), "counterpart_acts": list(self.mind.acts)}
        if self._speaker.name is not None:
            told["speaker"] = self._speaker.name
            told["deviations"] = [asdict(one) for one in self.mind.deviations]
        return told

    def fork(self, seed: str) -> "Manager":
        """The same counterpart in the same mind, whose luck and words from here on are another seed's."""
        other = Manager(self.hidden, self.brief, self._ears, self._hearing, seed, self._speaker)
        other.mind = self.mind
        return other

    def _luck(self) -> float:
        """One number per conversation that decides whether it answers at all, whatever the agent is."""
        return random.Random(f"{self.seed}:luck").random()

    def _hear(self, turn: Turn) -> Heard:
        mind, text = self.mind, turn.text or ""
        focus = self._subject(text)
        ticket = self.brief.tickets[focus] if self.brief.tickets else None
        heard = listen(turn, ticket, self._known, mind.numbers, mind.texts, self._ears, self._hearing)
        self.mind = feel(replace(mind, focus=focus), heard, ticket, self.hidden.patience, self._ears)
        return heard

    def _subject(self, text: str) -> int:
        """The ticket that the text names best; the one in focus when it names none better."""
        focus, tickets = self.mind.focus, self.brief.tickets
        if len(tickets) < 2:
            return focus
        named = [speaks_of(text, ticket) for ticket in tickets]
        return focus if named[focus] == max(named) else named.index(max(named))

    def _take_in(self, turn: Turn) -> None:
        """A turn of the past: an agent's is heard, a counterpart's is kept to."""
        if turn.speaker == "agent":
            self._hear(turn)
        elif turn.text is not None:
            self._keep_to(turn.text, acts_of(turn, self._hearing))
        self.mind = replace(self.mind, turns=self.mind.turns + 1)

    def _keep_to(self, text: str, acts: frozenset[str]) -> None:
        mind = replace(
            self.mind, contacted=True, responded=True, numbers=self.mind.numbers | numbers_in(text)
        )
        if self.brief.tickets:
            ticket, stance = self.brief.tickets[mind.focus], mind.stance
            named = [as_selling(mention, ticket) for mention in find_prices(text, ticket.currency)]
            price = next((amount for amount in named if amount is not None), None)
            if "agree" in acts:
                stance = replace(stance, agreed=price if price is not None else stance.asked)
            elif price is not None and price < ticket.selling_price - TOLERANCE and "refuse" not in acts:
                stance = replace(stance, offer=price)
            mind = mind.with_stance(stance)
        elif acts & {"agree", "counter"} and not acts & NO:
            mind = mind.with_stance(replace(mind.stance, yes=True))
        self.mind = mind


def _told(answer: Answer) -> set[float]:
    """The selling price behind an offer in net may be said back, too."""
    return set() if answer.price is None else {round(answer.price, 2)}
