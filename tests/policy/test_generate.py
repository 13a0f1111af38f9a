"""The sampler's log-probabilities are the trainer's, with the adapter merged and rows leaving early."""

import pytest
import torch

from suasion.config import GenerationConfig
from suasion.policy.generate import BLOCK, Sample, draw, sample
from suasion.policy.model import UNTOUCHED, Backbone
from suasion.policy.trees import branch, lay_out
from suasion.training.experience import token_logprobs

PROMPTS = [[5, 6, 7, 8, 9], [10, 11], [12, 13, 14]]
CONFIG = GenerationConfig(max_new_tokens=24, temperature=4.0, batch_size=24)


@pytest.fixture
def adapted(backbone: Backbone) -> Backbone:
    """With an adapter that does something."""
    backbone.add_adapter("policy")
    for key, parameter in backbone.adapter("policy").items():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.3)
    return backbone


def test_merging_is_the_same_function_and_leaves_no_trace(adapted: Backbone) -> None:
    batch = lay_out([branch(PROMPTS[0], [[20, 21]])])
    before = {key: value.clone() for key, value in adapted.model.state_dict().items()}
    with torch.no_grad():
        with adapted.role("policy"):
            unmerged = adapted.encode(batch)
        with adapted.merged("policy"):
            merged = adapted.encode(batch)
        with adapted.role(None):
            plain = adapted.encode(batch)
    assert torch.allclose(merged, unmerged, atol=1e-5)
    assert not torch.allclose(merged, plain, atol=1e-2)
    after = adapted.model.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_what_is_baked_in_is_everywhere_but_in_the_untouched_model(adapted: Backbone) -> None:
    batch = lay_out([branch(PROMPTS[0], [[20, 21]])])
    with torch.no_grad():
        with adapted.role(None):
            untouched = adapted.encode(batch)
        with adapted.role("policy"):
            expected = adapted.encode(batch)
        adapted.bake("policy")
        adapted.add_adapter("reward", layers=1)
        for role in (None, "reward"):
            with adapted.role(role):
                assert torch.allclose(adapted.encode(batch), expected, atol=1e-5)
        with adapted.role(UNTOUCHED):
            assert torch.equal(adapted.encode(batch), untouched)
        with adapted.merged(UNTOUCHED):
            assert torch.equal(adapted.encode(batch), untouched)
        with adapted.role(None):
            assert torch.allclose(adapted.encode(batch), expected, atol=1e-5)


def test_an_error_while_merged_puts_the_weights_back(adapted: Backbone) -> None:
    before = {key: value.clone() for key, value in adapted.model.state_dict().items()}
    with pytest.raises(RuntimeError, match="in the middle"), adapted.merged("policy"):
        raise RuntimeError("in the middle")
    after = adapted.model.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


@pytest.mark.parametrize("pass_tokens", [1, 6, 1200])
def test_the_samplers_logprobs_are_the_trainers(
    adapted: Backbone, monkeypatch: pytest.MonkeyPatch, pass_tokens: int
) -> None:
    """However many prompts are read in one pass."""
    monkeypatch.setattr("suasion.policy.generate.PASS_TOKENS", pass_tokens)
    groups = sample(adapted, "policy", PROMPTS, CONFIG, seed=1, copies=16)
    lengths = {len(one.tokens) for group in groups for one in group}
    assert len(lengths) > 2, "rows must end at different times for this test to say anything"
    for prompt, group in zip(PROMPTS, groups, strict=True):
        with torch.no_grad(), adapted.role("policy"):
            batch = lay_out([branch(prompt, [one.tokens for one in group])])
            expected, _ = token_logprobs(adapted, batch, CONFIG.temperature)
        found = torch.tensor([log for one in group for log in one.logprobs])
        assert torch.allclose(found, expected, atol=1e-4)


def test_a_reply_ends_with_the_end_token_or_was_cut_off(adapted: Backbone) -> None:
    replies = [one for group in sample(adapted, "policy", PROMPTS, CONFIG, 3, copies=16) for one in group]
    assert {one.truncated for one in replies} == {True, False}
    for one in replies:
        assert adapted.end not in one.tokens[:-1]
        assert one.truncated == (one.tokens[-1] != adapted.end)
        assert len(one.tokens) <= CONFIG.max_new_tokens
        assert not one.truncated or len(one.tokens) == CONFIG.max_new_tokens


def test_the_seed_decides(adapted: Backbone) -> None:
    first, again, other = (sample(adapted, None, PROMPTS, CONFIG, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_a_name_decides_whatever_else_is_in_the_batch(adapted: Backbone) -> None:
    names = ["a", "b", "c"]
    together = sample(adapted, None, PROMPTS, CONFIG, 1, copies=2, names=names)
    alone = [
        sample(adapted, None, [p], CONFIG, 1, copies=2, names=[n])[0]
        for p, n in zip(PROMPTS, names, strict=True)
    ]
    assert [[s.tokens for s in group] for group in together] == [[s.tokens for s in group] for group in alone]
    twice = sample(adapted, None, [PROMPTS[0], PROMPTS[0]], CONFIG, 1, names=["a", "a"])
    assert twice[0] != twice[1], "one name twice is two prompts"


def test_a_policy_that_hardly_differs_mostly_says_the_same(backbone: Backbone) -> None:
    """A nudge moves few tokens where the dice are shared, and most where they are not."""
    backbone.add_adapter("policy")
    for key, parameter in backbone.adapter("policy").items():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.003)
    prompts = [[5, first, second] for first in range(20, 28) for second in range(20, 28)]
    before = sample(backbone, None, prompts, CONFIG, 1)
    nudged, other = (sample(backbone, "policy", prompts, CONFIG, seed) for seed in (1, 2))

    def the_same(after: list[list[Sample]]) -> int:
        return sum(a[0].tokens[:4] == b[0].tokens[:4] for a, b in zip(before, after, strict=True))

    assert the_same(nudged) > 32 > 8 > the_same(other)


def test_tokens_come_as_often_as_their_probabilities_say() -> None:
    """In a vocabulary of three blocks, one of them impossible and the last not full."""
    probabilities = torch.zeros(2 * BLOCK + 50)
    likely = [0, 3, BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 7]
    probabilities[likely] = torch.tensor([0.3, 0.2, 0.1, 0.15, 0.25])
    rows = probabilities.log().expand(20_000, -1)
    drawn, logs = draw(rows + 3, torch.rand(len(rows), 1, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(logs, rows.gather(1, drawn), atol=1e-5)
    shares = torch.bincount(drawn[:, 0], minlength=len(probabilities)) / len(rows)
    assert torch.allclose(shares, probabilities, atol=0.02)
    assert sorted(set(drawn[:, 0].tolist())) == likely, "nothing else was possible"
