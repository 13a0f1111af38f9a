"""The trained policy as an agent: the backbone with one adapter, or without any (`base`)."""

from collections.abc import Sequence

from suasion.config import GenerationConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.generate import Sample, sample
from suasion.policy.model import Backbone


class PolicyAgent:
    """Satisfies counterpart.simulate.Agent; `adapter` None is the untouched model."""

    def __init__(
        self, backbone: Backbone, adapter: str | None, pack: Pack, generation: GenerationConfig
    ) -> None:
        self.backbone, self.adapter, self.pack, self.generation = backbone, adapter, pack, generation

    def samples(self, dialogues: Sequence[Dialogue], seed: int) -> list[Sample]:
        """One reply to each dialogue, with its tokens."""
        prompts = [self.backbone.context(dialogue, self.pack) for dialogue in dialogues]
        with self.backbone.role(self.adapter):
            return [group[0] for group in sample(self.backbone, prompts, self.generation, seed)]

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
        return [one.text for one in self.samples(dialogues, seed)]
