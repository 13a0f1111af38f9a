"""Synthetic dialogues: reproducible, free of faults, about every part of the procedure, splits apart."""

from collections import Counter

import pytest

from suasion.data.coverage import coverage
from suasion.data.examples import Example
from suasion.data.synthesize import balance, cover, examples_of, families_of, synthesize
from suasion.language.phrases import load_phrases
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet


def test_the_same_seed_gives_the_same_dialogues(pack: Pack) -> None:
    assert synthesize(pack, 20, seed=3) == synthesize(pack, 20, seed=3)
    assert synthesize(pack, 20, seed=3) != synthesize(pack, 20, seed=4)


def test_every_stage_and_side_state_is_covered(pack: Pack, dialogues: list[Dialogue]) -> None:
    assert min(coverage(dialogues, pack).steps.values()) >= 10


def test_chosen_dialogues_cover_the_rare_stages_better(pack: Pack, dialogues: list[Dialogue]) -> None:
    count = len(dialogues) // 5
    chosen = cover(dialogues, pack, count)
    assert len({dialogue.id for dialogue in chosen}) == count
    rarest, by_chance = (min(coverage(some, pack).steps.values()) for some in (chosen, dialogues[:count]))
    assert rarest > by_chance
    assert cover(dialogues[:3], pack, 10) == cover(dialogues[:3], pack, 3)


def test_every_turn_of_the_agent_has_its_acts(dialogues: list[Dialogue]) -> None:
    spoken = [turn for dialogue in dialogues for turn in dialogue.turns if turn.speaker == "agent"]
    assert spoken
    assert all(turn.acts for turn in spoken)


def test_contexts_do_not_tell_acts_or_outcome(examples: list[Example]) -> None:
    for example in examples:
        assert all(turn.acts is None for turn in example.dialogue.turns)
        assert example.dialogue.outcome is None


def test_good_replies_break_no_rule(pack: Pack, examples: list[Example]) -> None:
    rules = RuleSet.load(pack)
    broken = [(hit.name, e.dialogue.reply) for e in examples for hit in rules.check(e.dialogue).evidence]
    assert len(broken) <= 0.005 * len(examples), broken[:5]


def test_splits_share_no_hotel_and_held_out_phrases_are_in_test_only(pack: Pack) -> None:
    worlds = {split: synthesize(pack, 60, 0, split) for split in ("train", "validation", "test")}
    hotels = [{d.brief.details["hotel"] for d in world} for world in worlds.values()]
    assert len(set.union(*hotels)) == sum(map(len, hotels))
    families = {name: {e.family for e in examples_of(world, pack)} for name, world in worlds.items()}
    held_out = set(load_phrases(pack).file.held_out)
    assert families["test"] == held_out
    assert not (families["train"] | families["validation"]) & held_out


def test_training_and_test_share_no_family(pack: Pack) -> None:
    book = load_phrases(pack)
    assert set(families_of(book, "train")).isdisjoint(families_of(book, "test"))


@pytest.mark.parametrize("count", [13, 130, 260])
def test_balance_gives_every_stage_a_fair_share(examples: list[Example], count: int) -> None:
    chosen = balance(examples, count, seed=1)
    assert len(chosen) == count
    had, got = (Counter(example.stage for example in some) for some in (examples, chosen))
    fair = count // len(had)
    assert all(got[stage] >= min(fair, had[stage]) for stage in had)
    assert chosen == balance(examples, count, seed=1)


def test_balance_of_more_than_there_is_gives_all(examples: list[Example]) -> None:
    ids = Counter(example.dialogue.id for example in balance(examples, 10 * len(examples), seed=0))
    assert ids == Counter(example.dialogue.id for example in examples)
