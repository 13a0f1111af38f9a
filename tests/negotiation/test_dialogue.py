"""Whole dialogues are taken apart into the agent's replies."""

import pytest

from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Outcome, Turn, parse_dialogue, replies_of


def test_each_reply_stands_after_what_was_said_before_it() -> None:
    turns = (
        Turn(speaker="agent", text="Hello."),
        Turn(speaker="counterpart", text="Yes?"),
        Turn(speaker="counterpart", silence_minutes=30),
        Turn(speaker="agent", text="Still there?", acts=("follow_up",)),
    )
    whole = Dialogue(id="d", brief=Brief(), turns=turns, outcome=Outcome(responded=True), source="human")
    first, second = replies_of(whole)
    assert (first.id, first.turns, first.reply) == ("d#0", (), "Hello.")
    assert (second.id, second.turns, second.reply) == ("d#3", turns[:3], "Still there?")
    assert second.outcome is None  # it tells how the dialogue went on
    assert (second.source, second.brief) == ("human", whole.brief)
    assert not list(replies_of(Dialogue(id="e", brief=Brief(), turns=turns[1:2])))


def test_broken_json_has_one_line_number_and_it_is_the_files() -> None:
    with pytest.raises(InputError) as found:
        parse_dialogue('{"id": "d", \n', "dialogues.jsonl", 7)
    assert str(found.value).startswith("dialogues.jsonl:7: not valid JSON: ")
    assert str(found.value).endswith(" at character 14")
    assert "line" not in found.value.message
