"""The whole road on the real embedded model, at the smallest size; and going on after an interruption."""

import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
CONFIG = Path(__file__).parents[1] / "configs" / "smoke.toml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from suasion.config import load_config
    from suasion.pipeline import run

    target = tmp_path_factory.mktemp("run")
    run(load_config(CONFIG), target)
    return target


def test_a_run_leaves_a_report_and_says_how_it_was_made(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    made = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert report["headline"].startswith("REPO is")
    assert (folder / "report.html").stat().st_size > 10_000
    assert made["config"]["training"]["steps"] == 2
    assert len((folder / "steps.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_a_step_done_again_from_its_checkpoint_is_the_same(folder: Path, tmp_path: Path) -> None:
    """The first step's checkpoint plus one more step gives the bytes of the uninterrupted run."""
    import torch
    from safetensors.torch import load_file

    from suasion.negotiation.pack import Pack
    from suasion.pipeline import fine_tune, load_suite, prepare
    from suasion.policy.model import load_backbone
    from suasion.running.folder import load_run_config
    from suasion.training.trainer import Trainer

    whole = load_file(folder / "policy.safetensors")
    config = load_run_config(folder)
    pack = Pack.load(config.pack)
    data = prepare(pack, config)
    for resume, steps in ((False, 1), (True, config.training.steps)):
        part = config.model_copy(update={"training": config.training.model_copy(update={"steps": steps})})
        backbone = load_backbone(part.model)
        fine_tune(backbone, data, pack, part, folder, resume=True)
        trainer = Trainer(backbone, load_suite(backbone, pack, part, folder), pack, part)
        trainer.run(data.contexts, tmp_path, resume)
    for key, value in backbone.adapter("policy").items():
        assert torch.equal(value.detach(), whole[key]), key


def train_on(config: Path, target: Path) -> "subprocess.Popen[bytes]":
    """REPO in a process of its own, from where the folder stands; what it says is in `said.txt`."""
    command = [sys.executable, "-m", "suasion.cli", "train", "repo", "--resume"]
    command += ["--config", str(config), "--output", str(target)]
    with (target / "said.txt").open("wb") as said:
        return subprocess.Popen(command, stdout=said, stderr=said)


def steps_done(target: Path) -> int:
    log = target / "steps.jsonl"
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def test_three_kills_of_the_real_model_change_no_byte(folder: Path, tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf-8").replace("negotiations = 2", "negotiations = 0")  # to judge on
    config = tmp_path / "twelve.toml"
    config.write_text(text.replace("steps = 2", "steps = 12"), encoding="utf-8")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for target in (whole, killed):
        shutil.copytree(
            folder, target, ignore=shutil.ignore_patterns("checkpoint*", "policy*", "steps*", "report*")
        )
    rng, process = random.Random(0), train_on(config, whole)
    assert process.wait() == 0, (whole / "said.txt").read_text()
    for _ in range(3):
        before, process = steps_done(killed), train_on(config, killed)
        try:
            while process.poll() is None and steps_done(killed) <= before:
                time.sleep(0.1)
            time.sleep(rng.uniform(0.0, 2.0))
            assert process.poll() is None, "it was to be killed before it ends"
        finally:
            process.kill()
            process.wait()
    process = train_on(config, killed)
    assert process.wait() == 0, (killed / "said.txt").read_text()
    assert (killed / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()


def test_a_finished_run_is_judged_again_alike(folder: Path) -> None:
    """The same replies and negotiations from what the run left on disk."""
    from suasion.comparison import evaluate_run

    before = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    again = evaluate_run(folder, "suasion evaluate").as_record()
    for old, new in zip(before["measures"], again["measures"], strict=True):
        if old["key"] in ("tokens", "unique", "violations", "task_success", "turns"):
            assert old == new


def test_a_stage_alone_leaves_what_the_next_one_needs(tmp_path: Path) -> None:
    from suasion.config import load_config
    from suasion.pipeline import run

    config = load_config(CONFIG)
    assert run(config, tmp_path, until="SFT") is None
    written = (tmp_path / "sft.safetensors").stat().st_mtime_ns
    assert run(config, tmp_path, resume=True, until="rewards") is None
    assert (tmp_path / "sft.safetensors").stat().st_mtime_ns == written
    assert {path.name for path in (tmp_path / "rewards").iterdir()} == {
        "calibration.json",
        "judge.json",
        "judge.safetensors",
        "reward.safetensors",
    }
