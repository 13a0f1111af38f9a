"""What is collected stands in the rows and columns of the replies that it belongs to."""

from collections.abc import Callable

import torch

from suasion.config import GenerationConfig, RewardsConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.policy.trees import branch, lay_out
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import choosing_states, collect, token_logprobs


def test_states_values_and_reference_are_those_of_each_reply_alone(
    another: Callable[[], Backbone], dialogues: list[Dialogue], hotel: Pack
) -> None:
    backbone = another()
    backbone.add_adapter("policy")
    value = Reader(backbone, "value", adapter=False)
    torch.nn.init.normal_(value.head.weight)
    contexts = [dialogues[0].with_reply(""), dialogues[1].with_reply("")]
    generation = GenerationConfig(max_new_tokens=12, temperature=3.0)
    suite = RewardSuite(hotel, None, None, RewardsConfig())
    found = collect(backbone, contexts, 3, hotel, suite, value, generation, "policy", 3, 200)
    assert len({len(sample.tokens) for sample in found.samples}) > 1, "replies must differ in length"
    for row, sample in enumerate(found.samples):
        prompt = backbone.context(contexts[row // 3], hotel)
        layout = lay_out([branch(prompt, [sample.tokens])])
        with torch.no_grad(), backbone.role(None):
            states = choosing_states(backbone.encode(layout), layout)
            logs, _ = token_logprobs(backbone, layout, 3.0)
        length = len(sample.tokens)
        assert torch.allclose(found.states[row, :length], states, atol=1e-5)
        assert torch.allclose(found.reference[row, :length], logs, atol=1e-5)
        assert torch.allclose(found.values[row, :length], value.read(states)[:, 0], atol=1e-5)
        assert not found.states[row, length:].any()
