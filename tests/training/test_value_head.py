"""Ridge regression from moments is the ridge regression of the textbook, over everything that was added."""

import pytest
import torch
from torch import nn

from suasion.training.value_head import Ridge


def data(seed: int, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    states = torch.randn(rows, 3, generator=drawn) * torch.tensor([1.0, 20.0, 0.1]) + 5
    return states, states @ torch.tensor([1.0, -0.5, 8.0]) + 3 + torch.randn(rows, generator=drawn)


def written_out(states: torch.Tensor, targets: torch.Tensor, decay: float) -> torch.Tensor:
    """Predictions of ridge regression on standardised states, by its normal equations."""
    states, targets = states.double(), targets.double()
    mean, spread = states.mean(0), states.std(0, unbiased=False)
    rows = (states - mean) / spread
    weight = torch.linalg.solve(
        rows.T @ rows / len(rows) + decay * torch.eye(3), rows.T @ (targets - targets.mean()) / len(rows)
    )
    return rows @ weight + targets.mean()


@pytest.mark.parametrize("decay", [0.01, 1.0])
def test_it_is_the_textbooks(decay: float) -> None:
    states, targets = data(1, 40)
    ridge, head = Ridge(3, decay, memory=1.0), nn.Linear(3, 1)
    for part in (slice(0, 11), slice(11, 40)):  # in any parts
        ridge.add(states[part], targets[part])
    ridge.solve(head)
    expected = written_out(states, targets, decay)
    assert torch.allclose(head(states)[:, 0].double(), expected, atol=1e-3)


def test_older_returns_fade() -> None:
    ridge, head = Ridge(3, 0.01, memory=0.1), nn.Linear(3, 1)
    states, targets = data(1, 200)
    for sign in (1, 1, -1, -1, -1):
        ridge.add(states, sign * targets)
    ridge.solve(head)
    assert torch.allclose(head(states)[:, 0], -targets, atol=0.2 * float(targets.abs().max()))


def test_nothing_seen_changes_nothing_and_a_constant_state_is_harmless() -> None:
    ridge, head = Ridge(2, 0.1, memory=1.0), nn.Linear(2, 1)
    before = head.weight.clone()
    ridge.solve(head)
    assert torch.equal(head.weight, before)
    ridge.add(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([2.0, 4.0]))
    ridge.solve(head)
    assert torch.isfinite(head.weight).all()
    assert head(torch.tensor([[1.0, 0.5]])).item() == pytest.approx(3.0, abs=1e-4)
