"""The value head by least squares: exact on what was seen, older returns fading as the policy moves on."""

import torch
from torch import Tensor, nn

LEAST_SPREAD = 1e-6  # variance of a state's number below which it says nothing


class Ridge:
    """Ridge regression from second moments, which are all that is kept (recursive least squares).

    decay: of the weights, as they stand on states of mean 0 and spread 1, per sample.
    memory: weight of everything seen before, each time that something new is added; 1 forgets nothing.
    """

    def __init__(self, size: int, decay: float, memory: float) -> None:
        self.decay, self.memory = decay, memory
        self.moments = torch.zeros(size + 2, size + 2, dtype=torch.float64)  # of rows (state, 1, target)

    def add(self, states: Tensor, targets: Tensor) -> None:
        """Take in states (N, F) and what should have been read off them (N,)."""
        ones = torch.ones(len(states), 1, dtype=torch.float64)
        rows = torch.cat([states.double().cpu(), ones, targets.double().cpu()[:, None]], dim=1)
        self.moments = self.memory * self.moments + rows.T @ rows

    def solve(self, head: nn.Linear) -> None:
        """Set weight (1, F) and bias of `head` to the minimum; nothing seen leaves it as it is."""
        count = self.moments[-2, -2]
        if count == 0:
            return
        means = self.moments[-2] / count
        spread = self.moments / count - torch.outer(means, means)
        covariance, together = spread[:-2, :-2], spread[:-2, -1]
        penalty = self.decay * covariance.diagonal().clamp(min=LEAST_SPREAD)
        weight = torch.linalg.solve(covariance + torch.diag(penalty), together)
        with torch.no_grad():
            head.weight.copy_(weight[None])
            head.bias.copy_(means[-1] - weight @ means[:-2])
