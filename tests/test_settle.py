"""What a run settles before it starts, and what it refuses to go on from."""

import json
from pathlib import Path

import pytest

from suasion import settle
from suasion.config import DataConfig, RunConfig, TrainingConfig
from suasion.errors import InputError
from suasion.running import folder

HALF = settle.FAST_ENOUGH * (
    settle.FIXED + (1 - settle.FIXED) * 0.501
)  # speed by which half of the sizes fit


@pytest.fixture(autouse=True)
def _speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor of a known speed: this one's can't be made faster or slower."""
    monkeypatch.setattr(settle, "layer_speed", lambda dtype: 1e9)


def test_a_fast_processor_does_all_and_a_slow_one_says_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = RunConfig(trim=True)
    settled, trims = settle.begin(config, tmp_path / "fast", False, "x")
    assert (settled.data, settled.training, trims) == (config.data, config.training, [])
    monkeypatch.setattr(settle, "layer_speed", lambda dtype: HALF)
    settled, trims = settle.begin(config, tmp_path / "slow", False, "x")
    assert settled.data.dialogues == config.data.dialogues // 2
    assert settled.training.steps == config.training.steps // 2
    assert settled.evaluation.contexts == config.evaluation.contexts, "the verdict keeps its contexts"
    assert settled.evaluation.negotiations == 30, "and at least 30 negotiations"
    assert "cut to 50%" in trims[0]
    assert trims[0] in capsys.readouterr().err
    unasked = RunConfig()
    settled, trims = settle.begin(unasked, tmp_path / "unasked", False, "x")
    assert (settled.data, settled.training, trims) == (unasked.data, unasked.training, [])


def test_a_processor_that_is_far_too_slow_is_told_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "layer_speed", lambda dtype: settle.FAST_ENOUGH / 10)
    _, trims = settle.begin(RunConfig(trim=True), tmp_path, False, "x")
    assert "cut to 30%, not less, for it would tell nothing: expect about 122 minutes" in trims[0]


def test_a_trim_makes_nothing_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "layer_speed", lambda dtype: HALF)
    config = RunConfig(trim=True, training=TrainingConfig(steps=2), data=DataConfig(faults=0, dialogues=9))
    settled, _ = settle.begin(config, tmp_path, False, "x")
    assert (settled.training.steps, settled.data.faults, settled.data.dialogues) == (2, 0, 9)


def test_what_was_trained_is_removed_only_where_that_is_said(tmp_path: Path) -> None:
    settle.begin(RunConfig(), tmp_path, False, "x")
    trained = tmp_path / "sft.safetensors"
    trained.write_bytes(b"minutes of work")
    with pytest.raises(InputError, match="--resume goes on with it, --overwrite removes it"):
        settle.begin(RunConfig(), tmp_path, False, "x")
    settle.begin(RunConfig(), tmp_path, True, "x")
    assert trained.exists()
    settle.begin(RunConfig(), tmp_path, False, "x", overwrite=True)
    assert not trained.exists()


def test_how_a_judge_is_reached_may_change_and_nothing_else_of_it(tmp_path: Path) -> None:
    def asked(judge: str, **remote: object) -> RunConfig:
        return RunConfig.model_validate({"rewards": {"judge": judge, "remote": remote}})

    settle.begin(asked("http://host/v1"), tmp_path, False, "x")
    longer = asked("http://host/v1", timeout_s=90, concurrency=2)
    settled, _ = settle.begin(longer, tmp_path, True, "x")
    assert settled.rewards.remote == longer.rewards.remote
    with pytest.raises(InputError, match=r"rewards\.judge: the run there had 'http://host/v1'"):
        settle.begin(asked("http://other/v1"), tmp_path, True, "x")


def test_the_type_is_settled_once(tmp_path: Path) -> None:
    settled, _ = settle.begin(RunConfig(), tmp_path, False, "x")
    assert settled.model.dtype in ("float32", "bfloat16")
    again, _ = settle.begin(RunConfig(), tmp_path, True, "x")
    assert again == settled


def test_going_on_keeps_the_sizes_of_the_run_that_was_trimmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "layer_speed", lambda dtype: HALF)
    config = RunConfig(trim=True)
    settled, trims = settle.begin(config, tmp_path, False, "x")
    monkeypatch.setattr(settle, "layer_speed", lambda dtype: 1e9)
    assert settle.begin(config, tmp_path, True, "x") == (settled, trims)
    longer = RunConfig(trim=True, training=TrainingConfig(steps=99))
    with pytest.raises(InputError, match="goes on with those sizes") as caught:
        settle.begin(longer, tmp_path, True, "x")
    assert caught.value.field == "training"


def test_who_began_a_run_stands_beside_who_went_on_with_it(tmp_path: Path) -> None:
    for resume, command in ((False, "first"), (True, "second"), (True, "third")):
        settle.begin(RunConfig(), tmp_path, resume, command)
    made = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert made["command"] == "first"
    assert [one["command"] for one in made["resumed"]] == ["second", "third"]
    assert made["resumed"][0]["versions"] == made["versions"]


def test_another_commit_that_goes_on_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(folder, "_commit", lambda: "abc1234")
    settle.begin(RunConfig(), tmp_path, False, "x")
    settle.begin(RunConfig(), tmp_path, True, "x")
    assert not capsys.readouterr().err
    monkeypatch.setattr(folder, "_commit", lambda: "def5678")
    settle.begin(RunConfig(), tmp_path, True, "x")
    assert "begun with commit abc1234, gone on with def5678" in capsys.readouterr().err


def test_training_may_go_on_for_longer(tmp_path: Path) -> None:
    settle.begin(RunConfig(), tmp_path, False, "x")
    longer = RunConfig(training=TrainingConfig(steps=99))
    assert settle.begin(longer, tmp_path, True, "x")[0].training.steps == 99


def test_a_rate_that_has_fallen_is_not_raised_again(tmp_path: Path) -> None:
    settle.begin(RunConfig(training=TrainingConfig(schedule="linear")), tmp_path, False, "x")
    longer = RunConfig(training=TrainingConfig(schedule="linear", steps=99))
    with pytest.raises(InputError, match="take another directory") as caught:
        settle.begin(longer, tmp_path, True, "x")
    assert caught.value.field == "training.steps"


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (RunConfig(seed=1), "seed"),
        (RunConfig(pack="generic"), "pack"),
        (RunConfig(training=TrainingConfig(kl=0.5)), "training.kl"),
    ],
)
def test_going_on_with_other_settings_is_refused(tmp_path: Path, other: RunConfig, field: str) -> None:
    settle.begin(RunConfig(), tmp_path, False, "x")
    with pytest.raises(InputError, match="take another directory") as caught:
        settle.begin(other, tmp_path, True, "x")
    assert caught.value.field == field


def test_a_new_run_takes_nothing_from_an_old_one(tmp_path: Path) -> None:
    (tmp_path / "rewards").mkdir()
    for name in ("sft.safetensors", "rewards/judge.safetensors", "notes.txt"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    settle.begin(RunConfig(), tmp_path, False, "x", overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "run.json"}
