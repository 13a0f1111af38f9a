"""Preference pairs from the policy's own negotiations: of two replies without fault, the one that wins more.

A first message decides whether anybody answers at all, which no rule and no criterion sees. From the same
state each reply is gone on from many times (`counterpart.rollouts`), and what became of it tells them apart.
"""

from collections.abc import Sequence

from suasion.agents.intent import IntentAgent
from suasion.agents.llm import PolicyAgent
from suasion.counterpart.negotiations import Negotiations
from suasion.data.examples import Pair
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite

DRAFTS = 4  # replies to one opening
ENDS = 32  # of each that are played
MARGIN = 0.04  # of the tickets: what is nearer than that, chance may have told apart


def outcome_pairs(agent: PolicyAgent, rules: RewardSuite, count: int, seed: int) -> list[Pair]:
    """Pairs from the first messages of `count` negotiations of the training split.

    Where the prospects of the best and the worst reply that break no rule lie MARGIN apart, they are a pair.
    """
    if not count:
        return []
    pack = rules.pack
    negotiations = Negotiations(pack, count, seed)
    openings = negotiations.contexts()
    drafts = [
        _clean(dialogue, texts, rules)
        for dialogue, texts in zip(openings, agent.drafts(openings, DRAFTS, seed), strict=True)
    ]
    found = []
    for dialogue, texts, prospects in zip(
        openings, drafts, negotiations.prospects(drafts, IntentAgent(pack), ENDS), strict=True
    ):
        ranked = sorted(zip(prospects, texts, strict=True))
        if ranked and ranked[-1][0] - ranked[0][0] >= MARGIN:
            found.append(_pair(dialogue, ranked[-1][1], ranked[0][1], rules))
    return found


def _clean(dialogue: Dialogue, texts: Sequence[str], rules: RewardSuite) -> list[str]:
    """The different replies that break no rule; none where there are no two to compare."""
    different = [text for text in dict.fromkeys(texts) if text]
    readings = rules.score([dialogue.with_reply(text) for text in different])
    clean = [
        text
        for text, reading in zip(different, readings, strict=True)
        if reading.scores[Source.RULES].objections == ()
    ]
    return clean if len(clean) > 1 else []


def _pair(dialogue: Dialogue, chosen: str, rejected: str, rules: RewardSuite) -> Pair:
    def acts(text: str) -> tuple[str, ...]:
        return tuple(sorted(rules.hearing.hear("agent", text)))

    return Pair(
        dialogue=dialogue,
        chosen=chosen,
        rejected=rejected,
        kind="outcome",
        defect="wins-less",
        source="online",
        family="sampled",
        chosen_acts=acts(chosen),
        rejected_acts=acts(rejected),
    )
