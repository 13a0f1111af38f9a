"""`suasion play`, with a scripted person at the keyboard."""

from collections.abc import Callable

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.play import play
from suasion.negotiation.brief import Brief
from suasion.negotiation.pack import Pack


@pytest.fixture
def brief(pack: Pack) -> Brief:
    return next(brief for brief in draw_briefs(pack, 20, seed=1) if len(brief.tickets) == 1)


def typing(*lines: str) -> tuple[Callable[[str], str], list[str]]:
    """A keyboard, and the prompts that it was shown; the input ends with the lines."""
    left, prompts = list(lines), []

    def read(prompt: str) -> str:
        prompts.append(prompt)
        if not left:
            raise EOFError
        return left.pop(0)

    return read, prompts


def test_as_counterpart_to_a_deal(pack: Pack, brief: Brief) -> None:
    read, prompts = typing("Yes, speaking.", "why", "/silence", "ok deal", "Yes, that's right.")
    shown: list[str] = []
    dialogue = play(pack, brief, IntentAgent(pack), "counterpart", 1, read=read, write=shown.append)
    assert [turn.speaker for turn in dialogue.turns[:4]] == ["agent", "counterpart"] * 2
    assert any(turn.silence_minutes for turn in dialogue.turns)
    assert prompts[-1].startswith("[close")
    assert "agreed" in prompts[-1]
    assert not any("target" in line for line in prompts + shown)  # the hotel must not see it
    assert "bye" in (dialogue.turns[-1].text or "").lower()


def test_as_agent_the_type_is_shown_at_the_end_only(pack: Pack, brief: Brief) -> None:
    read, prompts = typing(
        "", "Hello, this is Lin from Voyara.", "/silence", "Could you do 300 yuan?", "/quit"
    )
    shown: list[str] = []
    dialogue = play(pack, brief, None, "agent", 3, read=read, write=shown.append)
    hidden = shown.index("The hidden type:")
    assert not any("patience" in line for line in shown[:hidden])
    assert "patience" in "".join(shown[hidden:])
    assert "target" in prompts[0]
    assert [turn.text for turn in dialogue.turns if turn.speaker == "agent"] == [
        "Hello, this is Lin from Voyara.",
        "Could you do 300 yuan?",
    ]


def test_it_ends_with_the_negotiation(pack: Pack, brief: Brief) -> None:
    read, _ = typing("Please don't contact us again.", "still here?")
    dialogue = play(pack, brief, IntentAgent(pack), "counterpart", 1, read=read, write=lambda line: None)
    assert sum(turn.speaker == "counterpart" for turn in dialogue.turns) == 1
    assert dialogue.turns[-1].speaker == "agent"


def test_end_of_input_leaves(pack: Pack, brief: Brief) -> None:
    read, _ = typing()
    assert play(pack, brief, None, "agent", 1, read=read, write=lambda line: None).turns == ()


def test_an_agent_is_needed_to_play_the_hotel(pack: Pack, brief: Brief) -> None:
    with pytest.raises(ValueError, match="must be an agent"):
        play(pack, brief, None, "counterpart", 1)
