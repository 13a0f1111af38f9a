"""Sketches say how many word 4-grams two texts share, and the index finds those that share many."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from suasion.data.near import NearIndex, similarity, sketch

WORDS = [f"w{number}" for number in range(500)]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=80).map(" ".join)


@given(text=texts, group=st.integers())
def test_an_equal_text_is_always_found_unless_of_the_same_group(text: str, group: int) -> None:
    index = NearIndex(1.0)
    index.add(7, sketch(text), group)
    assert index.find(sketch(text.upper()), None) == 7
    assert index.find(sketch(text), group + 1) == 7
    assert index.find(sketch(text), group) is None


@given(one=texts, other=texts)
def test_similarity_is_symmetric_and_a_share(one: str, other: str) -> None:
    found = similarity(sketch(one), sketch(other))
    assert 0 <= found <= 1
    assert found == similarity(sketch(other), sketch(one))


@pytest.mark.parametrize("text", ["", "  ", "?!", "..."])
def test_a_text_without_words_is_like_nothing(text: str) -> None:
    index = NearIndex(0.0)
    index.add(1, sketch(text), None)
    assert index.find(sketch(text), None) is None
    assert similarity(sketch(text), sketch(text)) == 0


@given(text=st.text())
def test_any_text_can_be_sketched(text: str) -> None:
    made = sketch(text)
    assume(any(made))
    assert similarity(made, made) == 1


def test_the_estimate_is_near_the_share_of_common_grams() -> None:
    """200 words with the last 50 changed: 147 of 197 + 50 grams are common, 0.595."""
    errors = []
    for seed in range(40):
        rng = random.Random(seed)
        words = [f"w{rng.randrange(10**9)}" for _ in range(200)]
        other = [*words[:150], *(f"v{number}" for number in range(50))]
        errors.append(similarity(sketch(" ".join(words)), sketch(" ".join(other))) - 147 / 247)
    assert abs(sum(errors) / len(errors)) < 0.04
    assert max(map(abs, errors)) < 0.35


def test_nearly_equal_texts_are_found_and_others_are_not() -> None:
    index, found = NearIndex(0.7), 0
    talks = [[random.Random(f"{n}:{i}").choice(WORDS) for i in range(120)] for n in range(200)]
    for place, words in enumerate(talks):
        assert index.find(sketch(" ".join(words)), None) is None
        index.add(place, sketch(" ".join(words)), None)
    for place, words in enumerate(talks):
        found += index.find(sketch(" ".join([*words[:115], "and", "so", "on"])), None) == place
    assert found >= 190


def test_chinese_is_read_by_character() -> None:
    one, other = "您好，我想和您谈谈豪华大床房的价格可以吗", "您好，我想和您谈谈豪华大床房的价格可以么"
    assert similarity(sketch(one), sketch(other)) > 0.6
    assert similarity(sketch(one), sketch("这个房间已经没有了谢谢再见")) == 0
