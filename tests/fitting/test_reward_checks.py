"""The figures of a reward model, on models whose habits are known."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from suasion.data.examples import Pair
from suasion.fitting.reward_checks import (
    calibration_curve,
    examine,
    pair_accuracy,
    pair_gaps,
    rank_correlation,
)
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.suite import RewardSuite

PROMISE = "We guarantee you more bookings."
PLAIN = ["Fair point. What is your best price?", "Could you come down a little?", "Thanks for your time."]


class Scorer:
    """R_model by a function of the reply."""

    def __init__(self, score: Callable[[str], float]) -> None:
        self._score = score

    def raw(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [self._score(dialogue.reply or "") for dialogue in dialogues]

    score = raw


def model(score: Callable[[str], float]) -> RewardModel:
    return cast("RewardModel", Scorer(score))


def pair(dialogue: Dialogue, chosen: str, rejected: str) -> Pair:
    return Pair(dialogue, chosen, rejected, "defect", "x", "linguist", "plain", (), ())


def test_one_that_likes_length_is_found_out(hotel: Pack, dialogues: list[Dialogue]) -> None:
    said = [dialogues[0].with_reply("word " * n) for n in range(1, 12)]
    found = examine(model(lambda reply: float(len(reply))), [], said, RewardSuite(hotel), None)
    assert found["length"] == pytest.approx(1.0)
    assert found["judge"] is None
    blind = examine(model(lambda reply: 0.0), [], said, RewardSuite(hotel), None)
    assert blind["length"] is None, "what does not vary correlates with nothing"


def test_what_a_broken_rule_costs_is_a_gap(hotel: Pack, dialogues: list[Dialogue]) -> None:
    said = [dialogues[0].with_reply(text) for text in [PROMISE] * 6 + PLAIN * 2]
    found = examine(
        model(lambda reply: -2.0 if reply == PROMISE else 1.0), [], said, RewardSuite(hotel), None
    )
    assert found["gaps"]["over-promise"] == {"gap": pytest.approx(3.0), "replies": 6}
    assert found["rules"] > 0


def test_the_curve_tells_who_is_too_sure(dialogues: list[Dialogue]) -> None:
    right, wrong = pair(dialogues[0], "aaaa", "b"), pair(dialogues[0], "b", "aaaa")
    pairs = [right, right, wrong, right]
    gaps = pair_gaps(model(lambda reply: 3.0 * len(reply)), pairs)
    assert gaps == [9.0, 9.0, -9.0, 9.0]
    assert pair_accuracy(pairs, gaps) == {"defect": 0.75, "all": 0.75}
    sure = calibration_curve(gaps)
    assert len(sure) == 1
    assert sure[0]["sure"] > 0.99
    assert sure[0]["right"] == pytest.approx(0.75)
    assert sure[0]["pairs"] == 4
    coin = calibration_curve([0.03, -0.03])
    assert coin[0]["sure"] == pytest.approx(0.5, abs=0.01)
    assert coin[0]["right"] == pytest.approx(0.5)


def test_what_was_not_read_is_left_out_and_few_say_nothing() -> None:
    assert rank_correlation([1, 2, 3, 4, 5, 6], [2, 4, None, 8, 10, 12]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) is None
