"""Credit for whole negotiations: talking on never pays, and GAE steps over what the other side says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from suasion.config import GenerationConfig, RunConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import POLICY, Trainer
from suasion.training.trajectories import hold, trajectory_advantages, trajectory_return


class Likes:
    """R_model: 1 for every reply."""

    version = "likes"

    def score(self, dialogues: list[Dialogue]) -> list[float]:
        return [1.0 for _ in dialogues]


def settings(**changes: object) -> RunConfig:
    training = {
        "steps": 2,
        "contexts_per_step": 4,
        "replies_per_context": 2,
        "method": "ppo",
        "tracker": "none",
    }
    training |= {"credit": "trajectory", "outcome": 2.0, "value_adapter": False, "checkpoint_every": 1}
    return RunConfig(
        generation=GenerationConfig(max_new_tokens=6),
        training=TrainingConfig.model_validate(training | changes),
    )


@pytest.mark.parametrize("won", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("totals", [[0.5, -0.2], [-1.0], [2.0, 1.0, 0.0]])
def test_a_harmless_reply_more_never_raises_the_return(totals: list[float], won: float) -> None:
    """Harmless: worth no more than the others on average, and it wins nothing."""
    before = trajectory_return(totals, won, 2.0)
    for worth in (sum(totals) / len(totals), min(totals)):
        for place in range(len(totals) + 1):
            assert trajectory_return([*totals[:place], worth, *totals[place:]], won, 2.0) <= before + 1e-12


def test_every_token_is_paid_the_return_of_its_negotiation(
    another: Callable[[], Backbone], hotel: Pack
) -> None:
    """Without KL and with values of 0, return-to-go is the negotiation's own at each of its tokens."""
    backbone, config = another(), settings()
    backbone.add_adapter(POLICY)
    held = hold(backbone, POLICY, hotel, RewardSuite(hotel, model=Likes()), None, config, "r_model", 0)
    assert len(held.rows) == 2
    assert sorted(row for rows in held.rows for row in rows) == list(range(len(held.batch.samples)))
    held = replace(held, won=(1.0, 0.0))
    _, returns = trajectory_advantages(held, config.training, 0.0, False)
    for rows, won in zip(held.rows, held.won, strict=True):
        paid = returns[list(rows)][held.batch.mask[list(rows)]]
        assert paid.tolist() == pytest.approx([trajectory_return([1.0] * len(rows), won, 2.0)] * len(paid))


def test_it_trains_and_resumes_in_the_same_bytes(
    another: Callable[[], Backbone], hotel: Pack, tmp_path: Path
) -> None:
    suite = RewardSuite(hotel, model=Likes())
    whole, half = another(), another()
    records = Trainer(whole, suite, hotel, settings()).run([], tmp_path / "whole")
    Trainer(half, suite, hotel, settings(steps=1)).run([], tmp_path / "half")
    again = another()
    Trainer(again, suite, hotel, settings()).run([], tmp_path / "half", resume=True)
    assert [record["step"] for record in records] == [0, 1]
    assert 0 <= records[-1]["won"] <= 1
    for key, value in whole.adapter(POLICY).items():
        assert torch.equal(value, again.adapter(POLICY)[key]), key


def test_without_a_critic_it_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a critic"):
        settings(method="grpo")
