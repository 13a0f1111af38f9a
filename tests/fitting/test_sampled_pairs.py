"""Pairs from a policy's own faults: only replies that break a rule, against what the expert wrote there."""

from collections.abc import Sequence

import pytest

from suasion.data.examples import Pair
from suasion.data.pairs import make_pairs
from suasion.data.synthesize import examples_of, synthesize
from suasion.fitting.sampled_pairs import sampled_pairs
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite

FAULT = "I guarantee you twice as many bookings."


class Scripted:
    """A policy that says what it is told, whatever it is asked."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def drafts(self, dialogues: Sequence[Dialogue], copies: int, seed: int) -> list[list[str]]:
        return [[self.texts[n % len(self.texts)] for n in range(copies)] for _ in dialogues]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    pack = Pack.load("hotel")
    return make_pairs(examples_of(synthesize(pack, 6, seed=0), pack), pack, 12, seed=0)


def test_a_fault_is_rejected_against_the_experts_reply(pairs: list[Pair]) -> None:
    made = sampled_pairs(Scripted(FAULT), RewardSuite(Pack.load("hotel")), pairs, 99, 0)  # type: ignore[arg-type]
    experts = {pair.dialogue.id: pair.chosen for pair in pairs if pair.kind == "defect"}
    assert {pair.dialogue.id: pair.chosen for pair in made} == experts
    assert {(pair.kind, pair.rejected, pair.source) for pair in made} == {("sampled", FAULT, "sop_path")}


def test_the_experts_own_words_are_no_fault(pairs: list[Pair]) -> None:
    expert = next(pair for pair in pairs if pair.kind == "defect")
    made = sampled_pairs(
        Scripted(expert.chosen),  # type: ignore[arg-type]
        RewardSuite(Pack.load("hotel")),
        [expert],
        99,
        0,
    )
    assert made == []


def test_only_so_many_contexts_are_sampled(pairs: list[Pair]) -> None:
    made = sampled_pairs(Scripted(FAULT), RewardSuite(Pack.load("hotel")), pairs, 2, 0)  # type: ignore[arg-type]
    assert len(made) == 2


def test_samples_of_one_context_are_a_pair_where_one_breaks_no_rule(pairs: list[Pair]) -> None:
    pack = Pack.load("hotel")
    rules = RewardSuite(pack)
    expert = next(pair for pair in pairs if pair.kind == "defect")
    good = "Hello, " + expert.chosen
    made = sampled_pairs(Scripted(good, FAULT), rules, [expert], 1, 0)  # type: ignore[arg-type]
    assert not rules.score([expert.dialogue.with_reply(good)])[0].scores[Source.RULES].evidence
    chosen = [pair.chosen for pair in made if pair.rejected == FAULT]
    assert chosen == [expert.chosen, good]
    assert all("greet" in pair.chosen_acts for pair in made if pair.chosen == good)
