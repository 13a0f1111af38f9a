"""The commands as a user meets them."""

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click import Command, Group
from click.testing import CliRunner

from suasion.cli import main
from suasion.negotiation.pack import Pack

GOOD = {
    "id": "d1",
    "brief": {
        "hotel": "Sunrise Hotel",
        "city": "Hangzhou",
        "agency": "Voyara",
        "agent_name": "Lin",
        "facts": ["The hotel's page had 310 views in the last 7 days."],
        "tickets": [
            {
                "id": "t1",
                "room": "Deluxe King",
                "check_in": "2026-12-01",
                "check_out": "2026-12-02",
                "currency": "CNY",
                "selling_price": 420,
                "commission_rate": 0.15,
                "target_selling_price": 380,
                "competitor_price": {
                    "selling_price": 385,
                    "source": "another platform",
                    "seen_at": "2026-11-20",
                },
            }
        ],
    },
    "turns": [
        {"speaker": "agent", "text": "Hello, this is Lin from Voyara."},
        {"speaker": "counterpart", "text": "Yes?"},
        {"speaker": "counterpart", "silence_minutes": 45},
    ],
    "reply": "Thank you for agreeing to 380 yuan! Our target price is 380.",
}


def changed(**changes: object) -> dict[str, object]:
    record = json.loads(json.dumps(GOOD))
    ticket = record["brief"]["tickets"][0]
    for key, value in changes.items():
        (ticket if key in ticket or key.startswith("t_") else record)[key.removeprefix("t_")] = value
    return record


BROKEN = [
    ("{not json", "JSON"),
    (json.dumps([1]), "object"),
    (json.dumps(changed(selling_price=-1)), "brief.tickets.0.selling_price"),
    (json.dumps(changed(target_selling_price=500)), "target_selling_price"),
    (json.dumps(changed(check_out="2026-11-30")), "check_out"),
    (json.dumps(changed(check_in="soon")), "check_in"),
    (json.dumps(changed(t_colour="blue")), "colour"),
    (json.dumps(changed(turns=[{"speaker": "cat", "text": "x"}])), "turns.0.speaker"),
    (json.dumps(changed(turns=[{"speaker": "agent"}])), "turns.0"),
    (json.dumps(changed(replly="x")), "replly"),
    (json.dumps({key: value for key, value in GOOD.items() if key != "reply"}), "reply"),
    (json.dumps(GOOD).replace("420", "NaN"), "NaN"),
    (json.dumps(changed(reply="a \ud800 b")), "reply"),
    ('{"id": ' + 850 * "[" + '"\\ud800"' + 850 * "]" + "}", "surrogate"),
    (json.dumps(changed(turns=[{"speaker": "agent", "text": "\udfff"}])), "turns.0.text"),
]


def test_score_reads_what_it_can_and_names_the_rest(tmp_path: Path) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [json.dumps(GOOD)]
    for text, _ in BROKEN:
        lines += [text, json.dumps(GOOD)]
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["score", "--input", str(source), "--output", str(output)])
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert result.exit_code == 1
    assert len(errors) == len(BROKEN)
    for number, (error, (_, says)) in enumerate(zip(errors, BROKEN, strict=True)):
        assert f"{source}:{2 * number + 2}" in error
        assert says in error
    scores = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(scores) == len(BROKEN) + 1
    first = scores[0]
    assert first["e_func"] < -100
    assert {hit["severity"] for hit in first["rules"]} >= {"critical"}
    assert (first["r_model"], first["r_total"], first["e_judge"]) == (None, None, None)
    assert first["status"] == {"model": "unread", "judge": "unread", "rules": "read"}
    assert first["stage"] == "silence"


