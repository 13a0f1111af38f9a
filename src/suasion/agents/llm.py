"""The trained policy as an agent: the backbone with one adapter or none."""

from collections.abc import Sequence

from suasion.config import GenerationConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.generate import Sample, sample
from suasion.policy.model import Backbone


class PolicyAgent:
    """Satisfies counterpart.simulate.Agent; `adapter` None: the model after SFT, UNTOUCHED: before it.

    The seed, a dialogue's id and its number of turns decide the dice, so that agents can be compared in pairs
    and no two replies of a conversation are drawn alike.
    """

    def __init__(
        self, backbone: Backbone, adapter: str | None, pack: Pack, generation: GenerationConfig
    ) -> None:
        self.backbone, self.adapter, self.pack, self.generation = backbone, adapter, pack, generation

    def samples(self, dialogues: Sequence[Dialogue], seed: int) -> list[Sample]:
        """One reply to each dialogue, with its tokens."""
        return [group[0] for group in self.groups(dialogues, 1, seed)]

    def groups(self, dialogues: Sequence[Dialogue], copies: int, seed: int) -> list[list[Sample]]:
        """`copies` replies to each dialogue, each with its tokens; the first are those of `samples`."""
        prompts = [self.backbone.context(dialogue, self.pack) for dialogue in dialogues]
        names = [f"{dialogue.id}:{len(dialogue.turns)}" for dialogue in dialogues]
        return sample(self.backbone, self.adapter, prompts, self.generation, seed, copies, names)

    def drafts(self, dialogues: Sequence[Dialogue], copies: int, seed: int) -> list[list[str]]:
        """`copies` replies to each dialogue."""
        return [[one.text for one in group] for group in self.groups(dialogues, copies, seed)]

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
        return [one.text for one in self.samples(dialogues, seed)]
