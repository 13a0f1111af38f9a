"""What goes wrong around a run: the disk, a signal, a broken checkpoint, a loss that is no number, memory."""

import os
import resource
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.errors import InputError
from suasion.files import NotWrittenError, beside
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.running.lock import locked
from suasion.running.stopping import Stopped, stop
from suasion.training.checkpoint import BEFORE
from suasion.training.diverged import FOLDER, DivergedError
from suasion.training.experience import _Reader
from suasion.training.memory import Budget
from suasion.training.trainer import POLICY, Trainer
from suasion.training.update import policy_gradient

LAST = "checkpoint.safetensors"


class Counts:
    """R_model: the share of even tokens; at one batch something else happens."""

    version = "counts"

    def __init__(self, at: int | None = None, then: Callable[[], float] = lambda: 0.0) -> None:
        self.batches, self.at, self.then = 0, at, then

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        self.batches += 1
        if self.batches == self.at:
            return [self.then()] * len(dialogues)
        words = [(dialogue.reply or "").split() for dialogue in dialogues]
        return [2 * sum(int(w) % 2 == 0 for w in one) / max(1, len(one)) - 1 for one in words]


def trainer(backbone: Backbone, steps: int, model: Counts | None = None) -> Trainer:
    training = TrainingConfig(
        steps=steps, contexts_per_step=2, checkpoint_every=1, learning_rate=3e-3, tracker="none", method="ppo"
    )
    config = RunConfig(generation=GenerationConfig(max_new_tokens=8), training=training)
    pack = Pack.load("hotel")
    return Trainer(backbone, RewardSuite(pack, None, model or Counts(), RewardsConfig()), pack, config)


@pytest.fixture
def contexts(dialogues: list[Dialogue]) -> list[Dialogue]:
    return [one.with_reply("").model_copy(update={"id": str(n)}) for n, one in enumerate(dialogues)]


def same(one: Backbone, other: Backbone) -> bool:
    return all(torch.equal(value, other.adapter(POLICY)[key]) for key, value in one.adapter(POLICY).items())


