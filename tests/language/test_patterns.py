"""All patterns of a pack in one pass hear what each of them hears alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.language.acts import load_patterns
from suasion.language.patterns import PatternSet, compile_any
from suasion.negotiation.pack import Pack

PACKS = [Pack.load(name) for name in ("hotel", "donation", "generic")]
SAID = sorted({text for pack in PACKS for one in pack.intents.intents for text in (*one.hits, *one.passes)})
TEXTS = st.one_of(
    st.lists(st.sampled_from(SAID), max_size=4).map(" ".join),
    st.lists(st.sampled_from([word for text in SAID for word in text.split()]), max_size=20).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"])),
)


def one_by_one(pack: Pack, speaker: str, text: str) -> frozenset[str]:
    """The acts of a text by a search for each act, and one for what takes it away again."""
    found = set()
    for intent in pack.intents.intents:
        pattern, unless = compile_any(intent.patterns), compile_any(intent.unless)
        taken_away = unless and unless.search(text)
        if intent.speaker == speaker and pattern and pattern.search(text) and not taken_away:
            found.add(intent.id)
    return frozenset(found)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.sampled_from(PACKS), st.sampled_from(["agent", "counterpart"]))
def test_a_pack_hears_the_same_in_one_pass(text: str, pack: Pack, speaker: str) -> None:
    heard = load_patterns(pack).hear(speaker, text)
    assert heard == one_by_one(pack, speaker, text.replace("\u2019", "'"))


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", set()),
        ("A deal?", {0, 2}),
        ("no DEAL, or b|c", {0, 1}),
        ("b", set()),
    ],
)
def test_groups_by_hand(text: str, groups: set[int]) -> None:
    # the second group's bar is a letter, the third's ends with the text, the fourth has no pattern
    assert PatternSet([("deal", "agreed"), (r"b\|c",), ("x|\\?$",), ()]).matching(text) == groups


def test_a_set_of_nothing_matches_nothing() -> None:
    assert PatternSet([(), ()]).matching("anything") == frozenset()
