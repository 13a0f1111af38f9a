"""PPO's mathematics against tables worked out by hand."""

import pytest
import torch

from suasion import gae
from suasion.training.ppo import (
    adapt_kl,
    centre,
    explained_variance,
    group_normalise,
    kl_estimate,
    normalise,
    policy_loss,
    value_loss,
)


def test_gae_by_hand() -> None:
    # gamma 0.9, lambda 0.5, V = (1, 2, 3), r = (0, 0, 10): deltas 0.8, 0.7, 7 from the front
    found = gae(torch.tensor([[0.0, 0, 10]]), torch.tensor([[1.0, 2, 3]]), torch.ones(1, 3), 0.9, 0.5)
    last, middle = 7.0, 0.7 + 0.45 * 7.0
    assert found[0].tolist() == pytest.approx([0.8 + 0.45 * middle, middle, last])


def test_gae_steps_over_the_counterpart() -> None:
    # gamma 0.9, lambda 0.5, V = (1, 2, 3), r = (0, 0, 10): deltas 0.8, 0.7, 7
    mask = torch.tensor([[1] * 5 + [0] * 100 + [1] * 5])
    rewards = torch.zeros(1, 110)
    rewards[0, -1] = 1.0
    found = gae(rewards, torch.full((1, 110), 0.5), mask, 1.0, 0.95)
    assert float(found[0, 4]) == pytest.approx(0.387, abs=5e-4)
    assert float(found[0, 5:105].abs().max()) == 0.0


def test_gae_does_not_see_masked_values() -> None:
    mask = torch.tensor([[1, 0, 1]])
    rewards = torch.tensor([[0.0, 0, 1]])
    one = gae(rewards, torch.tensor([[0.5, 99.0, 0.5]]), mask, 1.0, 0.9)
    other = gae(rewards, torch.tensor([[0.5, -99.0, 0.5]]), mask, 1.0, 0.9)
    assert torch.equal(one, other)


def test_gae_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(B, T\)"):
        gae(torch.zeros(3), torch.zeros(3), torch.ones(3), 1.0, 1.0)


def test_policy_loss_clips_on_the_greedy_side_only() -> None:
    new = torch.log(torch.tensor([1.5, 0.5, 1.5, 1.0]))
    loss, clipped = policy_loss(new, torch.zeros(4), torch.tensor([1.0, -1.0, -1.0, 2.0]), 0.2)
    assert loss.tolist() == pytest.approx([-1.2, 0.8, 1.5, -2.0])
    assert clipped.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_value_loss_is_pessimistic() -> None:
    loss = value_loss(torch.tensor([2.0]), torch.tensor([0.0]), torch.tensor([2.0]), 0.5)
    assert float(loss) == pytest.approx(0.5 * 1.5**2)  # the clipped value 0.5 is 1.5 away


def test_kl_is_zero_at_equality_and_positive_elsewhere() -> None:
    found = kl_estimate(torch.tensor([-1.0, -1.0, -1.0]), torch.tensor([-1.0, -2.0, -0.5]))
    assert float(found[0]) == 0.0
    assert float(found[1:].min()) > 0.0


def test_advantages_are_normalised_over_valid_tokens() -> None:
    mask = torch.tensor([[True, True, False]])
    found = normalise(torch.tensor([[1.0, 3.0, 1000.0]]), mask)
    assert found[0].tolist() == pytest.approx([-1.0, 1.0, 0.0])


def test_advantages_are_centred_over_the_replies_to_a_context() -> None:
    # two contexts of two replies: means (1, 3) -> 2 off; (10) alone, as its neighbour has no valid token
    found = centre(
        torch.tensor([[1.0, 1, 9], [3, 9, 9], [8, 12, 9], [99, 99, 99]]),
        torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]]).bool(),
        2,
    )
    assert found.tolist() == [[-1, -1, 0], [1, 0, 0], [-2, 2, 0], [0, 0, 0]]


def test_explained_variance() -> None:
    returns = torch.tensor([0.0, 2.0])
    assert explained_variance(returns, returns) == 1.0
    assert explained_variance(torch.ones(2), returns) == pytest.approx(0.0)
    assert explained_variance(torch.zeros(2), torch.ones(2)) == 0.0


@pytest.mark.parametrize(
    ("weight", "kl", "after"),
    [
        (0.1, 1.0, 0.1),  # at the target of 1
        (0.1, 1.4, 0.12),  # 40 % above: 20 % more
        (0.1, 9.0, 0.15),  # far above: half as much again and no more
        (0.8, 0.5, 0.6),  # half of it: a quarter less
        (0.15, 0.1, 0.1),  # but never below the configured 0.1
        (1.5, 9.0, 1.6),  # nor above 16 times that
    ],
)
def test_the_weight_of_the_kl_follows_it(weight: float, kl: float, after: float) -> None:
    assert adapt_kl(weight, kl, target=1.0, least=0.1) == pytest.approx(after)


def test_group_normalise_by_hand() -> None:
    # two contexts with two replies each; the second reply to the second has no reward
    returns = torch.tensor([[3.0, 3.0], [1.0, 0.0], [5.0, 5.0], [9.0, 9.0]])
    mask = torch.tensor([[1, 1], [1, 0], [1, 1], [0, 0]]).bool()
    found = group_normalise(returns, mask, copies=2)
    # first context: mean 2, spread 1; second: one reply only, which has nothing to be compared with
    expected = torch.tensor([[1.0, 1.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert torch.allclose(found, expected, atol=1e-3)


def test_a_kl_that_only_scatters_about_its_target_does_not_wind_the_weight_up() -> None:
    weight = 0.2
    for step in range(100):
        weight = adapt_kl(weight, 0.7 if step % 2 else 0.3, target=0.5, least=0.1)
    assert weight <= 0.2
