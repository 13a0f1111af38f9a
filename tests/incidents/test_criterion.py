"""A patch's criterion by the real local judge: fitted on its verdicts, it tries cases and reads the log."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from suasion.cli import main

from .conftest import EXAMPLES, HEAD, copy_of

pytestmark = pytest.mark.slow
TOLD = [json.loads(line) for line in (EXAMPLES / "verdicts.jsonl").read_text("utf-8").splitlines()]
QUESTION = TOLD[0]["criterion"]
CRITERION = (
    f"criterion: \n  id: asked\n  question: {json.dumps(QUESTION)}\n  points: -40\nverdicts: told.jsonl\n"
)


def write_patch(folder: Path, told: list[dict[str, Any]], cases: str = "") -> Path:
    lines = "\n".join(map(json.dumps, told))
    (folder / "told.jsonl").write_text(lines + "\n", encoding="utf-8")
    patch = folder / "patch.yaml"
    patch.write_text(HEAD + CRITERION + cases, encoding="utf-8")
    return patch


def case(verdict: dict[str, Any]) -> str:
    """As it stands under hits or passes, on a line of its own."""
    return "  - " + json.dumps({"reply": verdict["reply"], "after": verdict["context"]}) + "\n"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["patch", *words])


def test_a_criterion_is_checked_and_back_tested(tmp_path: Path) -> None:
    patch = str(write_patch(tmp_path, TOLD))
    checked = run("check", patch, "--pack", "hotel", "--floor", "-1")
    assert checked.exit_code == 0, checked.output
    assert "local judge on" in checked.stdout
    assert "kappa" in checked.stdout
    assert "flip" not in checked.stdout, "there is no case to try"
    assert run("check", patch, "--pack", "hotel", "--floor", "1").exit_code == 1
    target = tmp_path / "b.json"
    log = ("--dialogues", str(EXAMPLES / "log.jsonl"), "--json", str(target))
    tested = run("backtest", patch, "--pack", "hotel", *log)
    assert tested.exit_code == 0, tested.output
    found = json.loads(target.read_text("utf-8"))
    moved = found["e"]["before"]["estimate"] - found["e"]["after"]["estimate"]
    assert 0 < moved < 40
    assert len(found["most_affected"]) == 20
    assert "fitted on the patch's verdicts: kappa" in found["notes"][0]


def test_the_judge_tries_hits_and_passes_that_it_was_not_fitted_on(tmp_path: Path) -> None:
    asked = [one for one in TOLD if one["criterion"] == QUESTION]
    met = next(one for one in asked if one["verdict"])
    unmet = next(one for one in asked if not one["verdict"])
    told = [one for one in asked if one["reply"] not in (met["reply"], unmet["reply"])]
    folder = copy_of("hotel", tmp_path / "own")
    patch = write_patch(tmp_path, told, f"hits:\n{case(met)}passes:\n{case(unmet)}")
    checked = run("check", str(patch), "--pack", "hotel", "--floor", "-1")
    assert checked.exit_code == 0, checked.output
    assert "1 flip, 1 stay" in checked.stdout
    swapped = str(write_patch(tmp_path, told, f"hits:\n{case(unmet)}passes:\n{case(met)}"))
    for command, pack in (("check", "hotel"), ("apply", str(folder))):
        refused = run(command, swapped, "--pack", pack)
        assert refused.exit_code == 2
        assert f"{swapped}:11: hits.0: the judge must say yes to" in refused.stderr
    applied = run("apply", str(write_patch(tmp_path, told, f"hits:\n{case(met)}")), "--pack", str(folder))
    assert applied.exit_code == 0, applied.output
    assert QUESTION in (folder / "rubric.yaml").read_text("utf-8")
