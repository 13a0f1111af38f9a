"""RM: calibrated scores, with an adapter and as a head alone."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from suasion.config import RewardModelConfig
from suasion.data.examples import Pair
from suasion.fitting.fit_rewards import bradley_terry, calibrate, fit_reward_model, second_head
from suasion.fitting.reward_checks import disagreement
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.reward_model import RewardModel


def pairs_of(better: Sequence[Dialogue], worse: Sequence[Dialogue]) -> list[Pair]:
    return [
        Pair(
            one.with_reply(""), one.reply or "", other.reply or "", "defect", "x", "linguist", "plain", (), ()
        )
        for one, other in zip(better, worse, strict=True)
    ]


@pytest.fixture(params=[0, 20], ids=["head", "adapter"])
def model(
    request: pytest.FixtureRequest, another: Callable[[], Backbone], hotel: Pack, dialogues: list[Dialogue]
) -> RewardModel:
    """Fitted to like the first reply of a context better than the second, and calibrated."""
    epochs: int = request.param
    found = RewardModel(another(), hotel, adapter=epochs > 0)
    pairs = pairs_of(dialogues[:2], dialogues[2:])
    config = RewardModelConfig(epochs=epochs, learning_rate=1e-4, batch_size=2, decay=1e-4)
    losses = fit_reward_model(found, pairs, config, 0)
    assert len(losses) == 1 + epochs
    assert losses[-1] < 0.3
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


def test_the_share_of_the_context_is_an_intraclass_correlation(
    model: RewardModel, dialogues: list[Dialogue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contexts at (0, 2) and (10, 12): within 2, between 50 - 2 / 2 = 49. Nothing but noise: none."""
    groups = [dialogues[::2], dialogues[1::2]]
    for raw, share in (([0.0, 2, 10, 12], 49 / 51), ([0.0, 2, 2, 0], 0.0)):
        monkeypatch.setattr(model, "raw", lambda flat, raw=raw: raw)
        assert calibrate(model, groups, None).context_share == pytest.approx(share)


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
    assert again.score(dialogues) == pytest.approx(model.score(dialogues), abs=1e-4)


def test_a_margin_and_noise_in_the_labels_by_hand() -> None:
    chosen, rejected = torch.tensor([1.0]), torch.tensor([0.0])
    assert float(bradley_terry(chosen, rejected)) == pytest.approx(math.log(1 + math.exp(-1)))
    assert float(bradley_terry(chosen, rejected, margin=1.0)) == pytest.approx(math.log(2))
    noisy = 0.9 * math.log(1 + math.exp(-1)) + 0.1 * math.log(1 + math.exp(1))
    assert float(bradley_terry(chosen, rejected, smoothing=0.1)) == pytest.approx(noisy)
    assert float(bradley_terry(chosen, rejected, centring=0.5)) - 0.5 == pytest.approx(
        math.log(1 + math.exp(-1))
    )


def test_another_head_on_pairs_that_say_the_same_agrees(
    model: RewardModel, dialogues: list[Dialogue]
) -> None:
    """And with pairs the other way round it does not."""
    config = RewardModelConfig(decay=1e-4)
    for one, other, agree in ((dialogues[:2], dialogues[2:], True), (dialogues[2:], dialogues[:2], False)):
        head = second_head(model, pairs_of(one, other), config, 1)
        found = disagreement(model, head, [*dialogues, *dialogues])
        assert found["heads"] is not None
        assert (found["heads"] > 0.5) is agree
        assert (found["disagreement"] < 0.8) is agree
