"""What was made fast reads what the slow way reads, and what is remembered of a text changes nothing."""

import gc
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.data.synthesize import examples_of, synthesize
from suasion.errors import InputError
from suasion.negotiation.changed import changed
from suasion.negotiation.dialogue import Dialogue, parse_dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State, start
from suasion.rewards.scene import _WORD, DIGITS, number, numbers_in, words_of
from suasion.rewards.suite import RewardSuite

HOTEL = Pack.load("hotel")
SUITE = RewardSuite(HOTEL)
REPLIES = [one.dialogue for one in examples_of(synthesize(HOTEL, 12, 5, "test"), HOTEL)][:60]
PIECES = ["don't", "380", "1,280.50", "'", "’", "é", "您好", "_", "-", "²", "٣", "A1", "x'2", ".", " ", "\n"]
TEXTS = st.one_of(
    st.text(), st.text(st.characters(codec="ascii")), st.lists(st.sampled_from(PIECES)).map("".join)
)


def forget() -> None:
    """Empty every cache of ours that keeps what was read of a text."""
    for thing in gc.get_objects():
        ours = type(thing).__name__ == "_lru_cache_wrapper" and thing.__module__.startswith("suasion.")
        if ours and "text" in thing.__wrapped__.__annotations__:
            thing.cache_clear()


def test_what_was_read_before_changes_no_reading() -> None:
    """Prefixes of a dialogue share their words: read in turn, backwards, and each as if it were the first."""
    spoiled = [
        one.with_reply(f"{other.reply} {one.reply}") for one, other in zip(REPLIES, REPLIES[7:], strict=False)
    ]
    records = [*REPLIES, *spoiled]
    alone = []
    for one in records:
        forget()
        alone.extend(SUITE.score([one]))
    assert SUITE.score(records) == alone
    assert SUITE.score(records[::-1]) == alone[::-1]
    assert len({score.e_func for score in alone}) > 3  # else there was nothing to be read wrongly


@settings(deadline=None)
@given(TEXTS.map(lambda text: text.encode("utf-8", "replace").decode()))
def test_words_and_numbers_are_those_of_the_patterns(text: str) -> None:
    plain = text.replace("\u2019", "'")
    assert words_of(text) == tuple(match.group().lower() for match in _WORD.finditer(plain))
    assert numbers_in(text) == {number(match.group()) for match in DIGITS.finditer(text)}


@given(st.text(), st.booleans(), st.integers(0, 3))
def test_half_a_character_is_refused_wherever_it_stands(text: str, escaped: bool, depth: int) -> None:
    content: object = {text: "\udc41"} if depth % 2 else f"{text}\ud83d"
    for _ in range(depth):
        content = [content]
    line = json.dumps({"id": "d", "brief": {}, "more": content}, ensure_ascii=escaped)
    with pytest.raises(InputError, match="half of a surrogate pair"):
        parse_dialogue(line, "replies.jsonl", 1)


@pytest.mark.parametrize("values", [{}, {"side": "silence"}, {"focus": 1, "heard": frozenset({"agree"})}])
def test_a_changed_state_is_a_replaced_one(values: dict[str, object]) -> None:
    state = State("open", side="upset", replies=3, said=frozenset({"greet"}))
    assert changed(state, **values) == replace(state, **values)  # type: ignore[arg-type]


def test_a_field_that_a_state_has_not_is_refused() -> None:
    with pytest.raises(TypeError):
        changed(start(Dialogue(id="d", brief=REPLIES[0].brief).brief, HOTEL.sop), stagee="close")
