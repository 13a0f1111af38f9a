"""A run that is killed again and again ends in the same bytes as one that nobody disturbed."""

import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suasion.config import AlarmsConfig, GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import save_tensors
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import POLICY, Trainer

KILLS = 50
RESULT = "policy.safetensors"
Start = Callable[[Path], multiprocessing.process.BaseProcess]


class Lengthy:
    """R_model: long replies."""

    version = "long"

    def score(self, dialogues: list[Dialogue]) -> list[float]:
        return [len((dialogue.reply or "").split()) / 4 - 1 for dialogue in dialogues]


def train(backbone: Backbone, contexts: list[Dialogue], folder: Path) -> None:
    """Go on from whatever is in the folder, in one thread, to the end."""
    torch.set_num_threads(1)  # a fork has none of the threads that its parent may have started
    config = RunConfig(
        generation=GenerationConfig(max_new_tokens=8),
        alarms=AlarmsConfig(action="off"),
        training=TrainingConfig(
            steps=10, contexts_per_step=3, negotiations=1, learning_rate=1e-3, kl_target=0.01,
            checkpoint_every=2, validate_every=3, validation_contexts=2, tracker="none",
        ),
    )  # fmt: skip
    pack = Pack.load("hotel")
    trainer = Trainer(backbone, RewardSuite(pack, None, Lengthy(), RewardsConfig()), pack, config)
    trainer.run(contexts, folder, resume=True, validation=contexts)
    adapter = backbone.adapter(POLICY)
    save_tensors(folder / RESULT, {key: value.detach() for key, value in adapter.items()})


@pytest.fixture
def start(another: Callable[[], Backbone], dialogues: list[Dialogue]) -> Start:
    """Starts the run in a process of its own; a fork, so that it need not load torch each time."""
    contexts = [one.with_reply("").model_copy(update={"id": str(n)}) for n, one in enumerate(dialogues)]

    def begin(folder: Path) -> multiprocessing.process.BaseProcess:
        process = multiprocessing.get_context("fork").Process(
            target=lambda: train(another(), contexts, folder)
        )
        process.start()
        return process

    return begin


@pytest.mark.slow
def test_fifty_kills_change_no_byte(start: Start, tmp_path: Path) -> None:
    began = time.monotonic()
    whole = start(tmp_path / "whole")
    whole.join()
    lasts = time.monotonic() - began
    assert whole.exitcode == 0
    expected = (tmp_path / "whole" / RESULT).read_bytes()
    rng, kills, runs = random.Random(0), 0, 0
    while kills < KILLS or runs == 0:
        folder = tmp_path / str(runs)
        while not (folder / RESULT).exists():
            process = start(folder)
            process.join(rng.uniform(0.0, 0.6 * lasts) if kills < KILLS else None)
            if process.is_alive():
                process.kill()
                kills += 1
            process.join()
            assert process.exitcode in (0, -9), "a run that was killed can always go on"
        runs += 1
        assert (folder / RESULT).read_bytes() == expected, f"run {runs}, after {kills} kills"
    assert runs > 1
