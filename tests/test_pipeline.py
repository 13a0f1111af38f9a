"""The whole road on the real embedded model, at the smallest size; and going on after an interruption."""

import json
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

    from suasion.config import load_config
    from suasion.negotiation.pack import Pack
    from suasion.pipeline import fine_tune, load_suite, prepare, trim
    from suasion.policy.model import load_backbone
    from suasion.training.trainer import Trainer

    whole = load_file(folder / "policy.safetensors")
    config, _ = trim(load_config(CONFIG))
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
