"""Every fault can be made, differs from the good reply, and is the one that its name says."""

import random
from collections import Counter

import pytest

from suasion.data.defects import DEFECTS, Kit, Spoiled, spoil
from suasion.data.examples import Example
from suasion.data.operators import cut_off, garble, mistype, shares_words
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet

# What the rules see of each fault; those that only a judge can see are not here.
SEEN_BY = {
    "leak_vocabulary": {"internal-vocabulary"},
    "target_leak": {"target-leak"},
    "over_promise": {"over-promise"},
    "pressure": {"pressure"},
    "false_urgency": {"false-urgency"},
    "boilerplate": {"ai-boilerplate"},
    "role_slip": {"role-slip"},
    "placeholder": {"unfilled-placeholder"},
    "kind_mixed": {"kind-mixed", "proposal-out-of-bounds", "wrong-confirmation"},
    "ungrounded_fact": {"ungrounded-number"},
    "denies_ai": {"denies-being-ai"},
    "wrong_number": {"ungrounded-number", "proposal-out-of-bounds", "wrong-confirmation"},
    "wrong_item": {"wrong-room"},
    "wrong_date": {"wrong-date"},
    "claims_agreement": {"no-agreement-no-confirmation"},
    "silence_as_consent": {"silence-is-not-consent"},
    "haggling_on": {"haggling-on"},
    "premature_close": {"premature-close"},
    "repeats_itself": {"self-repetition", "stage-required-act", "repeated-confirmation", "haggling-on"},
    "off_topic": {"stage-required-act", "ungrounded-number", "stage-forbidden-act"},
    "skips_step": {"stage-required-act"},
    "cut_off": {"unfinished"},
}


@pytest.fixture(scope="module")
def spoiled(pack: Pack, examples: list[Example]) -> dict[str, list[tuple[Example, Spoiled]]]:
    """Up to 60 replies of each fault."""
    kit, rng = Kit(pack, tuple(examples)), random.Random(5)
    found: dict[str, list[tuple[Example, Spoiled]]] = {}
    for name in DEFECTS:
        made = ((example, spoil(name, example, kit, rng)) for example in examples)
        found[name] = [(example, one) for example, one in made if one is not None][:60]
    return found


def test_there_are_enough_classes_and_each_can_be_made(
    spoiled: dict[str, list[tuple[Example, Spoiled]]],
) -> None:
    assert len(DEFECTS) >= 15
    assert {name: len(found) for name, found in spoiled.items() if len(found) < 20} == {}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_fault_differs_from_the_good_reply(
    name: str, spoiled: dict[str, list[tuple[Example, Spoiled]]]
) -> None:
    assert all(one.text.strip() and one.text != example.dialogue.reply for example, one in spoiled[name])


@pytest.mark.parametrize("name", SEEN_BY)
def test_rules_see_the_fault(
    name: str, pack: Pack, spoiled: dict[str, list[tuple[Example, Spoiled]]]
) -> None:
    rules = RuleSet.load(pack)
    missed = []
    for example, one in spoiled[name]:
        hits = {hit.name for hit in rules.check(example.dialogue.with_reply(one.text)).evidence}
        if not hits & SEEN_BY[name]:
            missed.append(one.text)
    assert len(missed) <= 0.1 * len(spoiled[name]), missed[:5]


def test_a_fault_is_reproducible(pack: Pack, examples: list[Example]) -> None:
    kit = Kit(pack, tuple(examples))
    for name in DEFECTS:
        assert spoil(name, examples[7], kit, random.Random(1)) == spoil(
            name, examples[7], kit, random.Random(1)
        )


def test_a_claim_of_agreement_reads_like_a_good_confirmation(
    spoiled: dict[str, list[tuple[Example, Spoiled]]],
) -> None:
    assert all("confirm" in one.acts for _, one in spoiled["claims_agreement"])


def test_garbled_text_is_another_text_of_much_the_same_words() -> None:
    text = "I understand your concern. Could you do a selling price of 380 yuan?"
    garbled = {garble(text, random.Random(seed)) for seed in range(50)}
    assert text not in garbled
    assert len(garbled) > 40
    words = Counter(word for one in garbled for word in one.split())
    assert set(words) <= set(text.split())


@pytest.mark.parametrize("text", ["", "Yes.", "So be it."])
def test_short_texts_are_not_cut(text: str) -> None:
    assert cut_off(text, random.Random(0)) is None


def test_mistyped_numbers_stay() -> None:
    for seed in range(50):
        assert "380" in mistype("I can do 380 yuan.", random.Random(seed))


@pytest.mark.parametrize(
    ("text", "other", "share"),
    [
        ("a b c d e", "a b c d e", 1.0),
        ("a b c d x", "a b c d e", 0.5),
        ("a b", "a b c", 0.0),
        ("a b", "a b", 1.0),
    ],
)
def test_shared_words_by_hand(text: str, other: str, share: float) -> None:
    assert shares_words(text, other) == pytest.approx(share)
