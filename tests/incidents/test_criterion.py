"""A patch's criterion by the real local judge: fitted on its verdicts, it reads the log."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main

from .conftest import EXAMPLES, HEAD


@pytest.mark.slow
def test_a_criterion_is_checked_and_back_tested(tmp_path: Path) -> None:
    lines = (EXAMPLES / "verdicts.jsonl").read_text("utf-8").splitlines()
    question = json.loads(lines[0])["criterion"]
    (tmp_path / "told.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    patch = tmp_path / "patch.yaml"
    criterion = f"criterion: \n  id: asked\n  question: {json.dumps(question)}\n  points: -40\n"
    patch.write_text(HEAD + criterion + "verdicts: told.jsonl\n", encoding="utf-8")
    words = ["patch", "check", str(patch), "--pack", "hotel", "--floor", "-1"]
    checked = CliRunner().invoke(main, words)
    assert checked.exit_code == 0, checked.output
    assert "local judge on" in checked.stdout
    assert "kappa" in checked.stdout
    assert CliRunner().invoke(main, [*words[:-1], "1"]).exit_code == 1
    target = tmp_path / "b.json"
    words = ["patch", "backtest", str(patch), "--pack", "hotel", "--dialogues", str(EXAMPLES / "log.jsonl")]
    tested = CliRunner().invoke(main, [*words, "--json", str(target)])
    assert tested.exit_code == 0, tested.output
    found = json.loads(target.read_text("utf-8"))
    moved = found["e"]["before"]["estimate"] - found["e"]["after"]["estimate"]
    assert 0 < moved < 40
    assert len(found["most_affected"]) == 20
    assert "fitted on the patch's verdicts: kappa" in found["notes"][0]
