"""The instrument that asks what a reply alone gives away: right where words tell, else it guesses."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from suasion.data.defects import DEFECTS
from suasion.data.examples import Pair
from suasion.language.phrases import load_phrases
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
context_only = importlib.import_module("context_only")
PLACES = ("here", "there", "nearby", "outside")
SMALL = context_only.Sizes(dialogues=60, pairs=160, held_out_dialogues=40, held_out_pairs=100)


def pair(defect: str, chosen: str, rejected: str, dialogue: str) -> Pair:
    """One whose texts are all that counts."""
    context = Dialogue.model_validate({"id": f"{dialogue}#2", "brief": {}, "turns": []})
    return Pair(context, chosen, rejected, "defect", defect, "online", "plain", (), ())


def told(defect: str, count: int = 20) -> list[Pair]:
    """The faulty reply has a word that the good one has not."""
    return [
        pair(defect, f"we met {PLACES[i % 4]}", f"we met {PLACES[i % 4]} sadly", f"d{i}")
        for i in range(count)
    ]


def untold(defect: str, count: int = 20) -> list[Pair]:
    """What is good in one context is faulty in another."""
    texts = "we agreed on it", "could you do it"
    return [pair(defect, texts[i % 2], texts[1 - i % 2], f"d{i}") for i in range(count)]


def test_a_word_that_tells_is_learned_and_one_that_does_not_is_a_guess() -> None:
    told_one, untold_one = told("rude"), untold("haggling_on")
    assert context_only.accuracy(context_only.learn(told_one), told_one).estimate == 1.0
    guessed = context_only.accuracy(context_only.learn(untold_one), untold_one)
    assert guessed.estimate == 0.5
    assert guessed.n == 40


def test_replies_of_one_dialogue_count_as_one_reading() -> None:
    words = context_only.learn(told("rude"))
    wrong = pair("rude", "we met here sadly", "we met here", "e1")
    apart = [*told("rude", 3), wrong]
    together = [pair("rude", one.chosen, one.rejected, "e1") for one in apart]
    assert context_only.accuracy(words, apart).estimate == 0.75
    assert context_only.accuracy(words, apart).low is not None
    assert context_only.accuracy(words, together).low is None  # one dialogue shows no spread


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        ("", ()),
        ("Deal.", ("deal", ".", "deal .")),
        ("no no", ("no", "no no")),
        ("380 yuan", ("380", "yuan", "380 yuan")),
    ],
)
def test_words_and_pairs_of_words_by_hand(text: str, grams: tuple[str, ...]) -> None:
    assert context_only.grams(text) == grams


def test_each_kind_is_measured_apart_and_a_miss_is_marked() -> None:
    pairs = [*told("rude"), *told("wrong_date"), *untold("haggling_on")]
    figures = context_only.measure(pairs, pairs)
    assert figures["visible"]["estimate"] == 1.0
    assert set(figures["in_context"]["faults"]) == {"wrong_date", "haggling_on"}
    assert figures["in_context"]["faults"]["haggling_on"]["alone"]["estimate"] == 0.5
    lines = list(context_only.table(figures))
    assert [line[1:22].strip() for line in lines[1:3]] == ["!wrong_date", "haggling_on"]
    assert json.loads(json.dumps(figures)) == figures


def test_what_is_tried_is_in_families_held_out_and_in_other_dialogues() -> None:
    pack = Pack.load("hotel")
    learned, tried = context_only.made(pack, SMALL, seed=0)
    held_out = set(load_phrases(pack).file.held_out)
    assert {one.family for one in tried} <= held_out
    assert not {one.family for one in learned} & held_out
    assert not {one.dialogue.id for one in learned} & {one.dialogue.id for one in tried}
    assert {one.kind for one in (*learned, *tried)} == {"defect"}
    figures = context_only.measure(learned, tried)
    assert set(figures["in_context"]["faults"]) <= {name for name, one in DEFECTS.items() if one.in_context}
    assert figures["in_context"]["n"] + figures["visible"]["n"] == 2 * len(tried)
    assert figures == context_only.measure(*context_only.made(pack, SMALL, seed=0))