def test_simulate_then_reply_is_reproducible(tmp_path: Path) -> None:
    talks = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for path in talks:
        arguments = [
            "simulate",
            "--agent",
            "intent",
            "--conversations",
            "5",
            "--seed",
            "4",
            "--output",
            str(path),
        ]
        assert CliRunner().invoke(main, arguments).exit_code == 0
    assert talks[0].read_bytes() == talks[1].read_bytes()
    output = tmp_path / "replies.jsonl"
    arguments = ["reply", "--agent", "intent", "--input", str(talks[0]), "--output", str(output)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert all(json.loads(line)["reply"] for line in output.read_text(encoding="utf-8").splitlines())


def test_the_examples_score_as_the_readme_says(tmp_path: Path) -> None:
    examples, output = Path(__file__).parents[1] / "examples", str(tmp_path / "scores.jsonl")
    words = ["score", "--input", str(examples / "replies.jsonl"), "--output", output]
    assert "3 scored, 2 of them break a rule" in CliRunner().invoke(main, words).stdout
    words = ["score", "--pack", "generic", "--input", str(examples / "own.jsonl"), "--output", output]
    assert "1 scored, 0 of them break a rule" in CliRunner().invoke(main, words).stdout


def test_score_does_not_write_over_what_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(GOOD) + "\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["score", "--input", str(path), "--output", str(path)])
    assert result.exit_code == 2
    assert "is the input file" in result.stderr
    wrong = ["score", "--input", str(tmp_path / "missing.jsonl"), "--output", str(path)]
    result = CliRunner().invoke(main, wrong)
    assert result.exit_code != 0
    assert "missing.jsonl" in result.stderr
    assert not isinstance(result.exception, OSError)
    assert json.loads(path.read_text(encoding="utf-8")) == GOOD


def test_negotiations_that_fail_are_no_silence(tmp_path: Path) -> None:
    pack = tmp_path / "mine"
    shutil.copytree(Pack.load("hotel").path, pack)
    phrases = (pack / "phrases.yaml").read_text("utf-8")
    (pack / "phrases.yaml").write_text(phrases.replace("  greet:", "  gret:", 1), "utf-8")
    output = tmp_path / "talks.jsonl"
    words = ["simulate", "--agent", "intent", "--pack", str(pack), "--conversations", "3", "--output"]
    result = CliRunner().invoke(main, [*words, str(output)])
    assert result.exit_code == 1
    assert "3 of 3 failed; the first: error: InputError: phrases.yaml: no phrases" in result.stderr
    assert CliRunner().invoke(main, ["pack", "check", str(pack)]).exit_code == 2


def test_an_unknown_key_of_a_config_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[training]\nstep = 3\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["run", "--config", str(path), "--output", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert f"{path}:2: training.step: unknown key" in result.stderr


def test_a_packs_rubric_is_checked(tmp_path: Path) -> None:
    pack = tmp_path / "hotel"
    shutil.copytree(Pack.load("hotel").path, pack)
    with (pack / "rubric.yaml").open("a", encoding="utf-8") as rubric:
        rubric.write("\nnonsense: 1\n")
    result = CliRunner().invoke(main, ["pack", "check", str(pack)])
    assert result.exit_code == 2
    assert "nonsense: unknown key" in result.stderr


def every_command(command: Command, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Command]]:
    nested = command.commands.items() if isinstance(command, Group) else ()
    return [(words, command)] + [pair for name, sub in nested for pair in every_command(sub, (*words, name))]


@pytest.mark.parametrize(("words", "command"), every_command(main), ids=lambda value: str(value)[:40])
def test_every_help_has_an_example_of_a_real_command(words: tuple[str, ...], command: Command) -> None:
    result = CliRunner().invoke(main, [*words, "--help"])
    assert result.exit_code == 0
    example = shlex.split(str(command.epilog).split("suasion ", 1)[1])
    found: Command = main
    while isinstance(found, Group) and not example[0].startswith("-"):
        found = found.commands[example.pop(0)]
    assert found.make_context(found.name, example).params is not None


CHEAP = {
    "score",
    "reply",
    "simulate",
    "data",
    "data check",
    "data export",
    "data import",
    "data synthesize",
    "data replies",
    "pack",
    "pack check",
    "pack new",
}
CHEAP |= {"experiment check", "ab", "ab analyze", "ab power", "evaluate bad-cases"}
CHEAP |= {"incident", "incident file", "incident list", "incident show", "pack diff"}
CHEAP |= {"patch", "patch new", "patch check", "patch backtest", "patch log"}


@pytest.mark.parametrize(
    ("words", "command"),
    [(words, command) for words, command in every_command(main) if " ".join(words) in CHEAP],
    ids=lambda value: str(value)[:40],
)
def test_the_examples_that_train_nothing_run(
    words: tuple[str, ...], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("examples", "benchmarks"):
        (tmp_path / folder).symlink_to(Path(__file__).parents[1] / folder)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, shlex.split(str(command.epilog).split("suasion ", 1)[1]))
    assert result.exit_code == 0, result.output


def test_help_is_quick() -> None:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "suasion.cli", "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5
