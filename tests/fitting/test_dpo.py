"""DPO: its loss by hand, and a tiny model that comes to prefer what it was told to."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suasion.config import GenerationConfig, RunConfig, TrainingConfig
from suasion.data.examples import Pair
from suasion.fitting.dpo import _draws, dpo_loss, fit_dpo
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.validation import Validation


def test_the_loss_by_hand() -> None:
    """Margin: 0.1 x ((-10 + 12) - (-9 + 8)) = 0.3; without a gain the loss is log 2."""
    policy, reference = (
        torch.tensor([[-10.0, -9.0], [-5.0, -5.0]]),
        torch.tensor([[-12.0, -8.0], [-5.0, -5.0]]),
    )
    loss, margin = dpo_loss(policy, reference)
    assert margin.tolist() == pytest.approx([0.3, 0.0])
    assert loss.tolist() == pytest.approx([math.log(1 + math.exp(-0.3)), math.log(2)])


def test_every_pair_is_drawn_before_one_is_drawn_again() -> None:
    drawn = _draws(10, 5, 0)
    assert sorted(place for part in drawn for place in part) == list(range(10))
    few = _draws(3, 7, 0)
    assert [len(part) for part in few] == [1] * 7
    assert {place for part in few[:3] for place in part} == {0, 1, 2}


def test_it_learns_to_prefer(
    another: Callable[[], Backbone], dialogues: list[Dialogue], hotel: Pack, tmp_path: Path
) -> None:
    backbone = another()
    pairs = [
        Pair(one, "a good reply", "quite another reply", "quality", "", "sop_path", "plain", (), ())
        for one in (dialogue.with_reply("") for dialogue in dialogues)
    ]
    training = TrainingConfig(steps=12, learning_rate=3e-3, warmup_steps=1, minibatches=1, tracker="none")
    config = RunConfig(generation=GenerationConfig(max_new_tokens=8), training=training)
    check = Validation(backbone, "policy", RewardSuite(hotel), config, [])
    records = fit_dpo(backbone, pairs, hotel, config, check, tmp_path)
    assert records[0]["loss"] == pytest.approx(math.log(2), abs=1e-3), "it starts as its reference"
    assert records[-1]["margin"] > 0.1
    assert records[-1]["accuracy"] == 1.0
    assert len(records) == 12
