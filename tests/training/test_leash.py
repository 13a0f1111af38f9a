"""The KL to SFT holds the policy near, in the reward or in the loss, and is measured alike in both."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.training.small_trainer import settings, trainer

from suasion.negotiation.dialogue import Dialogue
from suasion.policy.model import Backbone


@pytest.mark.parametrize("where", ["reward", "loss"])
@pytest.mark.parametrize("held", [{"kl": 1.0}, {"kl": 0.1, "kl_target": 0.05}])
def test_a_penalty_on_the_kl_keeps_it_near(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    held: dict[str, object],
    where: str,
) -> None:
    far, near = (
        trainer(another(), settings(steps=25, checkpoint_every=25, **changes)).run(contexts, tmp_path / name)
        for name, changes in (("far", {}), ("near", held | {"kl_in": where}))
    )
    assert near[-1]["kl"] < 0.5 * far[-1]["kl"]
    assert "token_kl" not in near[-1], "of a reply, as everywhere"


def test_the_kl_in_the_loss_is_the_mean_over_the_tokens_of_what_the_sampled_ones_estimate(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    """The same run measured both ways, with a weight that changes nothing: k3 is an unbiased estimate."""
    runs = [
        trainer(another(), settings(steps=25, kl=1e-9, minibatches=1, kl_in=where)).run(
            contexts, tmp_path / where
        )
        for where in ("loss", "reward")
    ]
    exact, estimated = (sum(record["kl"] for record in run[10:]) for run in runs)
    assert exact == pytest.approx(estimated, rel=0.2)
    assert exact > 0.1
