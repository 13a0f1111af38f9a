"""Agreement with people: kappa by hand, and what can't be told is None."""

import pytest

from suasion.evaluation.judges import Answer, agreements, as_json


def answers(
    *cells: tuple[bool, float | None], words: tuple[int, ...] = (), again: float | None = None
) -> list[Answer]:
    return [
        Answer("c", verdict, words[n] if words else 5, yes, yes if again is None else again)
        for n, (verdict, yes) in enumerate(cells)
    ]


def test_kappa_of_a_table_worked_by_hand() -> None:
    """20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, by chance 0.5, kappa 0.4."""
    cells = [(True, 0.9)] * 20 + [(True, 0.1)] * 5 + [(False, 0.9)] * 10 + [(False, 0.1)] * 15
    found = agreements(answers(*cells))["c"]
    assert found.kappa == pytest.approx(0.4)
    assert found.accuracy == pytest.approx(0.7)
    assert found.confusion == {"yes_yes": 20, "yes_no": 5, "no_yes": 10, "no_no": 15}
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high
    assert (found.read_at(0.39), found.read_at(0.41)) == (True, False)


def test_what_was_not_answered_is_counted_and_is_no_answer() -> None:
    found = agreements(answers((True, 0.9), (False, None), (False, 0.2), (True, None)))["c"]
    assert (found.n, found.unread, found.accuracy) == (2, 2, 1.0)
    nothing = agreements(answers((True, None)))["c"]
    assert (nothing.kappa, nothing.accuracy, nothing.length_bias, nothing.self_consistency) == (None,) * 4
    assert not nothing.read_at(-1)


def test_where_people_always_say_the_same_there_is_no_kappa() -> None:
    assert agreements(answers((True, 0.9), (True, 0.9), (True, 0.1)))["c"].kappa is None


def test_a_judge_that_always_says_the_same_agrees_by_chance() -> None:
    assert agreements(answers((True, 0.9), (False, 0.9)))["c"].kappa == pytest.approx(0.0)


def test_a_liking_for_long_replies_shows() -> None:
    cells = [(False, 0.1), (False, 0.1), (False, 0.9), (False, 0.9), (True, 0.9)]
    found = agreements(answers(*cells, words=(3, 5, 40, 50, 20)))["c"]
    assert found.length_bias is not None
    assert found.length_bias > 0.8


def test_a_judge_that_changes_its_mind_is_not_consistent() -> None:
    found = agreements(answers((True, 0.9), (False, 0.1), again=0.9))["c"]
    assert found.self_consistency == 0.5


def test_the_file_tells_what_may_be_read() -> None:
    cells = [(True, 0.9)] * 12 + [(False, 0.1)] * 12
    content = as_json(agreements(answers(*cells)), 0.6, "j")
    assert content["mean_kappa"] == 1.0
    assert content["criteria"]["c"]["read"] is True
    assert as_json({}, 0.6, "j")["mean_kappa"] is None


def test_few_verdicts_are_not_enough_and_an_interval_stays_within_its_bounds() -> None:
    few = agreements(answers(*[(True, 0.9)] * 3, *[(False, 0.1)] * 3))["c"]
    assert (few.kappa, few.low, few.high) == (1.0, None, None)
    assert not few.read_at(0.6)
    unanswered = agreements(answers(*[(True, 0.9)] * 12, *[(False, 0.1)] * 12, *[(True, None)] * 25))["c"]
    assert not unanswered.read_at(0.6)
    sure = agreements(answers(*[(True, 0.9)] * 19, (True, 0.1), *[(False, 0.1)] * 18, (False, 0.9)))["c"]
    assert sure.high == 1.0
