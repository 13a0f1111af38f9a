"""Sampled replies with everything that an update needs: tokens, log-probabilities, values, rewards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from suasion.config import GenerationConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.generate import Sample, sample
from suasion.policy.heads import Reader, remember
from suasion.policy.model import Backbone
from suasion.policy.trees import Tree, TreeBatch, batches, branch
from suasion.rewards.suite import Reading, RewardSuite

PHASES = ("generate", "reference", "rewards", "values")


@dataclass(frozen=True, slots=True)
class Experience:
    """A batch of replies to contexts, R rows in the order context by context.

    old, reference, values: (R, T) with T the longest reply; mask: (R, T) true on reply tokens.
    states: (R, T, H) in which the frozen model chooses each of them, 0 elsewhere.
    old: log-probabilities as the sampler had them, so no pass of its own is spent on them.
    totals: (R,) R_total; kept: (R,) false for a reply that has none and teaches nothing.
    trees: one a context, its branches being the rows in order.
    seconds: of generation, of the reference's pass, of the rewards and of the values.
    """

    trees: tuple[Tree, ...]
    samples: tuple[Sample, ...]
    readings: tuple[Reading, ...]
    dialogues: tuple[Dialogue, ...]
    mask: Tensor
    old: Tensor
    reference: Tensor
    states: Tensor
    values: Tensor
    totals: Tensor
    kept: Tensor
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def copies(self) -> int:
        """Replies to each context."""
        return len(self.samples) // len(self.trees)


def collect(
    backbone: Backbone,
    contexts: Sequence[Dialogue],
    copies: int,
    pack: Pack,
    suite: RewardSuite,
    value: Reader | None,
    generation: GenerationConfig,
    policy: str,
    seed: int,
    budget: int,
    use: str = "r_total",
) -> Experience:
    """Sample `copies` replies to each context with the policy role, and read them as `assess` does."""
    start = perf_counter()
    prompts = [backbone.context(context, pack) for context in contexts]
    groups = sample(backbone, policy, prompts, generation, seed, copies)
    took = perf_counter() - start
    return assess(backbone, contexts, groups, pack, suite, value, generation.temperature, budget, use, took)


def assess(
    backbone: Backbone,
    contexts: Sequence[Dialogue],
    groups: Sequence[Sequence[Sample]],
    pack: Pack,
    suite: RewardSuite,
    value: Reader | None,
    temperature: float,
    budget: int,
    use: str = "r_total",
    took: float = 0.0,
) -> Experience:
    """Score the sampled replies to each context, as many to each, and read reference and value.

    The reference is the model without the policy's adapter; without `value` the values are 0; `use` names the
    Reading's field that is the reward; `took` are the seconds that writing took.
    """
    clock = [perf_counter() - took, perf_counter()]
    prompts = [backbone.context(context, pack) for context in contexts]
    copies = len(groups[0])
    samples = [one for group in groups for one in group]
    dialogues = [c.with_reply(s.text) for c, group in zip(contexts, groups, strict=True) for s in group]
    scored = suite.begin(dialogues)  # a judge at an address answers while the reference reads
    trees = [branch(p, [s.tokens for s in group]) for p, group in zip(prompts, groups, strict=True)]
    width = max(len(s.tokens) for s in samples)
    mask = torch.tensor([[t < len(s.tokens) for t in range(width)] for s in samples])
    read = _Reader(backbone, trees, copies, width, budget, temperature)
    reference, states = read.reference()  # first: RM and judge may read the same states
    clock.append(perf_counter())
    readings = scored()
    clock.append(perf_counter())
    values = read.values(value, states) if value else torch.zeros(mask.shape)
    clock.append(perf_counter())
    rewards = [getattr(reading, use) for reading in readings]
    return Experience(
        trees=tuple(trees),
        samples=tuple(samples),
        readings=tuple(readings),
        dialogues=tuple(dialogues),
        mask=mask,
        old=torch.tensor([[*s.logprobs, *[0.0] * (width - len(s.tokens))] for s in samples]),
        reference=reference,
        states=states,
        values=values,
        totals=torch.tensor([0.0 if reward is None else float(reward) for reward in rewards]),
        kept=torch.tensor([reward is not None for reward in rewards]),
        seconds={name: after - before for name, (before, after) in zip(PHASES, pairwise(clock), strict=True)},
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    backbone: Backbone
    trees: Sequence[Tree]
    copies: int
    width: int
    budget: int
    temperature: float

    @torch.no_grad()
    def reference(self) -> tuple[Tensor, Tensor]:
        """Log-probabilities and states of the model without an adapter, by which other roles read too."""
        shape = (len(self.trees) * self.copies, self.width)
        out, states = torch.zeros(shape), torch.zeros(*shape, self.backbone.hidden_size)
        self.backbone.known_replies.clear()
        with self.backbone.role(None):
            for indices, batch in batches(self.trees, self.budget):
                hidden = self.backbone.encode(batch)
                remember(self.backbone, [self.trees[index] for index in indices], hidden, batch)
                found, _ = logprobs_of(self.backbone, hidden, batch, self.temperature)
                self._spread(out, indices, batch, found)
                self._spread(states, indices, batch, choosing_states(hidden, batch).float())
        return out, states

    @torch.no_grad()
    def values(self, role: Reader, states: Tensor) -> Tensor:
        """Values, from the frozen model's states where the role has no adapter of its own: (R, T)."""
        if role.role is None:
            return role.read(states.to(self.backbone.device))[..., 0].cpu()
        out = torch.zeros(len(self.trees) * self.copies, self.width)
        with self.backbone.role(role.name):
            for indices, batch in batches(self.trees, self.budget):
                self._spread(out, indices, batch, state_values(role, self.backbone, batch))
        return out

    def _spread(self, out: Tensor, indices: list[int], batch: TreeBatch, found: Tensor) -> None:
        """What the batch's reply tokens have, in order, into the rows of their replies."""
        start = 0
        for index, spans in zip(indices, batch.spans, strict=True):
            for number, span in enumerate(spans[1:]):
                out[index * self.copies + number, : len(span)] = found[start : start + len(span)].cpu()
                start += len(span)


