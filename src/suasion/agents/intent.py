"""The intent-driven system: hears acts, follows the SOP, speaks from the phrasebook. The baseline to beat."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from suasion.language.acts import load_hearing
from suasion.language.phrases import load_phrases
from suasion.language.replies import PlannedReply, phrase_acts, plan_acts
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State, track

DRAWS = 12  # attempts to say it otherwise than before


@dataclass(frozen=True, slots=True)
class IntentAgent:
    """Satisfies `counterpart.simulate.Agent`. The same dialogue, `seed` and call seed give the same reply."""

    pack: Pack
    seed: int = 0
    family: str = "plain"

    def reply(self, dialogues: Sequence[Dialogue], seed: int = 0) -> list[str]:
        """The next utterance of each dialogue, each on its own: the batch makes no difference."""
        return [self.plan(dialogue, seed).text for dialogue in dialogues]

    def plan(self, dialogue: Dialogue, seed: int = 0) -> PlannedReply:
        """The next reply with the acts it is made of."""
        return self._choose(track(dialogue, self.pack.sop, load_hearing(self.pack)), dialogue, seed)

    def go_on(self, state: State, dialogue: Dialogue, seed: int = 0) -> Turn:
        """The next reply where the state is known already: what `counterpart.rollouts` follows with."""
        reply = self._choose(state, dialogue, seed)
        return Turn(speaker="agent", text=reply.text, acts=reply.acts)

    def _choose(self, state: State, dialogue: Dialogue, seed: int) -> PlannedReply:
        rng = random.Random(f"{self.seed}:{seed}:{dialogue.id}:{len(dialogue.turns)}")
        said = {turn.text for turn in dialogue.turns if turn.speaker == "agent"}
        drawn = []
        for _ in range(DRAWS):
            reply = self._say(state, dialogue, rng)
            faults = 2 * (_leaves(reply) and _has_more(state)) + (reply.text in said)
            if not faults:
                return reply
            drawn.append((faults, reply))
        return min(drawn, key=lambda one: one[0])[1]

    def _say(self, state: State, dialogue: Dialogue, rng: random.Random) -> PlannedReply:
        sop, brief = self.pack.sop, dialogue.brief
        acts = plan_acts(state, sop, rng, brief)
        return phrase_acts(acts, state, brief, sop, load_phrases(self.pack), rng, self.family)


def _leaves(reply: PlannedReply) -> bool:
    return "bye" in reply.acts


def _has_more(state: State) -> bool:
    """Whether a ticket beside the one in focus is still open."""
    return any(not ticket.done for index, ticket in enumerate(state.tickets) if index != state.focus)
