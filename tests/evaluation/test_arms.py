"""What an agent's negotiations count for when a fault ends one, and what its replies are paired by."""

from collections.abc import Callable

from suasion.agents.llm import PolicyAgent
from suasion.config import GenerationConfig
from suasion.evaluation.arms import Contender, judge_arms, told
from suasion.evaluation.metrics import count_contexts
from suasion.negotiation.dialogue import Dialogue, Outcome
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite


def test_who_answers_twice_is_paired_with_who_answers_once(
    another: Callable[[], Backbone], hotel: Pack, dialogues: list[Dialogue]
) -> None:
    agent = PolicyAgent(another(), None, hotel, GenerationConfig(max_new_tokens=6, temperature=3.0))
    contexts = [
        dialogues[0].model_copy(update={"reply": None, "id": name}) for name in ("one", "two", "three")
    ]
    once, twice = judge_arms(
        [Contender("base", agent, 2, False), Contender("sft", agent, 3, False, replies=2)],
        RewardSuite(hotel),
        contexts,
        [],
        seed=5,
        budget=1000,
    )
    assert (len(once.replies), len(twice.replies)) == (2, 6)
    assert count_contexts(twice.replies) == 3
    assert [a.text for a in once.replies] == [b.text for b in twice.replies[:2]], (
        "the first round is the same"
    )
    rounds = [[reply.text for reply in part] for part in (twice.replies[:3], twice.replies[3:])]
    assert all(first != second for first, second in zip(*rounds, strict=True)), "the second has other dice"


def test_a_failure_is_no_outcome(negotiation: Callable[..., Dialogue]) -> None:
    lost = negotiation(0, success=False)
    assert told(lost) is lost
    failed = lost.model_copy(update={"outcome": Outcome(responded=False, ending="error: no memory")})
    assert told(failed).outcome is None
    assert told(failed).turns == failed.turns, "what was said stays to be read"
