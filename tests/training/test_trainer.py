"""The loop on a tiny model: it learns what it is paid for, and resumes in the same bytes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import POLICY, TooManyUnreadError, Trainer


class LikesEven:
    """R_model: the share of even tokens in a reply, from -1 to 1 (the tiny tokenizer says token numbers)."""

    version = "even"
    unread = False

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        shares = []
        for dialogue in dialogues:
            words = (dialogue.reply or "").split()
            shares.append(2 * sum(int(word) % 2 == 0 for word in words) / max(1, len(words)) - 1)
        return shares


def settings(**changes: object) -> RunConfig:
    training = {
        "steps": 3,
        "contexts_per_step": 2,
        "replies_per_context": 4,
        "checkpoint_every": 1,
        "learning_rate": 3e-3,
        "value_learning_rate": 1e-3,
        "warmup_steps": 1,
        "method": "ppo",
        "kl": 0.0,
        "temperature": 0.1,
    }
    return RunConfig(
        generation=GenerationConfig(max_new_tokens=8),
        training=TrainingConfig.model_validate(training | changes),
    )


@pytest.fixture
def contexts(dialogues: list[Dialogue]) -> list[Dialogue]:
    return [dialogue.with_reply("").model_copy(update={"id": str(n)}) for n, dialogue in enumerate(dialogues)]


def trainer(backbone: Backbone, config: RunConfig) -> Trainer:
    pack = Pack.load("hotel")
    return Trainer(backbone, RewardSuite(pack, None, LikesEven(), RewardsConfig()), pack, config)


def test_it_learns_what_it_is_paid_for(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    config = settings(steps=60, checkpoint_every=60)
    records = trainer(another(), config).run(contexts, tmp_path)
    rewards = [record["r_model"] for record in records]
    assert sum(rewards[:5]) / 5 < 0.4
    assert sum(rewards[-5:]) / 5 > 0.8
    assert all(record["kl"] < 1e-9 for record in records[:2]), "the first step trains the value alone"
    assert records[-1]["kl"] > 0.1


def test_a_penalty_on_the_kl_keeps_it_near(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    far, near = (
        trainer(another(), settings(steps=40, checkpoint_every=40, kl=kl)).run(contexts, tmp_path / str(kl))
        for kl in (0.0, 1.0)
    )
    assert near[-1]["kl"] < 0.5 * far[-1]["kl"]


@pytest.mark.parametrize("stop", [1, 2])
def test_it_goes_on_from_a_checkpoint_in_the_same_bytes(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path, stop: int
) -> None:
    whole, first, second = (another() for _ in range(3))
    records = trainer(whole, settings()).run(contexts, tmp_path / "whole")
    trainer(first, settings(steps=stop)).run(contexts, tmp_path / "part")
    resumed = trainer(second, settings()).run(contexts, tmp_path / "part", resume=True)
    assert [record["r_total"] for record in resumed] == [record["r_total"] for record in records]
    for key, value in whole.adapter(POLICY).items():
        assert torch.equal(value, second.adapter(POLICY)[key]), key


def test_a_checkpoint_of_another_suite_is_refused(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    trainer(another(), settings(steps=1)).run(contexts, tmp_path)
    other = trainer(another(), settings())
    other.suite.version = "another"
    with pytest.raises(InputError, match="suite"):
        other.run(contexts, tmp_path, resume=True)


def test_a_run_whose_replies_go_unread_stops(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    pack = Pack.load("hotel")
    unread = Trainer(another(), RewardSuite(pack), pack, settings())  # no reward model: no total
    with pytest.raises(TooManyUnreadError, match="100%"):
        unread.run(contexts, tmp_path)
