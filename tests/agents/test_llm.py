"""The dice of a policy's reply: its dialogue's own, at each turn others, whoever else is answered."""

from collections.abc import Callable

import pytest

from suasion.agents.llm import PolicyAgent
from suasion.config import GenerationConfig
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone


@pytest.fixture
def agent(another: Callable[[], Backbone], hotel: Pack) -> PolicyAgent:
    return PolicyAgent(another(), None, hotel, GenerationConfig(max_new_tokens=12, temperature=3.0))


@pytest.fixture
def open_dialogue(dialogues: list[Dialogue]) -> Dialogue:
    return dialogues[0].model_copy(update={"reply": None, "id": "one"})


def test_a_dialogue_is_answered_alike_alone_and_among_others(
    agent: PolicyAgent, open_dialogue: Dialogue
) -> None:
    others = [open_dialogue.model_copy(update={"id": name}) for name in ("two", "three")]
    among = agent.samples([*others, open_dialogue], 5)
    assert among[-1].tokens == agent.samples([open_dialogue], 5)[0].tokens
    assert len({one.tokens for one in among}) == 3, "another id has other dice, whatever was said"


def test_the_first_of_several_replies_is_the_one_of_one(agent: PolicyAgent, open_dialogue: Dialogue) -> None:
    (group,) = agent.groups([open_dialogue], 3, 5)
    assert group[0].tokens == agent.samples([open_dialogue], 5)[0].tokens
    assert len({one.tokens for one in group}) == 3, "each has dice of its own"


def test_each_turn_has_dice_of_its_own(
    agent: PolicyAgent, open_dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one prompt for all, so that nothing but the dice can differ: as after a silence, nearly."""
    monkeypatch.setattr(Backbone, "context", lambda *_: [5, 6, 7])
    later = open_dialogue.continued(Turn(speaker="counterpart", silence_minutes=30))
    first, again, second = (agent.samples([one], 5)[0] for one in (open_dialogue, open_dialogue, later))
    assert first == again != second