def reply_places(batch: TreeBatch) -> tuple[Tensor, Tensor]:
    """Rows and columns of all reply tokens, tree by tree and branch by branch: (N,), (N,)."""
    pairs = [(row, t) for row, spans in enumerate(batch.spans) for span in spans[1:] for t in span]
    rows, columns = zip(*pairs, strict=True)
    return torch.tensor(rows), torch.tensor(columns)


def token_logprobs(backbone: Backbone, batch: TreeBatch, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probability of each reply token at the sampling temperature, and the entropy there: (N,), (N,)."""
    return logprobs_of(backbone, backbone.encode(batch), batch, temperature)


def logprobs_of(
    backbone: Backbone, hidden: Tensor, batch: TreeBatch, temperature: float
) -> tuple[Tensor, Tensor]:
    """The same from the batch's hidden states (B, T, H)."""
    logs = choices(backbone, choosing_states(hidden, batch), temperature)
    return chosen(logs, batch), entropies(logs)


def choices(backbone: Backbone, states: Tensor, temperature: float) -> Tensor:
    """Log-probabilities over the vocabulary in the states in which tokens are chosen: (N, H) -> (N, V)."""
    return torch.log_softmax(backbone.project(states) / temperature, dim=-1)


def chosen(logs: Tensor, batch: TreeBatch) -> Tensor:
    """Of log-probabilities (N, V) those of the batch's reply tokens: (N,)."""
    tokens = batch.input_ids[reply_places(batch)].to(logs.device)
    return logs.gather(1, tokens[:, None]).squeeze(1)


def entropies(logs: Tensor) -> Tensor:
    """Of each next token: (N, V) -> (N,)."""

    def entropy(logs: Tensor) -> Tensor:
        return -(logs.exp() * logs).sum(-1)

    return _recomputed(entropy, logs)


def divergences(backbone: Backbone, logs: Tensor, reference: Tensor, temperature: float) -> Tensor:
    """KL of each next token to the frozen model's, which chooses in the states `reference` (N, H): (N,)."""

    def divergence(logs: Tensor) -> Tensor:
        return (logs.exp() * (logs - choices(backbone, reference, temperature))).sum(-1)

    return _recomputed(divergence, logs)


def _recomputed(function: Callable[[Tensor], Tensor], logs: Tensor) -> Tensor:
    """What is as large as the vocabulary on the way is not kept for the gradient."""
    found: Tensor = checkpoint(function, logs, use_reentrant=False)
    return found


def choosing_states(hidden: Tensor, batch: TreeBatch) -> Tensor:
    """Of hidden states (B, T, H) those in which each reply token is chosen: (N, H)."""
    rows, columns = reply_places(batch)
    return hidden[rows, batch.predecessor[rows, columns]]


def state_values(role: Reader, backbone: Backbone, batch: TreeBatch) -> Tensor:
    """Value of the state in which each reply token is chosen: (N,)."""
    return role.read(choosing_states(backbone.encode(batch), batch)).squeeze(-1)
