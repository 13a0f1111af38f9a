"""The whole benchmark on a tiny untrained model: every kind of shard, its JSON, and the page made of them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.bench import workshop
from suasion.cli import main
from suasion.config import ModelConfig
from suasion.policy.heads import save_tensors
from suasion.policy.model import Backbone
from suasion.rewards.saved import SFT

HOTEL = Path(__file__).parents[2] / "benchmarks" / "hotel"
SHARDS = ("start-sft", "start-rewards", "intent", "sft", "dpo-0", "grpo-0", "repo-0")
ABLATIONS = ("without-rm-0", "uncalibrated-0", "trajectory-0")
TESTS = ("ab", "ab-guard")


@pytest.fixture
def place(tmp_path: Path, another: Callable[[], Backbone], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder whose SFT is done: its tiny model has no tokenizer for TRL."""

    def load(config: ModelConfig, seed: int = 0) -> Backbone:
        return another()

    monkeypatch.setattr(workshop, "load_backbone", load)
    start = tmp_path / "work" / "start"
    start.mkdir(parents=True)
    backbone = another()
    backbone.add_adapter(SFT)
    adapter = {key: value.detach() for key, value in backbone.adapter(SFT).items()}
    save_tensors(start / "sft.safetensors", adapter)
    return tmp_path


def bench(place: Path, *words: str) -> "tuple[int, str]":
    told = CliRunner().invoke(
        main,
        ["bench", "paper", "--preset", "tiny", "--work", str(place / "work"), "--output", str(place / "out"),
         "--instruments", str(HOTEL), *words],
    )  # fmt: skip
    if told.exception and not isinstance(told.exception, SystemExit):
        raise told.exception
    return told.exit_code, told.output


def shard_options(*names: str) -> list[str]:
    return [word for name in names for word in ("--shard", name)]


@pytest.mark.slow
def test_every_kind_of_shard_and_the_page(place: Path) -> None:
    code, said = bench(place, *shard_options(*SHARDS, *ABLATIONS, "draws-intent", "draws-repo", *TESTS))
    assert code == 0, said
    found = {path.stem: json.loads(path.read_text("utf-8")) for path in (place / "out").glob("*.json")}
    assert set(found) == {*SHARDS, *ABLATIONS, "draws-intent", "draws-repo", *TESTS}
    for one in found.values():
        assert one["command"]
        assert one["lock"] == found["intent"]["lock"]
        assert all(tool["held"] == "held" for tool in one["instruments"])
    for name in ("dpo-0", "grpo-0", "repo-0"):
        measures = found[name]["measures"]
        assert len(measures["bad_cases"]["replies"]) == 45
        assert len(measures["evaluated"]) == 3
        assert len(measures["held_out"]["rows"]) == 4
        assert any("validation" in step for step in found[name]["curve"]), "the best checkpoint is chosen"
    # a method with a critic warms it up in a step beside the others'
    assert [len(found[name]["curve"]) for name in ("dpo-0", "grpo-0", "repo-0")] == [2, 2, 3]
    assert not found["ab"]["measures"]["ab"]["guard"]
    guarded = found["ab-guard"]["measures"]["ab"]["guard"]
    assert guarded["treatment"]["fallbacks"]["estimate"] > 0.5, (
        "an untrained model says little that may leave"
    )
    assert guarded["control"]["replies"] > 0
    paid = {name: found[name]["paid_by"] for name in ("repo-0", "without-rm-0", "uncalibrated-0")}
    assert len(set(paid.values())) == 3
    assert len({found[name]["suite_version"] for name in paid}) == 1, "all are measured by one suite"

    told = CliRunner().invoke(
        main,
        ["bench", "page", "--preset", "tiny", "--results", str(place / "out"), "--instruments", str(HOTEL),
         "--output", str(place / "page.md")],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    text = (place / "page.md").read_text("utf-8")
    assert "| ppo | – · missing" in text
    assert "Missing: base, ppo-0" in text
    assert "To be done again" not in text
    assert "Guard of the treatment: of " in text
    drawn = {path.stem for path in (place / "out").glob("*.png")}
    assert drawn == {"curves", "bad-cases", "ablations", "draws", *TESTS}

    again = (place / "out" / "repo-0.json").stat().st_mtime_ns
    code, said = bench(place, *shard_options("repo-0"))
    assert code == 2
    assert "--resume skips what is done" in said
    assert bench(place, "--resume", *shard_options("repo-0"))[0] == 0
    assert (place / "out" / "repo-0.json").stat().st_mtime_ns == again


def test_a_list_says_what_is_left_and_by_what(place: Path) -> None:
    code, said = bench(place, "--list")
    assert code == 0
    assert "without-rm-0" in said
    assert "by the plan, nothing is measured yet" in said


def test_a_shard_that_there_is_not_is_named(place: Path) -> None:
    code, said = bench(place, *shard_options("repo-9"))
    assert code == 2
    assert "no shard repo-9" in said


def test_draws_of_a_method_that_is_not_trained_here_say_so(place: Path) -> None:
    code, said = bench(place, *shard_options("draws-repo"))
    assert code == 2
    assert "run the shard repo-0 here first" in said


def test_a_page_of_nothing_calls_everything_missing(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        main,
        ["bench", "page", "--preset", "cpu", "--results", str(tmp_path / "none"), "--instruments", str(HOTEL),
         "--output", str(tmp_path / "page.md")],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    text = (tmp_path / "page.md").read_text("utf-8")
    assert "0 of 39 shards are done" in text
    assert "4.63 · missing" in text
    assert not list((tmp_path / "none").glob("*.png"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_real_model_at_the_smallest_size(tmp_path: Path) -> None:
    code, said = bench(tmp_path, *shard_options("start-sft", "start-rewards", "repo-0"))
    assert code == 0, said
    one = json.loads((tmp_path / "out" / "repo-0.json").read_text("utf-8"))
    assert [step["step"] for step in one["curve"]] == [0, 1, 2]
    assert one["phases"].keys() == {"training", "instruments", "held out"}
    assert all(row["r_total"] is not None for row in one["measures"]["held_out"]["rows"])
    replies = {reply["reply"] for reply in one["measures"]["bad_cases"]["replies"].values()}
    assert len(replies) > 20, "it writes, and not the same to all"