@pytest.mark.parametrize("breaks", ["cut", "bytes"])
def test_the_checkpoint_before_a_broken_one_is_used_and_said(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    breaks: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, second = another(), another()
    trainer(whole, 4).run(contexts, tmp_path / "whole")
    trainer(another(), 3).run(contexts, tmp_path / "part")
    path = tmp_path / "part" / LAST
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data if breaks == "bytes" else data[: len(data) // 2])
    trainer(second, 4).run(contexts, tmp_path / "part", resume=True)
    assert "the checkpoint before it is used: step 2" in capsys.readouterr().err
    assert same(whole, second)
    for name in (LAST, BEFORE):
        (tmp_path / "part" / name).write_bytes(b"no")
    with pytest.raises(InputError, match="no checkpoint can be read"):
        trainer(another(), 4).run(contexts, tmp_path / "part", resume=True)


def test_a_request_to_stop_leaves_the_step_and_loses_none(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    def ask() -> float:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0.0

    whole, second = another(), another()
    trainer(whole, 4).run(contexts, tmp_path / "whole")
    with stop.listen(), pytest.raises(Stopped, match="after 2 of 4 steps"):
        trainer(another(), 4, Counts(3, ask)).run(contexts, tmp_path / "part")
    trainer(second, 4).run(contexts, tmp_path / "part", resume=True)
    assert same(whole, second)


def test_a_loss_that_is_no_number_stops_the_run_and_its_batch_is_kept(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    def poison() -> float:
        value = learner.learner.value
        assert value is not None
        value.head.weight.data.fill_(float("nan"))
        return 0.0

    learner = trainer(another(), 4, Counts(3, poison))
    with pytest.raises(DivergedError, match=r"step 2: .* is nan"):
        learner.run(contexts, tmp_path)
    kept = {path.name for path in (tmp_path / FOLDER).iterdir()}
    assert kept == {"batch.safetensors", "replies.jsonl", "policy.safetensors", "fault.json"}


def test_a_gradient_out_of_all_proportion_stops_the_run(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    """Held to the usual norm itself, some step soon exceeds it; the checkpoint before that step stands."""
    careful = trainer(another(), 12)
    strict = {"explode": 1.001, "max_grad_norm": 1e-9}
    training = careful.config.training.model_copy(update=strict)
    strictly = careful.config.model_copy(update={"training": training})
    learner = Trainer(another(), careful.suite, careful.pack, strictly)
    with pytest.raises(DivergedError, match=r"grad_norm is .*, and was .* in the steps before"):
        learner.run(contexts, tmp_path)
    assert (tmp_path / FOLDER / "fault.json").exists()
    assert 4 <= len(trainer(another(), 12).run(contexts, tmp_path, resume=True)) == 12


def test_a_disk_that_is_full_costs_no_step_that_was_done(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> float:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        return -0.5

    whole, second = another(), another()
    trainer(whole, 4, Counts(3, lambda: -0.5)).run(contexts, tmp_path / "whole")
    try:
        with pytest.raises(NotWrittenError, match="can't be written"):
            trainer(another(), 4, Counts(3, fill)).run(contexts, tmp_path / "part")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    trainer(second, 4, Counts(1, lambda: -0.5)).run(contexts, tmp_path / "part", resume=True)
    assert same(whole, second)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """An update that fails as torch does where a micro-batch has more tokens: no test can fill memory."""

    def gradient(backbone: Backbone, role: str, *rest: object) -> dict[str, float]:
        if int(str(rest[-1])) > most:
            for parameter in backbone.adapter(role).values():
                parameter.grad = torch.ones_like(parameter)  # what is left halfway
            raise torch.OutOfMemoryError
        return policy_gradient(backbone, role, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("suasion.training.learner.policy_gradient", gradient)


def test_a_step_without_memory_is_done_in_halves_and_noted(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, second = another(), another()
    records = trainer(whole, 3).run(contexts, tmp_path / "whole")
    short_of_memory(monkeypatch, 700)
    halved = trainer(second, 3).run(contexts, tmp_path / "halves")
    assert [record["batch_tokens"] for record in records] == [1300] * 3
    assert [record["batch_tokens"] for record in halved] == [1300, 650, 650], "the first warms the value up"
    for key, value in whole.adapter(POLICY).items():
        assert torch.allclose(value, second.adapter(POLICY)[key], atol=1e-5), key


@pytest.mark.parametrize("credit", ["reply", "trajectory"])
def test_replies_are_scored_in_halves_too(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    credit: str,
) -> None:
    tried: list[int] = []

    def reference(self: Any) -> Any:
        tried.append(self.budget)
        if self.budget > 1400:
            raise torch.OutOfMemoryError
        return read(self)

    read = _Reader.reference
    monkeypatch.setattr(_Reader, "reference", reference)
    config = trainer(another(), 1).config
    training = config.training.model_copy(update={"credit": credit, "steps": 1})
    pack = Pack.load("hotel")
    learner = Trainer(
        another(),
        RewardSuite(pack, None, Counts(), RewardsConfig()),
        pack,
        config.model_copy(update={"training": training}),
    )
    records = learner.run(contexts, tmp_path)
    assert tried == [2600, 1300]
    assert records[0]["batch_tokens"] == 650


def test_a_full_disk_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(NotWrittenError, match="can't be written"), beside(path) as part:
            part.write_bytes(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_micro_batches_halve_until_they_fit() -> None:
    tried: list[int] = []

    def work(tokens: int) -> int:
        tried.append(tokens)
        if tokens > 300:
            raise torch.OutOfMemoryError
        return tokens

    assert Budget(1200).within(work) == 300
    assert tried == [1200, 600, 300]
    with pytest.raises(InputError, match="out of memory"):
        Budget(100).within(lambda tokens: work(1000))


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(InputError, match=f"number {os.getpid()}"), locked(tmp_path):
        pass
    ready, told = os.pipe()
    if (child := os.fork()) == 0:
        with locked(tmp_path):
            os.write(told, b"x")
            signal.pause()
    os.read(ready, 1)
    with pytest.raises(InputError, match=f"number {child}"), locked(tmp_path):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with locked(tmp_path):
        pass
