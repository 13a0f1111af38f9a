"""Trajectory credit: whole negotiations, each paid one number, at the last token that the agent said in it.

It is the mean of R_total over the replies that moved the negotiation, plus `training.outcome` times the
share of tickets won. A reply that moved nothing can only cost: a plain mean would pay for talking on wherever
the talk scores above the replies that matter.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor

from suasion.config import GenerationConfig, RunConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.credit import REPLIES, standing, worth
from suasion.counterpart.negotiations import is_over
from suasion.counterpart.simulate import MAX_REPLIES, begin, finish, managers, play_round
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.generate import Sample, sample
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import Experience, assess

Writer = Callable[[Sequence[Dialogue], int], Sequence[Sample]]  # contexts, number of the round


@dataclass(slots=True)
class Played:
    """A negotiation from the first word to the last.

    contexts, samples: what was answered, and how. moved: whether the reply, with what was answered to it,
    changed where the negotiation stands. won: share of the tickets; of the consent where there are none.
    """

    contexts: list[Dialogue] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    moved: list[bool] = field(default_factory=list)
    won: float = 0.0


def hold(
    backbone: Backbone,
    policy: str,
    pack: Pack,
    suite: RewardSuite,
    value: Reader | None,
    config: RunConfig,
    generation: GenerationConfig,
    step: int,
    copies: int,
    budget: int,
    use: str = "r_total",
) -> tuple[Experience, list[Played]]:
    """A step's negotiations, held by the policy to their end, and all their replies as one batch.

    As many briefs as make about `contexts_per_step` contexts; with each it negotiates `copies` times.
    `budget` and `use` are as `assess` has them.
    """
    start = perf_counter()

    def write(contexts: Sequence[Dialogue], number: int) -> list[Sample]:
        prompts = [backbone.context(context, pack) for context in contexts]
        seed = (config.seed * 7_919 + step) * MAX_REPLIES + number
        return [group[0] for group in sample(backbone, policy, prompts, generation, seed)]

    briefs = max(1, config.training.contexts_per_step // REPLIES)
    played = play(write, pack, config.seed, range(step * briefs, (step + 1) * briefs), copies)
    batch = assess(
        backbone,
        [context for story in played for context in story.contexts],
        [[one] for story in played for one in story.samples],
        pack,
        suite,
        value,
        generation.temperature,
        budget,
        use,
        perf_counter() - start,
    )
    return batch, played


def play(write: Writer, pack: Pack, seed: int, numbers: range, copies: int) -> list[Played]:
    """The training split's negotiations of these numbers, each `copies` times with the same counterpart.

    All are under way at once: `write` is asked once a round for a reply to each that is open.
    """
    hearing = load_hearing(pack)
    make = managers(pack, hearing)
    briefs = draw_briefs(pack, numbers.stop, seed, "train")
    under_way = [begin(briefs[number], seed, number, pack, make) for number in numbers for _ in range(copies)]
    played = [Played() for _ in under_way]
    for number in range(MAX_REPLIES):
        still_open = [pair for pair in zip(under_way, played, strict=True) if not is_over(pair[0])]
        if not still_open:
            break
        samples = write([one.dialogue for one, _ in still_open], number)
        for (one, story), reply in zip(still_open, samples, strict=True):
            before = standing(one.state)
            story.contexts.append(one.dialogue)
            story.samples.append(reply)
            play_round(one, reply.text, pack, hearing)
            story.moved.append(standing(one.state) != before)
    for one, story in zip(under_way, played, strict=True):
        outcome = finish(one, hearing).outcome
        assert outcome is not None
        story.won = statistics.mean(map(float, outcome.successes.values()))
    return played


@dataclass(frozen=True, slots=True)
class Trajectories:
    """A batch of replies as the negotiations that they belong to: N rows of L tokens, the agent's alone.

    The counterpart's tokens between them carry no action and are not there: GAE goes from the last token of
    a reply to the first of the next. owner: (R,) the negotiation of each reply; inside: (R, T), the mask of
    the batch.
    """

    old: Tensor
    reference: Tensor
    values: Tensor
    mask: Tensor
    totals: Tensor
    kept: Tensor
    copies: int
    owner: Tensor
    inside: Tensor

    @property
    def valid(self) -> Tensor:
        """Of the batch's tokens (R, T) those of negotiations that are paid."""
        return self.inside & self.kept[self.owner][:, None]

    def unfold(self, found: Tensor) -> Tensor:
        """(N, L) -> (R, T), 0 outside the replies."""
        out = torch.zeros(self.inside.shape, dtype=found.dtype)
        out[self.inside] = found[self.mask]
        return out


def fold(batch: Experience, played: Sequence[Played], copies: int, outcome: float) -> Trajectories:
    """The batch, whose rows are the replies of `played` in order, negotiation by negotiation."""
    owner = torch.tensor([number for number, story in enumerate(played) for _ in story.samples])
    lengths = torch.zeros(len(played), dtype=torch.long).index_add(0, owner, batch.mask.sum(1))
    mask = torch.arange(int(lengths.max()))[None] < lengths[:, None]
    totals = [float(total) if kept else None for total, kept in zip(batch.totals, batch.kept, strict=True)]
    paid, start = [], 0
    for story in played:
        mine = totals[start : start + len(story.samples)]
        paid.append(worth(mine, story.moved, story.won, outcome))
        start += len(story.samples)

    def folded(tokens: Tensor) -> Tensor:
        out = torch.zeros(mask.shape, dtype=tokens.dtype)
        out[mask] = tokens[batch.mask]
        return out

    return Trajectories(
        old=folded(batch.old),
        reference=folded(batch.reference),
        values=folded(batch.values),
        mask=mask,
        totals=torch.tensor([0.0 if one is None else one for one in paid]),
        kept=torch.tensor([one is not None for one in paid]),
        copies=copies,
        owner=owner,
        inside=batch.mask,
    )


def describe_played(played: Sequence[Played]) -> dict[str, float]:
    """Tickets won, replies a negotiation and the share of them that moved nothing."""
    moved = [on for story in played for on in story.moved]
    return {
        "won": statistics.mean(story.won for story in played),
        "negotiation_replies": len(moved) / len(played),
        "share_idle": 1 - statistics.mean(map(float, moved)),
    }
