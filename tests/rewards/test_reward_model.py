"""RM: calibrated scores, and the value model that starts as it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suasion.config import RewardModelConfig
from suasion.data.examples import Pair
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.contexts import group
from suasion.policy.heads import ScalarRole
from suasion.policy.model import Backbone
from suasion.policy.trees import branch
from suasion.rewards.reward_model import RewardModel
from suasion.training.fit_rewards import calibrate, fit_reward_model


@pytest.fixture
def model(another: Callable[[], Backbone], hotel: Pack, dialogues: list[Dialogue]) -> RewardModel:
    """Fitted to like the first reply of a context better than the second, and calibrated."""
    found = RewardModel(another(), hotel)
    pairs = [
        Pair(
            one.with_reply(""), one.reply or "", other.reply or "", "defect", "x", "linguist", "plain", (), ()
        )
        for one, other in zip(dialogues[:2], dialogues[2:], strict=True)
    ]
    losses = fit_reward_model(found, pairs, RewardModelConfig(epochs=20, learning_rate=1e-2, batch_size=2), 0)
    assert losses[-1] < 0.5 * losses[0]
    calibrate(found, [dialogues[::2], dialogues[1::2]], None)
    return found


def test_it_prefers_what_it_was_taught(model: RewardModel, dialogues: list[Dialogue]) -> None:
    scores = model.score(dialogues)
    assert scores[0] > scores[2]
    assert scores[1] > scores[3]


def test_calibrated_on_policy_scores_have_mean_0_and_spread_1(
    model: RewardModel, dialogues: list[Dialogue]
) -> None:
    scores = torch.tensor(model.score(dialogues))
    assert float(scores.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(scores.std(unbiased=False)) == pytest.approx(1.0, abs=1e-4)
    assert model.calibration.negative_share == pytest.approx(float((scores < 0).float().mean()))


def test_the_value_model_starts_as_the_reward_model(
    model: RewardModel, hotel: Pack, dialogues: list[Dialogue]
) -> None:
    value = ScalarRole(model.backbone, "value")
    model.start_value(value)
    found = group(model.backbone, hotel, dialogues)
    ends = value.read_ends([branch(one.prompt, one.replies) for one in found], 10_000)
    for one, values in zip(found, ends, strict=True):
        expected = model.score([dialogues[place] for place in one.places])
        assert values == pytest.approx(expected, abs=1e-4)


def test_it_comes_back_from_its_files(
    model: RewardModel,
    another: Callable[[], Backbone],
    hotel: Pack,
    dialogues: list[Dialogue],
    tmp_path: Path,
) -> None:
    model.save(tmp_path)
    again = RewardModel.load(another(), hotel, tmp_path)
    assert again.version == model.version
    assert again.score(dialogues) == model.score(dialogues)
