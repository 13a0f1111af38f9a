"""Credit for whole negotiations: what the replies were worth on average, and what was won, at the end.

The other credit pays each reply as an episode of its own, which for a long conversation pays talking on.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from suasion.config import RunConfig, TrainingConfig
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.negotiations import UNANSWERED
from suasion.counterpart.rollouts import DISCOUNT
from suasion.counterpart.simulate import MAX_REPLIES, Conversation, begin, finish, managers, play_round
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.generate import Sample, sample
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import Experience, read_experience
from suasion.training.ppo import gae, normalise

REPLIES = (
    4  # a negotiation has about so many: with it a step writes about as many replies as with the other credit
)


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Replies of whole negotiations; rows: of the batch, those of each negotiation in their order.

    won: share of the tickets that each negotiation won, 0 to 1.
    """

    batch: Experience
    rows: tuple[tuple[int, ...], ...]
    won: tuple[float, ...]


def hold(
    backbone: Backbone,
    policy: str,
    pack: Pack,
    suite: RewardSuite,
    value: Reader | None,
    config: RunConfig,
    use: str,
    step: int,
) -> Trajectories:
    """Let the policy hold a step's negotiations to their ends, each brief `replies_per_context` times."""
    settings, hearing, start = config.training, load_hearing(pack), perf_counter()
    briefs = max(1, settings.contexts_per_step // REPLIES)
    drawn = draw_briefs(pack, (step + 1) * briefs, config.seed, "train")[step * briefs :]
    make = managers(pack, hearing)
    talks = [
        begin(brief, config.seed, (step * briefs + place) * settings.replies_per_context + copy, pack, make)
        for place, brief in enumerate(drawn)
        for copy in range(settings.replies_per_context)
    ]
    said: list[list[tuple[Dialogue, list[int], Sample]]] = [[] for _ in talks]
    for turn in range(MAX_REPLIES):
        going = [place for place, talk in enumerate(talks) if not _is_over(talk)]
        if not going:
            break
        prompts = [backbone.context(talks[place].dialogue, pack) for place in going]
        dice = (config.seed * 7_919 + step) * MAX_REPLIES + turn
        written = sample(backbone, policy, prompts, config.exploring, dice)
        for place, prompt, (one,) in zip(going, prompts, written, strict=True):
            said[place].append((talks[place].dialogue, prompt, one))
            play_round(talks[place], one.text, pack, hearing)
    flat = [reply for those in said for reply in those]
    batch = read_experience(
        backbone,
        [context for context, _, _ in flat],
        [prompt for _, prompt, _ in flat],
        [[one] for _, _, one in flat],
        suite,
        value,
        config.exploring,
        2 * config.batch_tokens,
        use,
        start,
    )
    ends = [0]
    for those in said:
        ends.append(ends[-1] + len(those))
    rows = tuple(tuple(range(ends[place], ends[place + 1])) for place in range(len(said)))
    return Trajectories(batch, rows, tuple(_won(talk, pack) for talk in talks))


def _is_over(talk: Conversation) -> bool:
    return talk.ending is not None or (not talk.state.responded and talk.state.silences >= UNANSWERED)


def _won(talk: Conversation, pack: Pack) -> float:
    outcome = finish(talk, load_hearing(pack)).outcome
    assert outcome is not None
    return statistics.mean(map(float, outcome.successes.values()))


def trajectory_return(totals: Sequence[float], won: float, outcome: float) -> float:
    """Mean of R_total over the agent's replies, and what was won, discounted for each reply that it took.

    A further reply that is worth no more than the others' mean and wins nothing never raises it.
    """
    mean = statistics.mean(totals) if totals else 0.0
    return mean + outcome * won * DISCOUNT ** max(0, len(totals) - 1)


def trajectory_advantages(
    held: Trajectories, settings: TrainingConfig, kl: float, warming_up: bool
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, (R, T): GAE along each negotiation, its return at the agent's last token.

    The counterpart's words between two replies carry no action: GAE steps over them.
    """
    batch, lam = held.batch, 1.0 if warming_up else settings.lam
    rewards = -kl * (batch.old - batch.reference) * batch.mask
    raw = torch.zeros_like(rewards)
    for rows, won in zip(held.rows, held.won, strict=True):
        lengths = [int(batch.mask[row].sum()) for row in rows]
        along = torch.cat([rewards[row, :size] for row, size in zip(rows, lengths, strict=True)])
        values = torch.cat([batch.values[row, :size] for row, size in zip(rows, lengths, strict=True)])
        read = [float(batch.totals[row]) for row in rows if batch.kept[row]]
        along[-1] += trajectory_return(read, won, settings.outcome)
        found = gae(along[None], values[None], torch.ones(1, len(along)), settings.gamma, lam)[0]
        for row, part in zip(rows, found.split(lengths), strict=True):
            raw[row, : len(part)] = part
    return normalise(raw, batch.mask & batch.kept[:, None]), raw + batch.values
