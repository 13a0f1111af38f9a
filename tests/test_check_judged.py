"""Arms are not compared where the judge was away."""

from dataclasses import replace
from pathlib import Path

import pytest

from suasion.comparison import check_judged
from suasion.config import RewardsConfig
from suasion.errors import InputError
from suasion.evaluation.metrics import Arm, JudgedReply
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Score
from suasion.rewards.suite import RewardSuite


class Somebody:
    version = "somebody"

    def score(self, dialogues: list[Dialogue]) -> list[Score]:
        raise NotImplementedError


def arm(dialogue: Dialogue, read: int, unread: int) -> Arm:
    reply = JudgedReply(
        dialogue,
        "negotiate",
        None,
        1.0,
        10.0,
        0.0,
        (),
        (),
        20,
        truncated=False,
        fluency=-2.0,
        required_acts=True,
    )
    replies = (reply,) * read + (replace(reply, e_judge=None),) * unread
    return Arm("sft", replies, (), (), ())


def test_too_many_unread_replies_are_an_error_that_says_what_to_do(
    hotel: Pack, dialogues: list[Dialogue], tmp_path: Path
) -> None:
    suite = RewardSuite(hotel, Somebody(), None, RewardsConfig(max_unread=0.4))
    arms = [arm(dialogues[0], 4, 0), arm(dialogues[0], 2, 4)]
    check_judged(arms, suite, tmp_path)
    with pytest.raises(InputError, match=r"the judge read 3 of 10 replies.*--resume.*suasion evaluate"):
        check_judged([arm(dialogues[0], 3, 1), arm(dialogues[0], 0, 6)], suite, tmp_path)
    check_judged([arm(dialogues[0], 0, 9)], RewardSuite(hotel), tmp_path)  # nobody was asked
