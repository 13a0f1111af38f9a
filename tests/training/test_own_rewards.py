"""Training with a reward of one's own: it is paid, its failures are counted, and too many stop the run."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.new_pack import new_pack
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.score import Source, Status
from suasion.rewards.suite import RewardSuite
from suasion.running.folder import read_steps
from suasion.training.trainer import TooManyUnreadError, Trainer

CODE = """
from suasion import Evidence

FAILING = {failing}

def picky(dialogue):
    first = sum(map(ord, dialogue.reply)) % 10
    if first < FAILING:
        raise ValueError("not this one")
    return [Evidence("picky", 10.0)]
"""


class Pleased:
    """R_model: 1 for every reply."""

    version = "pleased"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [1.0] * len(dialogues)


@pytest.fixture
def pack_failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Pack]]:
    """A pack whose own reward fails for so many of ten replies."""
    modules = tmp_path / "modules"
    modules.mkdir()
    monkeypatch.syspath_prepend(modules)

    def make(failing: int) -> Pack:
        (modules / "mine_in_training.py").write_text(CODE.format(failing=failing))
        folder = new_pack("first", "generic", tmp_path / "first").path
        manifest = folder / "pack.yaml"
        manifest.write_text(manifest.read_text("utf-8") + 'rewards: ["mine_in_training:picky"]\n', "utf-8")
        return Pack.load(folder.rename(tmp_path / "own"))

    yield make
    sys.modules.pop("mine_in_training", None)


def trained(pack: Pack, backbone: Backbone, folder: Path) -> Trainer:
    training = TrainingConfig(steps=3, contexts_per_step=2, method="repo", value_warmup_steps=0)
    config = RunConfig(generation=GenerationConfig(max_new_tokens=8), training=training)
    said = (
        Turn(speaker="counterpart", text="Why should I?"),
        Turn(speaker="counterpart", text="Tell me more."),
    )
    contexts = [Dialogue(id=f"d{n}", brief=Brief(), turns=(turn,)) for n, turn in enumerate(said)]
    trainer = Trainer(backbone, RewardSuite(pack, None, Pleased()), pack, config)
    trainer.run(contexts, folder)
    return trainer


def test_some_failures_are_told_and_training_goes_on(
    pack_failing: Callable[[int], Pack], another: Callable[[], Backbone], tmp_path: Path
) -> None:
    pack = pack_failing(3)
    suite = RewardSuite(pack, None, Pleased(), RewardsConfig(missing="neutral"))
    replies = [Dialogue(id=f"r{n}", brief=Brief(), reply=f"{n} .") for n in range(40)]
    read = suite.score(replies)
    failed = [one for one in read if one.scores[Source.RULES].status == Status.FAILED]
    assert 5 < len(failed) < 20
    assert all(one.e_func is None and one.r_total == 1.0 for one in failed)  # neutral: R_model alone
    assert all(one.r_total is not None for one in read)
    by_default = RewardSuite(pack, None, Pleased()).score(replies)
    assert [one.r_total is None for one in by_default] == [one in failed for one in read]  # they are dropped
    trained(pack, another(), tmp_path / "run")
    shares = [step["share_unread_rules"] for step in read_steps(tmp_path / "run")]
    assert len(shares) == 3
    assert 0 < sum(shares) < 3 * 0.5


def test_too_many_failures_stop_the_run(
    pack_failing: Callable[[int], Pack], another: Callable[[], Backbone], tmp_path: Path
) -> None:
    with pytest.raises(TooManyUnreadError, match="rules 100%"):
        trained(pack_failing(10), another(), tmp_path / "run")
