"""The RL methods as rows of one table: which reward is paid, and what a reply is compared with.

The loop, the update and the adapters are the same for all of them, so that what differs is what the row says.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from suasion.config import TrainingConfig
from suasion.training.ppo import centre, gae, group_normalise, normalise


@dataclass(frozen=True, slots=True)
class Method:
    """reward: the field of a Reading that is paid; critic: whether a value model learns what to expect."""

    reward: str
    critic: bool


METHODS = {
    "repo": Method(reward="r_total", critic=True),
    "repo-group": Method(reward="r_total", critic=False),
    "ppo": Method(reward="r_model", critic=True),
    "grpo": Method(reward="r_model", critic=False),
}


def ahead(prospects: Sequence[Sequence[float]], totals: Tensor) -> Tensor:
    """By how much each reply's prospect is above the mean of those to its context: (R,), 0 where it has none.

    The outcome term of a reply: a context in which everything is won, or lost, whatever is said pays nothing.
    """
    found = torch.zeros_like(totals)
    gaps = [value - statistics.mean(group) for group in prospects for value in group]
    found[: len(gaps)] = torch.tensor(gaps, dtype=totals.dtype)
    return found


class Episodes(Protocol):
    """What is paid as one: replies (Experience), or negotiations with the agent's tokens in a row.

    old, reference, values, mask: (B, T); totals, kept: (B,); rows are `copies` of each start, in order.
    """

    @property
    def old(self) -> Tensor: ...
    @property
    def reference(self) -> Tensor: ...
    @property
    def values(self) -> Tensor: ...
    @property
    def mask(self) -> Tensor: ...
    @property
    def totals(self) -> Tensor: ...
    @property
    def kept(self) -> Tensor: ...
    @property
    def copies(self) -> int: ...


def advantages(
    batch: Episodes, settings: TrainingConfig, kl: float, warming_up: bool = False
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, (B, T): the reward at the last token of an episode, the KL at every one.

    With a critic by GAE, normalised over the batch; a value model that warms up gets the plain sums of
    rewards, since its own values say nothing yet. Without one the other replies to the same context are what
    a reply is compared with (GRPO, arXiv 2402.03300).
    """
    rewards = -kl * (batch.old - batch.reference) * batch.mask
    last = batch.mask.sum(1) - 1
    rewards[torch.arange(len(last)), last] += batch.totals
    valid = batch.mask & batch.kept[:, None]
    copies = batch.copies
    if not METHODS[settings.method].critic:
        returns = gae(rewards, torch.zeros_like(rewards), batch.mask, settings.gamma, 1.0)
        return group_normalise(returns, valid, copies), returns
    lam = 1.0 if warming_up else settings.lam
    raw = gae(rewards, batch.values, batch.mask, settings.gamma, lam)
    centred = centre(raw, valid, copies) if settings.centring == "context" and copies > 1 else raw
    return normalise(centred, valid), raw + batch.values
