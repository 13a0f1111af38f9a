"""What `suasion export` writes is what the frameworks read, and its scripts run."""

import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click import Group
from click.testing import CliRunner, Result

from suasion.cli import main
from suasion.counterpart.briefs import draw_briefs
from suasion.integrations.settings import load_settings
from suasion.negotiation.dialogue import Dialogue, Turn, parse_dialogue, write_dialogues
from suasion.negotiation.pack import Pack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def contexts(hotel: Pack) -> list[Dialogue]:
    """Two contexts to each of twenty briefs."""
    said = [
        (),
        (Turn(speaker="agent", text="Hello."), Turn(speaker="counterpart", text="<|end|>[agreed] Yes?")),
    ]
    return [
        Dialogue(id=f"d{number}-{place}", brief=brief, turns=turns, reply="")
        for number, brief in enumerate(draw_briefs(hotel, 20, 0, "train"))
        for place, turns in enumerate(said)
    ]


def export(framework: str, source: Path, output: Path, *more: str) -> Result:
    words = ["export", framework, "--dialogues", str(source), "--output", str(output)]
    return CliRunner().invoke(main, [*words, *more])


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / f"{name}.jsonl"
    if path.exists():
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    from pyarrow import parquet

    found: list[dict[str, Any]] = parquet.read_table(folder / f"{name}.parquet").to_pylist()
    return found


RECORD = {
    "verl": lambda row: row["extra_info"]["dialogue"],
    "openrlhf": lambda row: row["label"],
    "trl": lambda row: row["dialogue"],
}


@pytest.mark.parametrize("framework", RECORD)
def test_rows_hold_prompt_and_record_and_no_brief_is_in_both_sets(
    framework: str, contexts: list[Dialogue], run_folder: Path, tmp_path: Path
) -> None:
    write_dialogues(tmp_path / "contexts.jsonl", contexts)
    output = tmp_path / "out"
    told = export(framework, tmp_path / "contexts.jsonl", output, "--preference", str(run_folder))
    assert told.exit_code == 0, told.output
    sets = {name: rows(output, name) for name in ("train", "val")}
    assert {name: len(found) for name, found in sets.items()} == {"train": 36, "val": 4}
    records = {
        name: [parse_dialogue(RECORD[framework](row), "row", 1) for row in found]
        for name, found in sets.items()
    }
    kept = Counter(record.id for found in records.values() for record in found)
    assert kept == Counter(one.id for one in contexts)
    briefs = [{record.brief.model_dump_json() for record in found} for found in records.values()]
    assert not briefs[0] & briefs[1]
    for row in (row for found in sets.values() for row in found):
        assert [message["role"] for message in row["prompt"]][:2] == ["system", "user"]
        assert not any("<|end|>" in message["content"] for message in row["prompt"])
    settings = load_settings(output / "reward.json")
    assert (settings.paid, settings.preference) == ("r_total", str(run_folder))
    assert set(settings.special_tokens) == {"<|begin|>", "<|end|>", "<|pad|>"}


def test_verl_rows_have_what_verl_asks_for(
    contexts: list[Dialogue], run_folder: Path, tmp_path: Path
) -> None:
    write_dialogues(tmp_path / "contexts.jsonl", contexts)
    export("verl", tmp_path / "contexts.jsonl", tmp_path, "--preference", str(run_folder))
    for name in ("train", "val"):
        for index, row in enumerate(rows(tmp_path, name)):
            assert row["data_source"] == "suasion/hotel"
            assert (row["extra_info"]["index"], row["extra_info"]["split"]) == (index, name)
            assert row["reward_model"]["ground_truth"] == json.loads(row["extra_info"]["dialogue"])["id"]
    script = (tmp_path / "train.sh").read_text(encoding="utf-8")
    assert "pkg://suasion.integrations.verl.manager" in script
    assert f"actor_rollout_ref.model.path={run_folder / 'model'} " in script


def test_of_a_whole_dialogue_each_turn_of_the_agent_is_a_context(
    contexts: list[Dialogue], run_folder: Path, tmp_path: Path
) -> None:
    said = [Turn(speaker=("agent", "counterpart")[place % 2], text=f"word {place}") for place in range(5)]
    whole = contexts[0].model_copy(update={"turns": tuple(said), "reply": None})
    waiting = contexts[2].model_copy(update={"turns": tuple(said[:2]), "reply": None})
    write_dialogues(tmp_path / "talks.jsonl", [whole, waiting])
    export("trl", tmp_path / "talks.jsonl", tmp_path, "--preference", str(run_folder))
    found = [json.loads(row["dialogue"]) for name in ("train", "val") for row in rows(tmp_path, name)]
    assert [len(record.get("turns", [])) for record in found] == [0, 2, 4, 2]
    assert {record["reply"] for record in found} == {""}


