"""From agents to Arms: their replies on held-out contexts and their negotiations, with all readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from suasion.agents.llm import PolicyAgent
from suasion.counterpart.simulate import simulate
from suasion.evaluation.metrics import Arm, JudgedReply, asked_again
from suasion.evaluation.transcript import TurnScore, turn_score, with_scores
from suasion.evaluation.violations import prefixes, violations
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.policy.contexts import group
from suasion.policy.model import UNTOUCHED, Backbone
from suasion.policy.processor import release_memory
from suasion.policy.trees import batches, branch
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite
from suasion.running.progress import Progress
from suasion.training.experience import token_logprobs

SHOWN = 4  # negotiations of each agent that the report shows reply by reply


@dataclass(frozen=True, slots=True)
class Contender:
    """An agent that takes part: on the first `contexts` of the held-out ones, and in negotiations or not."""

    name: str
    agent: PolicyAgent
    contexts: int
    negotiates: bool = True
    replies: int = 1  # to each context


def judge_arms(
    contenders: Sequence[Contender],
    suite: RewardSuite,
    contexts: Sequence[Dialogue],
    briefs: Sequence[Brief],
    seed: int,
    budget: int,
    shown: int = SHOWN,
) -> list[Arm]:
    """Let each agent answer its contexts and negotiate every brief; `shown` negotiations get full scores.

    The replies of all agents are read together, so that a context is read once for all of them.
    """
    answered: list[list[Dialogue]] = []
    truncated: list[list[bool]] = []
    talks: list[list[Dialogue]] = []
    with Progress("evaluation") as progress:
        for number, one in enumerate(contenders):
            groups = one.agent.groups(contexts[: one.contexts], one.replies, seed)
            samples = [group[k] for k in range(one.replies) for group in groups]
            asked = asked_again(contexts[: one.contexts], one.replies)
            answered.append([c.with_reply(s.text) for c, s in zip(asked, samples, strict=True)])
            truncated.append([s.truncated for s in samples])
            progress.at(2 * number + 1, 2 * len(contenders) + 1, f"{one.name}: {len(samples)} replies")
            plays = briefs if one.negotiates else ()
            held = simulate(one.agent, plays, seed, pack=suite.pack) if plays else []
            talks.append([told(talk) for talk in held])
            release_memory()
            progress.at(2 * number + 2, 2 * len(contenders) + 1, f"{one.name}: {len(plays)} negotiations")
        backbone = contenders[0].agent.backbone
        judged = iter(judge_replies(backbone, suite, [*chain(*answered)], [*chain(*truncated)], budget))
        arms = []
        for one, replies, held in zip(contenders, answered, talks, strict=True):
            counts = [violations(talk, suite.rules) if talk.outcome else (0, 0) for talk in held]
            scored = [_score_turns(talk, backbone, suite, budget) for talk in held[:shown]]
            arms.append(
                Arm(
                    one.name,
                    tuple(next(judged) for _ in replies),
                    (*scored, *held[shown:]),
                    tuple(hits for hits, _ in counts),
                    tuple(count for _, count in counts),
                )
            )
        progress.at(2 * len(contenders) + 1, 2 * len(contenders) + 1, "all scored")
    return arms


def told(talk: Dialogue) -> Dialogue:
    """The negotiation, without an outcome where a failure ended it: that is neither won nor lost."""
    failed = talk.outcome is not None and talk.outcome.failed
    return talk.model_copy(update={"outcome": None}) if failed else talk


def judge_replies(
    backbone: Backbone,
    suite: RewardSuite,
    answered: Sequence[Dialogue],
    truncated: Sequence[bool],
    budget: int,
    with_fluency: bool = True,
) -> list[JudgedReply]:
    """Every reading of replies that stand in their dialogues; fluency costs a pass of its own."""
    fluency: Sequence[float | None] = [None] * len(answered)
    if with_fluency:
        fluency = _fluency(backbone, suite, answered, budget)
    judged = []
    for index, (dialogue, reading) in enumerate(zip(answered, suite.score(answered), strict=True)):
        judged.append(
            JudgedReply(
                dialogue=dialogue,
                stage=reading.stage,
                r_total=reading.r_total,
                r_model=reading.r_model,
                e_judge=reading.e_judge,
                e_func=reading.e_func,
                evidence=reading.scores[Source.RULES].evidence,
                criteria=reading.scores[Source.JUDGE].evidence,
                tokens=len(backbone.reply_tokens(dialogue.reply or "")),
                truncated=truncated[index],
                fluency=fluency[index],
                required_acts=reading.required_acts,
            )
        )
    return judged


@torch.no_grad()
def _fluency(
    backbone: Backbone, suite: RewardSuite, answered: Sequence[Dialogue], budget: int
) -> list[float]:
    """Mean log-probability per reply token under the untouched model, in nats."""
    groups = group(backbone, suite.pack, answered)
    means = [0.0] * len(answered)
    with backbone.role(UNTOUCHED):
        for indices, batch in batches([branch(g.prompt, g.replies) for g in groups], budget):
            logs, _ = token_logprobs(backbone, batch, 1.0)
            start = 0
            for index in indices:
                for place, reply in zip(groups[index].places, groups[index].replies, strict=True):
                    means[place] = float(logs[start : start + len(reply)].mean())
                    start += len(reply)
    return means


def _score_turns(talk: Dialogue, backbone: Backbone, suite: RewardSuite, budget: int) -> Dialogue:
    replies = prefixes(talk)
    judged = judge_replies(backbone, suite, [d for _, d in replies], [False] * len(replies), budget, False)
    scores: list[TurnScore | None] = [None] * len(talk.turns)
    for (place, _), reply in zip(replies, judged, strict=True):
        scores[place] = turn_score(reply)
    return with_scores(talk, scores)
