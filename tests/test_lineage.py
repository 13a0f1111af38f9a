"""What `suasion train repo --from` refuses, and what it writes down of the run that it goes on from."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.config import RunConfig
from suasion.errors import InputError
from suasion.incidents.apply import apply_patch
from suasion.incidents.patch import load_patch
from suasion.lineage import NEEDED, go_on, inherit
from suasion.negotiation.pack import Pack
from suasion.running.folder import describe_run, write_json

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The files of a finished run; nothing here reads what they hold."""
    folder = tmp_path / "run"
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    (folder / "steps.jsonl").write_text('{"step": 0}\n{"step": 1}\n', encoding="utf-8")
    write_json(folder / "run.json", describe_run(RunConfig(), "suasion run", []))
    return folder


@pytest.fixture
def patched(tmp_path: Path) -> Path:
    copytree(Pack.load("hotel").path, tmp_path / "pack")
    apply_patch(load_patch(EXAMPLES / "patch.yaml"), tmp_path / "pack")
    return tmp_path / "pack"


def test_the_new_run_says_what_it_goes_on_from(run: Path, patched: Path, tmp_path: Path) -> None:
    config = go_on(run, str(patched), tmp_path / "new", steps=5)
    origin = config.origin
    assert origin is not None
    assert (origin.run, origin.pack, origin.steps) == (run, Pack.load("hotel").version, 2)
    assert set(origin.files) == set(NEEDED)
    assert (config.pack, config.training.steps, config.data) == (str(patched), 5, RunConfig().data)
    assert RunConfig.model_validate(json.loads(config.model_dump_json())) == config
    inherit(config, tmp_path / "new")
    assert (tmp_path / "new" / "before.safetensors").read_text() == "policy.safetensors"
    (run / "policy.safetensors").write_text("another", encoding="utf-8")
    with pytest.raises(InputError, match="is not what it was when"):
        inherit(config, tmp_path / "newer")


def test_bad_states_get_one_clear_error(run: Path, patched: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    with pytest.raises(InputError, match="not a run directory"):
        go_on(tmp_path / "nothing", str(patched), new)
    with pytest.raises(InputError, match="is the run to go on from"):
        go_on(run, str(patched), run)
    with pytest.raises(InputError, match="is the suite that the run was trained under"):
        go_on(run, "hotel", new)
    with pytest.raises(InputError, match="no such pack"):
        go_on(run, "nowhere", new)
    with pytest.raises(InputError, match="this differs too"):
        go_on(run, "donation", new)
    other = tmp_path / "other.toml"
    other.write_text("[data]\ndialogues = 9\n", encoding="utf-8")
    with pytest.raises(InputError, match="keeps its own; only alarms, evaluation, training"):
        go_on(run, str(patched), new, other)
    (run / "policy.safetensors").unlink()
    with pytest.raises(InputError, match=r"is not finished: policy\.safetensors is missing"):
        go_on(run, str(patched), new)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--suite", "hotel"], "--suite and --steps go with --from"),
        ([], "Missing option '--config'"),
        (["--from", "runs/x"], "--from needs --suite"),
        (["--from", "runs/x", "--suite", "hotel", "--seed", "1"], "keeps its data"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], told: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["train", "repo", "--output", str(tmp_path / "out"), *words])
    assert done.exit_code == 2
    assert told in done.output