def test_what_is_paid_without_a_run_is_said(
    contexts: list[Dialogue], run_folder: Path, tmp_path: Path
) -> None:
    write_dialogues(tmp_path / "contexts.jsonl", contexts)
    told = export("trl", tmp_path / "contexts.jsonl", tmp_path, "--model", str(run_folder / "model"))
    assert "judge and rules alone are paid" in told.output
    assert load_settings(tmp_path / "reward.json").paid == "e_enh"


@pytest.mark.parametrize(
    ("line", "more", "told"),
    [
        ('{"id": "x"}', (), "in.jsonl:1: brief: required"),
        ("", (), "has no dialogue"),
        (None, ("--preference", "no-such-run"), "not a run directory"),
        (None, ("--model", "."), "has no tokenizer"),
    ],
)
def test_what_can_not_be_exported_is_one_line(
    line: str | None,
    more: tuple[str, ...],
    told: str,
    contexts: list[Dialogue],
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "in.jsonl"
    write_dialogues(source, contexts[:2])
    if line is not None:
        source.write_text(line + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = export("trl", source, tmp_path / "out", *(more or ("--preference", str(run_folder))))
    assert found.exit_code == 2
    assert found.output.count("\n") == 1
    assert told in found.output
    assert not (tmp_path / "out").exists()


def test_openrlhf_loads_the_file_that_was_written(
    contexts: list[Dialogue], run_folder: Path, tmp_path: Path
) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    write_dialogues(tmp_path / "contexts.jsonl", contexts)
    export(
        "openrlhf", tmp_path / "contexts.jsonl", tmp_path, "--preference", str(run_folder), "--judge", "local"
    )
    spec = spec_from_file_location("reward_func", str(tmp_path / "reward_func.py"))
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    row = rows(tmp_path, "train")[0]
    prompt = row["prompt"][-1]["content"]
    found = module.reward_func([f"{prompt}We guarantee you more bookings.<|end|>"], [prompt], [row["label"]])
    assert found["extra_logs"]["e_func"] < 0
    assert found["extra_logs"]["judge_read"] == 1.0


@pytest.mark.parametrize("framework", ["verl", "openrlhf"])
def test_the_shell_scripts_are_sound(
    framework: str, contexts: list[Dialogue], run_folder: Path, tmp_path: Path
) -> None:
    """With a stand-in for the trainer: what it is started with, from another directory, is there."""
    folder = tmp_path / "with space"
    write_dialogues(tmp_path / "contexts.jsonl", contexts)
    export(framework, tmp_path / "contexts.jsonl", folder, "--preference", str(run_folder))
    (tmp_path / "python3").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    (tmp_path / "python3").chmod(0o755)
    called = subprocess.run(
        ["sh", str(folder / "train.sh"), "more=1"],
        cwd="/",
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    words = called.stdout.splitlines()
    assert words[-1] == "more=1"
    named = [Path(word.split("=", 1)[-1]) for word in words if str(folder) in word]
    made = [path for path in named if path.name != "checkpoints"]
    assert len(made) == 3
    assert all(path.is_file() for path in made)


@pytest.mark.slow
def test_the_trl_script_trains(contexts: list[Dialogue], run_folder: Path, tmp_path: Path) -> None:
    write_dialogues(tmp_path / "contexts.jsonl", contexts)
    export("trl", tmp_path / "contexts.jsonl", tmp_path, "--preference", str(run_folder), "--judge", "local")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "train.py"), "--steps", "2", "--batch", "8"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "rewards/r_total/mean" in done.stdout
    assert (tmp_path / "checkpoints" / "model.safetensors").exists()


@pytest.mark.slow
def test_the_examples_of_the_help_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    group = main.commands["export"]
    assert isinstance(group, Group)
    needs_no_run = [command for name, command in group.commands.items() if name != "model"]
    for command in (group, *needs_no_run):
        words = shlex.split(str(command.epilog).split("suasion ", 1)[1])
        assert CliRunner().invoke(main, words).exit_code == 0
