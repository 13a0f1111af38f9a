"""A head is fitted on fixed states before any adapter is trained: convex, exact, and forward passes only.

Linear probing first, fine-tuning after (Kumar et al. 2022, arXiv 2202.10054): what the frozen model knows
already is not unlearned by the first steps of a head that knows nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

LEAST_SPREAD = 1e-3  # of a state's number: below it there is nothing to standardise
ITERATIONS = 300


def fit_head(head: nn.Linear, states: Tensor, loss: Callable[[Tensor], Tensor], decay: float) -> float:
    """Set weight and bias of `head` to the minimum of loss + decay x |weight|^2 on standardised states.

    Args:
        states: (N, F), fixed.
        loss: of the head's outputs (N, C), convex.
        decay: of the weights as they stand on states of mean 0 and spread 1.

    Returns the loss at the minimum, without the penalty.
    """
    mean, spread = states.mean(0), states.std(0, unbiased=False).clamp(min=LEAST_SPREAD)
    rows = (states - mean) / spread
    weight = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        value = loss(nn.functional.linear(rows, weight, bias)) + decay * weight.square().sum()
        value.backward()
        return float(value.detach())

    optimizer.step(closure)
    with torch.no_grad():
        head.weight.copy_(weight / spread)
        head.bias.copy_(bias - (weight / spread) @ mean)
        return float(loss(nn.functional.linear(states, head.weight, head.bias)))
