"""The A/B tests on the page, without and with the guard: each by its scale, and what the guard did."""

from pathlib import Path

from click.testing import CliRunner

from suasion.agents.intent import IntentAgent
from suasion.bench.record import Record, write_record
from suasion.cli import main
from suasion.evaluation import experiment
from suasion.evaluation.ab import analyse_log
from suasion.evaluation.ab_guard import tell_guard
from suasion.evaluation.guarded_talks import under_guard
from suasion.negotiation.pack import Pack

HOTEL = Path(__file__).parents[2] / "benchmarks" / "hotel"
ALARMS = {"clustered": {"estimate": 0.05}}


def record(name: str, hotel: Pack) -> Record:
    """The intent-driven agent against itself."""
    planned, agent = experiment.plan(hotel, 60, 30, 11), IntentAgent(hotel)
    speaker = under_guard(agent, hotel, name == "ab-guard")
    log, _ = experiment.run(speaker, speaker, planned, hotel)
    found = analyse_log(log, "control", {"control": 1, "treatment": 1})
    found |= {"aa": {"response": ALARMS, "success": ALARMS}, "looks": experiment.looks(log), "failed": 0}
    found["guard"] = {arm: told for arm in ("treatment", "control") if (told := tell_guard(log, arm))}
    return Record(
        shard=name, work="ab", row="repo", seed=0, preset="tiny", command="c", commit="abc", versions={},
        pack="p", suite_version=None, paid_by=None, instruments=[], lock="l", dtype="float32",
        finished="2026-01-01 00:00", minutes=1.0, phases={}, settings={}, curve=[], measures={"ab": found},
    )  # fmt: skip


def test_both_tests_are_told_in_their_scales(tmp_path: Path, hotel: Pack) -> None:
    made = {name: record(name, hotel) for name in ("ab", "ab-guard")}
    for one in made.values():
        write_record(tmp_path / "out", one)
    words = ["bench", "page", "--preset", "tiny", "--results", str(tmp_path / "out")]
    words += ["--instruments", str(HOTEL), "--output", str(tmp_path / "page.md")]
    assert CliRunner().invoke(main, words).exit_code == 0
    text = (tmp_path / "page.md").read_text("utf-8")
    measured = made["ab"].measures["ab"]["comparisons"]["treatment"]
    assert f"| response | {100 * measured['response']['control']:.2f} |" in text
    assert f"| violations | {measured['violations']['control']:.2f} |" in text, "per 100 replies already"
    replies = made["ab-guard"].measures["ab"]["guard"]["treatment"]["replies"]
    assert f"\nGuard of the treatment: of {replies} replies " in text
    assert text.count("Guard of the ") == 2
    assert "shard ab-guard †, to be done again" in text
    assert "missing: shard" not in text
    assert {path.stem for path in (tmp_path / "out").glob("*.png")} == {"ab", "ab-guard"}
