"""The update by the same reckoning whatever the micro-batches; and the value model warms up alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from suasion.config import TrainingConfig
from suasion.policy.generate import Sample
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.policy.trees import branch, lay_out
from suasion.training.experience import Experience, choosing_states, token_logprobs
from suasion.training.update import Minibatch, fit_value, policy_gradient, value_gradient
from suasion.training.value_head import Ridge

PROMPTS = [[5, 6, 7], [8, 9, 10, 11, 12], [13, 14]]
REPLIES = [[[20, 21, 2], [22, 2]], [[23, 24, 25, 26, 2], [27, 2]], [[28, 29, 2], [30, 31, 32, 2]]]
TEMPERATURE = 0.7


@pytest.fixture
def adapted(another: Callable[[], Backbone]) -> Backbone:
    found = another()
    found.add_adapter("policy")
    for key, parameter in found.adapter("policy").items():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.1)
    return found


def experience(backbone: Backbone) -> Experience:
    trees = tuple(branch(prompt, replies) for prompt, replies in zip(PROMPTS, REPLIES, strict=True))
    rows = [reply for replies in REPLIES for reply in replies]
    width = max(map(len, rows))
    mask = torch.tensor([[t < len(row) for t in range(width)] for row in rows])
    old = torch.zeros(mask.shape)
    with torch.no_grad(), backbone.role("policy"):
        for index, row in enumerate(rows):
            logs, _ = token_logprobs(backbone, lay_out([branch(PROMPTS[index // 2], [row])]), TEMPERATURE)
            old[index, : len(row)] = logs
    samples = tuple(Sample(tuple(row), (), "", False) for row in rows)
    kept = torch.tensor([True, True, True, False, True, True])
    zeros = torch.zeros(mask.shape)
    states = torch.zeros(*mask.shape, backbone.hidden_size)
    return Experience(trees, samples, (), (), mask, old, old, states, zeros, torch.zeros(len(rows)), kept)


def with_states(batch: Experience, backbone: Backbone) -> Experience:
    """The same with the states of the model without its policy."""
    states = torch.zeros_like(batch.states)
    with torch.no_grad(), backbone.role(None):
        for index, sample in enumerate(batch.samples):
            layout = lay_out([branch(PROMPTS[index // 2], [sample.tokens])])
            states[index, : len(sample.tokens)] = choosing_states(backbone.encode(layout), layout)
    return replace(batch, states=states)


def minibatch(batch: Experience, contexts: tuple[int, ...] = (0, 1, 2)) -> Minibatch:
    drawn = torch.Generator().manual_seed(3)
    advantages, returns = (torch.randn(batch.mask.shape, generator=drawn) for _ in range(2))
    return Minibatch(batch, contexts, advantages, returns, batch.mask & batch.kept[:, None])


def gradients(backbone: Backbone, part: Minibatch, budget: int, entropy: float = 0.0) -> list[torch.Tensor]:
    parameters = list(backbone.adapter("policy").values())
    for parameter in parameters:
        parameter.grad = None
    policy_gradient(backbone, "policy", part, TrainingConfig(entropy=entropy), TEMPERATURE, budget)
    return [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]


def test_micro_batches_and_order_do_not_change_the_update(adapted: Backbone) -> None:
    batch = experience(adapted)
    whole = gradients(adapted, minibatch(batch), 10_000)
    assert any(float(gradient.abs().max()) > 1e-4 for gradient in whole)
    for part, budget in (
        (minibatch(batch), 1),
        (minibatch(batch), 20),
        (minibatch(batch, (2, 0, 1)), 20),
    ):
        for one, other in zip(whole, gradients(adapted, part, budget), strict=True):
            assert torch.allclose(one, other, atol=1e-6)


def test_it_is_the_policy_gradient_written_out(adapted: Backbone) -> None:
    """At ratio 1 the gradient is that of -mean(advantage x log-probability) over the valid tokens."""
    batch = experience(adapted)
    part = minibatch(batch)
    found = gradients(adapted, part, 10_000)
    parameters = list(adapted.adapter("policy").values())
    total = torch.zeros(())
    with adapted.role("policy", train=True):
        for index, row in enumerate(row for replies in REPLIES for row in replies):
            if bool(batch.kept[index]):
                logs, _ = token_logprobs(adapted, lay_out([branch(PROMPTS[index // 2], [row])]), TEMPERATURE)
                total = total - (part.advantages[index, : len(row)] * logs).sum()
        expected = torch.autograd.grad(total / part.count, parameters)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_entropy_bonus_is_the_gradient_of_the_mean_entropy(adapted: Backbone) -> None:
    """Of the whole distribution that each reply token is sampled from, at the sampling temperature."""
    batch = experience(adapted)
    part = minibatch(batch)
    without, found = gradients(adapted, part, 20), gradients(adapted, part, 20, entropy=0.5)
    total = torch.zeros(())
    with adapted.role("policy", train=True):
        for index, row in enumerate(row for replies in REPLIES for row in replies):
            if bool(batch.kept[index]):
                layout = lay_out([branch(PROMPTS[index // 2], [row])])
                logits = adapted.project(choosing_states(adapted.encode(layout), layout)) / TEMPERATURE
                total = total + torch.distributions.Categorical(logits=logits).entropy().sum()
        expected = torch.autograd.grad(-0.5 * total / part.count, list(adapted.adapter("policy").values()))
    assert max(float(gradient.abs().max()) for gradient in expected) > 1e-4
    for one, other, bonus in zip(without, found, expected, strict=True):
        assert torch.allclose(other - one, bonus, atol=1e-5)


def test_a_dropped_reply_has_no_gradient_and_is_not_counted(adapted: Backbone) -> None:
    batch = experience(adapted)
    part = minibatch(batch)
    changed = minibatch(batch)
    changed.advantages[3] = 1e6
    assert part.count == int(batch.mask.sum()) - 2
    for one, other in zip(gradients(adapted, part, 10_000), gradients(adapted, changed, 10_000), strict=True):
        assert torch.equal(one, other)


def test_the_value_learns_its_returns(adapted: Backbone) -> None:
    batch = experience(adapted)
    value, part = Reader(adapted, "value"), minibatch(batch)
    optimizer = torch.optim.Adam(value.parameters(), 1e-2)
    settings, losses = TrainingConfig(value_clip=100.0), []
    for _ in range(60):
        losses.append(value_gradient(value, part, settings, 20)["value_loss"])
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < 0.2 * losses[0]


def test_a_warm_up_sets_the_value_to_what_the_states_tell_of_the_returns(adapted: Backbone) -> None:
    """And read with the value's adapter, which has no effect yet, they say the same."""
    value, part = Reader(adapted, "value"), minibatch(with_states(experience(adapted), adapted))
    before = value_gradient(value, part, TrainingConfig(value_clip=100.0), 20)["value_loss"]
    close, flat = (
        fit_value(value, Ridge(adapted.hidden_size, decay, 1.0), part)["value_loss"] for decay in (1e-6, 1e6)
    )
    fit_value(value, Ridge(adapted.hidden_size, 1e-6, 1.0), part)
    read = value_gradient(value, part, TrainingConfig(value_clip=100.0), 20)["value_loss"]
    assert close < 0.05 * before
    assert read == pytest.approx(close, abs=1e-3)
    valid = part.returns[part.valid]
    assert flat == pytest.approx(float(0.5 * valid.var(unbiased=False)), rel=1e-2)  # the mean is left
