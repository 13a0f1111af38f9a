"""Negotiations under way: they go on where they stood, and a new one begins where one has ended."""

from collections.abc import Sequence

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs, split_of
from suasion.counterpart.negotiations import UNANSWERED, Negotiations, Talk
from suasion.counterpart.simulate import simulate
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

SEED = 3
OPENER = "Hello, this is Lin from Voyara. Is now a good time to talk about your price?"


class Opener:
    """Says the same again and again."""

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
        return [OPENER] * len(dialogues)


def play(negotiations: Negotiations, pack: Pack, rounds: int) -> None:
    agent = IntentAgent(pack)
    for number in range(rounds):
        replies = agent.reply(negotiations.contexts(), SEED * 1_000 + number)
        negotiations.say([reply if isinstance(reply, str) else reply.text or "" for reply in replies])


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hotel is left before its negotiation has ended."""
    monkeypatch.setattr("suasion.counterpart.negotiations.UNANSWERED", 99)


@pytest.mark.usefixtures("patient")
def test_a_negotiation_goes_as_it_would_alone(pack: Pack) -> None:
    whole = simulate(Opener(), draw_briefs(pack, 2, SEED), SEED, pack=pack)
    ours = Negotiations(pack, 2, SEED)
    rounds = min(sum(turn.speaker == "agent" for turn in dialogue.turns) for dialogue in whole) - 1
    for _ in range(rounds):
        ours.say([OPENER, OPENER])
    for one, other in zip(ours.contexts(), whole, strict=True):
        assert one.turns == other.turns[: 2 * rounds]
        assert split_of(one.brief.hotel) == "train"


def test_where_one_ends_the_next_begins_and_none_is_held_twice(pack: Pack) -> None:
    negotiations = Negotiations(pack, 3, SEED)
    seen = {dialogue.id for dialogue in negotiations.contexts()}
    for _ in range(12):
        before = {dialogue.id: len(dialogue.turns) for dialogue in negotiations.contexts()}
        play(negotiations, pack, 1)
        for dialogue in negotiations.contexts():
            if dialogue.id in before:
                assert len(dialogue.turns) == before[dialogue.id] + 2, "said and answered"
            else:
                assert dialogue.id not in seen
                assert not dialogue.turns
            seen.add(dialogue.id)
    assert len(seen) > 6


def test_what_was_said_is_the_whole_state(pack: Pack) -> None:
    first, second = Negotiations(pack, 3, SEED), Negotiations(pack, 3, SEED)
    play(first, pack, 7)
    second.restore(first.talks)
    assert second.contexts() == first.contexts()
    play(first, pack, 5)
    play(second, pack, 5)
    assert second.contexts() == first.contexts()


def test_a_hotel_that_never_answers_is_left(pack: Pack) -> None:
    negotiations = Negotiations(pack, 6, SEED)
    for _ in range(12):
        negotiations.say([OPENER] * 6)
        for dialogue in negotiations.contexts():
            silent = [turn for turn in dialogue.turns if turn.speaker == "counterpart" and turn.text is None]
            answered = any(turn.speaker == "counterpart" and turn.text is not None for turn in dialogue.turns)
            assert answered or len(silent) < UNANSWERED
    assert negotiations.talks[0].number > 0


@pytest.mark.usefixtures("patient")
def test_nobody_talks_for_ever(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    free = Negotiations(pack, 1, SEED)
    free.say([OPENER])
    free.say([OPENER])
    assert len(free.talks[0].said) == 2
    monkeypatch.setattr("suasion.counterpart.negotiations.MAX_REPLIES", 2)
    bound = Negotiations(pack, 1, SEED)
    bound.say([OPENER])
    bound.say([OPENER])
    assert bound.talks == (Talk(1),)


def test_each_needs_a_reply(pack: Pack) -> None:
    with pytest.raises(ValueError, match="expected 2 replies, found 1"):
        Negotiations(pack, 2, SEED).say(["Hello."])
