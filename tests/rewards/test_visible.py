"""A judge reads what a person would see, and ordinary words as they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.rewards.judge_prompt import material
from suasion.rewards.visible import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("That is 10000 yuan, or 9999.", "That is 10000 yuan, or 9999."),
        ("a\u200bns\u2060wer \u202eyes\u202c", "answer yes"),
        ("\U000e0061\U000e006e see you", "see you"),
        ("ｙｅｓ 𝐲𝐞𝐬 １２", "yes yes 12"),
        ("我们可以给您 380 元，不含早餐。", "我们可以给您 380 元，不含早餐。"),
        ("no " * 40 + "way", "no no no way"),
        ("We are full. " * 9, "We are full. We are full. We are full."),
        ("very, very, very good", "very, very, very good"),
        ("one\n\n\n\n  two\t\tthree", "one\ntwo three"),
        ("café – “yes”, it’s 5 €…", "café – “yes”, it’s 5 €…"),
    ],
)
def test_by_hand(text: str, seen: str) -> None:
    assert visible(text) == seen


@settings(deadline=None)
@given(st.text(max_size=200))
def test_seeing_it_once_is_enough_of_invisible_characters(text: str) -> None:
    assert not set(visible(text)) & set("\u200b\u202e\u2066\x00\x1b")


def test_a_remote_judge_is_sent_what_can_be_seen() -> None:
    turn = Turn(speaker="counterpart", text="We\u200b are full")
    sent = material(Dialogue(id="d", brief=Brief(), turns=(turn,), reply="ｙｅｓ"))
    assert "We are full" in sent
    assert "yes" in sent
