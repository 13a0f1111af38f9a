"""Preference pairs from the policy's own replies: one that breaks a rule, against one that breaks none.

Made faults are not the faults that the policy has; the paper's reward model learned from SFT samples too.
Training compares samples of one context, so where those differ in faults they are a pair as well.
"""

from collections.abc import Sequence

from suasion.agents.llm import PolicyAgent
from suasion.data.examples import Pair
from suasion.negotiation.dialogue import dump_dialogue
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite

COPIES = 2  # samples of a context


def sampled_pairs(
    agent: PolicyAgent, rules: RewardSuite, pairs: Sequence[Pair], count: int, seed: int
) -> list[Pair]:
    """Samples of `count` contexts whose expert reply is known.

    Each that breaks a rule is rejected against the expert's reply, and against a sample that breaks none.
    """
    experts = {dump_dialogue(pair.dialogue): pair for pair in pairs if pair.kind == "defect"}
    known = list(experts.values())[:count]
    found: list[Pair] = []
    for expert, drafts in zip(
        known, agent.drafts([pair.dialogue for pair in known], COPIES, seed), strict=True
    ):
        faults = _faults([t for t in dict.fromkeys(drafts) if t and t != expert.chosen], expert, rules)
        clean = next((text for text, fault in faults.items() if fault is None), None)
        for text, fault in faults.items():
            if fault is not None:
                found.append(_pair(expert, expert.chosen, text, fault, rules))
                if clean is not None:
                    found.append(_pair(expert, clean, text, fault, rules))
    return found


def _faults(texts: Sequence[str], expert: Pair, rules: RewardSuite) -> dict[str, str | None]:
    """The worst rule that each reply breaks, or None; without replies that the rules did not read."""
    worst: dict[str, str | None] = {}
    readings = rules.score([expert.dialogue.with_reply(text) for text in texts])
    for text, reading in zip(texts, readings, strict=True):
        hits = reading.scores[Source.RULES].objections
        if hits is not None:
            worst[text] = min(hits, key=lambda hit: hit.points).name if hits else None
    return worst


def _pair(expert: Pair, chosen: str, rejected: str, fault: str, rules: RewardSuite) -> Pair:
    def acts(text: str) -> tuple[str, ...]:
        return (
            expert.chosen_acts if text == expert.chosen else tuple(sorted(rules.hearing.hear("agent", text)))
        )

    return Pair(
        dialogue=expert.dialogue,
        chosen=chosen,
        rejected=rejected,
        kind="sampled",
        defect=fault,
        source="sop_path",
        family=expert.family,
        chosen_acts=acts(chosen),
        rejected_acts=acts(rejected),
    )
