"""Preference pairs from the policy's own replies: the expert's reply against a sample that breaks a rule.

Made faults are not the faults that the policy has; the paper's reward model learned from SFT samples too.
"""

from collections.abc import Sequence

from suasion.agents.llm import PolicyAgent
from suasion.data.examples import Pair
from suasion.negotiation.dialogue import dump_dialogue
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite


def sampled_pairs(
    agent: PolicyAgent, rules: RewardSuite, pairs: Sequence[Pair], count: int, seed: int
) -> list[Pair]:
    """Samples of `count` contexts whose expert reply is known; those that break a rule become pairs."""
    experts = {dump_dialogue(pair.dialogue): pair for pair in pairs if pair.kind == "defect"}
    known = list(experts.values())[:count]
    samples = agent.samples([pair.dialogue for pair in known], seed)
    replies = [pair.dialogue.with_reply(one.text) for pair, one in zip(known, samples, strict=True)]
    found = []
    for pair, reply, reading in zip(known, replies, rules.score(replies), strict=True):
        faults = [hit for hit in reading.scores[Source.RULES].evidence if hit.points < 0]
        if faults and reply.reply and reply.reply != pair.chosen:
            worst = min(faults, key=lambda hit: hit.points)
            found.append(
                Pair(
                    dialogue=pair.dialogue,
                    chosen=pair.chosen,
                    rejected=reply.reply,
                    kind="sampled",
                    defect=worst.name,
                    source="sop_path",
                    family=pair.family,
                    chosen_acts=pair.chosen_acts,
                    rejected_acts=tuple(sorted(rules.hearing.hear("agent", reply.reply))),
                )
            )
    return found
