"""Gradients of policy and value on a batch of experience, in micro-batches by tokens.

Losses are means over all valid tokens of the minibatch, whatever the micro-batches.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from suasion.config import TrainingConfig
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.policy.trees import TreeBatch, batches
from suasion.running.processes import ALONE, Team
from suasion.training.experience import (
    Experience,
    choices,
    choosing_states,
    chosen,
    divergences,
    entropies,
    state_values,
)
from suasion.training.ppo import policy_loss, value_loss
from suasion.training.value_head import Ridge

Notes = dict[str, float]
SEEN = ("policy_loss", "clip_fraction", "entropy", "sampler_gap")


@dataclass(frozen=True, slots=True)
class Minibatch:
    """Some contexts of a batch with all their replies, and what the update aims at.

    Of a team each process has the whole of it, and takes the gradient of its share of the contexts.

    advantages, returns, valid: (R, T) over the whole batch, as in Experience; valid is false on tokens of
    replies that have no reward.
    kl: weight of the KL in the loss; 0 where it is in the rewards.
    """

    batch: Experience
    contexts: tuple[int, ...]
    advantages: Tensor
    returns: Tensor
    valid: Tensor
    team: Team = ALONE
    kl: float = 0.0

    @property
    def count(self) -> int:
        """Valid tokens, at least 1."""
        return max(1, sum(int(self.valid[row].sum()) for row in self._rows(self.contexts)))

    def _rows(self, contexts: tuple[int, ...] | list[int]) -> list[int]:
        copies = len(self.batch.samples) // len(self.batch.trees)
        return [context * copies + copy for context in contexts for copy in range(copies)]

    def layouts(self, budget: int) -> Iterator[tuple[TreeBatch, Tensor, tuple[Tensor, Tensor]]]:
        """Of this process's share: layouts, which of their reply tokens are valid (N,), where in (R, T)."""
        mask, mine = self.batch.mask, self.team.share(self.contexts)
        for indices, layout in batches([self.batch.trees[i] for i in mine], budget):
            rows = self._rows([mine[index] for index in indices])
            line, column = mask[rows].nonzero(as_tuple=True)
            line = torch.tensor(rows)[line]
            on = self.valid[line, column]
            yield layout, on, (line[on], column[on])


def policy_gradient(
    backbone: Backbone, role: str, part: Minibatch, settings: TrainingConfig, temperature: float, budget: int
) -> Notes:
    """Accumulate the gradient of PPO's clipped loss, of the entropy bonus, and of the KL where it is in the
    loss, in the adapter `role`.

    Returns what was seen of this process's share, per valid token of all; `token_kl` is the KL as this
    minibatch met it, which is after the optimizer steps of those before it.
    """
    sums: Notes = dict.fromkeys((*SEEN, "token_kl") if part.kl else SEEN, 0.0)
    with backbone.role(role, train=True):
        for layout, on, take in part.layouts(budget):
            states = choosing_states(backbone.encode(layout), layout)
            logs = choices(backbone, states, temperature)
            new, entropy = chosen(logs, layout).cpu()[on], entropies(logs).cpu()[on]
            old = part.batch.old[take]
            loss, clipped = policy_loss(new, old, part.advantages[take], settings.clip)
            whole = loss - settings.entropy * entropy if settings.entropy else loss
            if part.kl:
                reference = torch.zeros_like(states, dtype=torch.float32)
                reference[on] = part.batch.states[take].to(reference.device)
                kl = divergences(backbone, logs, reference, temperature).cpu()[on]
                whole = whole + part.kl * kl
                sums["token_kl"] += float(kl.detach().sum())
            (whole.sum() / part.count).backward()
            sums["policy_loss"] += float(loss.detach().sum())
            sums["clip_fraction"] += float(clipped.sum())
            sums["entropy"] += float(entropy.detach().sum())
            sums["sampler_gap"] += float((new.detach() - old).abs().sum())
    return {key: value / part.count for key, value in sums.items()}


def fit_value(value: Reader, ridge: Ridge, whole: Minibatch) -> Notes:
    """Set the value head by least squares on the frozen model's states, of this batch and those before."""
    batch, valid = whole.batch, whole.valid
    ridge.add(batch.states[valid], whole.returns[valid])
    ridge.solve(value.head)
    new = value.read(batch.states[valid].to(value.backbone.device))[:, 0].detach().cpu()
    return {"value_loss": float(0.5 * (new - whole.returns[valid]).square().mean())}


def value_gradient(value: Reader, part: Minibatch, settings: TrainingConfig, budget: int) -> Notes:
    """Accumulate the gradient of the clipped value loss in the value role."""
    total = 0.0
    with value.backbone.role(value.role, train=True):
        for layout, on, take in part.layouts(budget):
            new = state_values(value, value.backbone, layout).cpu()[on]
            loss = value_loss(new, part.batch.values[take], part.returns[take], settings.value_clip)
            (loss.sum() / part.count).backward()
            total += float(loss.detach().sum())
    return {"value_loss": total / part.count}
