"""What makes a shard stale: the lock, the pack and the code that decides, and nothing that only shows."""

import shutil
from pathlib import Path
from typing import Any

import grimp
import pytest
from click.testing import CliRunner

import suasion
from suasion.bench.plan import Shard, shards
from suasion.bench.preset import load_preset
from suasion.bench.record import Record, read_record, write_record
from suasion.bench.stale import DECIDES, EVALUATION, Present, code_of, code_version
from suasion.cli import main
from suasion.evaluation.lock import sha256
from suasion.negotiation.pack import Pack

HOTEL = Path(__file__).parents[2] / "benchmarks" / "hotel"
PACKAGE = Path(suasion.__file__).parent
NOW = Present("lock", "pack", "code")


def record(name: str, **changes: Any) -> Record:
    made: dict[str, Any] = {
        "shard": name, "work": "method", "row": name.rsplit("-", 1)[0], "seed": 0, "preset": "tiny",
        "command": "suasion bench paper", "commit": "abc", "versions": {}, "pack": "pack", "code": "code",
        "suite_version": "s", "paid_by": "s", "instruments": [], "lock": "lock", "dtype": "float32",
        "finished": "2026-01-01 00:00", "minutes": 1.0, "phases": {}, "settings": {}, "curve": [],
        "measures": {},
    }  # fmt: skip
    return Record.model_validate(made | changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ()),
        ({"lock": "before"}, ("another LOCK",)),
        ({"lock": "before", "work": "start-sft"}, ()),  # it meets no instrument
        ({"pack": "before"}, ("another pack",)),
        ({"code": "before"}, ("other code",)),
        ({"code": None}, ("unknown code",)),
        ({"lock": "b", "pack": "b", "code": None}, ("another LOCK", "another pack", "unknown code")),
    ],
)
def test_what_a_shard_may_differ_in(changes: dict[str, Any], why: tuple[str, ...]) -> None:
    assert NOW.differs(record("repo-0", **changes)) == why


def test_what_is_built_on_stale_weights_is_stale() -> None:
    """Another LOCK is no matter of weights; another pack is."""
    plan = [
        Shard("start-sft", "start-sft"),
        Shard("repo-0", "method", "repo", needs=("start-sft",)),
        Shard("grpo-0", "method", "grpo", needs=("start-sft",)),
        Shard("draws-repo", "draws", "repo", needs=("repo-0",)),
        Shard("draws-grpo", "draws", "grpo", needs=("grpo-0",)),
    ]
    done = {
        "repo-0": record("repo-0", pack="before"),
        "grpo-0": record("grpo-0", lock="before"),
        "draws-repo": record("draws-repo", work="draws", row="repo"),
        "draws-grpo": record("draws-grpo", work="draws", row="grpo"),
    }
    assert NOW.stale(done, plan) == {
        "repo-0": ("another pack",),
        "grpo-0": ("another LOCK",),
        "draws-repo": ("built on repo-0",),
    }


def test_json_without_the_field_is_of_unknown_code(tmp_path: Path) -> None:
    path = write_record(tmp_path, record("repo-0"))
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith('"code"')), encoding="utf-8")
    assert NOW.differs(read_record(path)) == ("unknown code",)


def test_the_code_that_decides_and_no_other(tmp_path: Path) -> None:
    copy = tmp_path / "suasion"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = code_of(copy)
    assert before == code_version()
    for name in ("training/ppo.py", "evaluation/charts.py", "bench/page.py", "packs/hotel/rules.yaml"):
        _change(copy / name)
    assert code_of(copy) == before, "a pack has a version of its own, and the rest decides nothing"
    for name in ("counterpart/mind.py", "locales/en.yaml", "evaluation/grading.py", "bench/instruments.py"):
        _change(copy / name)
        now = code_of(copy)
        assert now != before, name
        before = now


def _change(path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("# changed\n")


def test_nothing_that_decides_is_forgotten() -> None:
    """Whatever the instruments and the A/B test import of evaluation/ is in the version, and nothing else."""
    for name in DECIDES:
        assert (PACKAGE / name).exists(), name
    graph, used = grimp.build_graph("suasion", exclude_type_checking_imports=True), set()
    for root in ("suasion.bench.instruments", "suasion.evaluation.experiment"):
        used |= {root} | graph.find_upstream_modules(root)
    evaluation = {one.split(".")[2] for one in used if one.startswith("suasion.evaluation.")}
    assert evaluation == set(EVALUATION)
    others = {"policy", "config", "running", "errors", "files", "yaml_files"}  # the agent, and files
    rooms = {one.split(".")[1] for one in used if "." in one} - {"evaluation", "bench"}
    assert rooms <= {*DECIDES, *others}


def measured(lengths: int) -> dict[str, Any]:
    """As a method's shard holds it, of one bad case, two negotiations and two held-out replies."""
    row = {"answered": 1, "won": 1, "tickets": 1, "off": 0.1, "replies": lengths, "rules": 0, "faults": 1}
    row |= {"ending": "agreed", "sop": 2}
    reply = {"r_total": 1.0, "r_model": 1.0, "e_judge": 0.0, "e_func": 0.0, "rules": 0, "faults": 0}
    return {
        "bad_cases": {"replies": {"c1": {"grade": "clean"}}},
        "online": [row, row],
        "evaluated": [row, row | {"won": 0, "faults": 0}],
        "held_out": {"rows": [reply, reply]},
        "shown": [],
    }


def test_the_page_shows_what_is_stale(tmp_path: Path) -> None:
    """SFT was measured as now, REPO in JSON of before: every figure that holds REPO is marked."""
    preset = load_preset("tiny")
    now = {"lock": sha256(HOTEL / "LOCK"), "pack": Pack.load(preset.run.pack).version}
    for name, code in (("sft", code_version()), ("repo-0", None)):
        assert name in {shard.name for shard in shards(preset)}
        write_record(tmp_path / "out", record(name, code=code, measures=measured(3), **now))
    words = ["bench", "page", "--preset", "tiny", "--results", str(tmp_path / "out")]
    words += ["--instruments", str(HOTEL), "--output", str(tmp_path / "page.md")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    text = (tmp_path / "page.md").read_text("utf-8")
    assert "since made with something else: repo-0 (unknown code).**" in text
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")}
    own, against = sections["With the evaluation counterpart"], sections["REPO against each of the others"]
    assert "†" not in line_of(own, "sft")
    assert line_of(own, "repo").count("†") == 7
    assert line_of(against, "sft").count("†") == 7
    assert "| unknown code |" in line_of(sections["Shards"], "repo-0")
    assert "| yes |" in line_of(sections["Shards"], "sft")


def line_of(section: str, name: str) -> str:
    return next(line for line in section.splitlines() if line.startswith(f"| {name} |"))
