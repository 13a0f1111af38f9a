"""The guard in a simulated A/B test: who spoke in the end is told, and nothing that is forbidden was sent."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.agents.guarded import GuardedAgent
from suasion.agents.intent import IntentAgent
from suasion.cli import main
from suasion.evaluation.ab_guard import tell_guard
from suasion.evaluation.ab_log import Conversation
from suasion.evaluation.experiment import CONTROL, TREATMENT, Plan, plan, run
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack


class Promiser:
    """Says what no agent may."""

    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
        return ["We guarantee you more bookings."] * len(dialogues)


class Broken:
    def reply(self, dialogues: Sequence[Dialogue], seed: int) -> list[str]:
        raise RuntimeError("no memory")


@pytest.fixture
def planned(hotel: Pack) -> Plan:
    return plan(hotel, 40, 20, 3)


def only(log: list[Conversation], arm: str) -> list[Conversation]:
    return [one for one in log if one.arm == arm]


def outcomes(log: list[Conversation]) -> list[tuple[bool, bool, int | None]]:
    return [(one.responded, one.success, one.replies) for one in only(log, TREATMENT)]


@pytest.mark.parametrize(("agent", "failures"), [(Promiser(), 0), (Broken(), 3)])
def test_where_no_draft_may_leave_the_fallback_speaks(
    hotel: Pack, planned: Plan, agent: Promiser | Broken, failures: int
) -> None:
    """All replies are the fallback's, so the conversations come out as the guarded intent-driven agent's."""
    log, failed = run(GuardedAgent(agent, hotel), IntentAgent(hotel), planned, hotel)
    same, _ = run(GuardedAgent(IntentAgent(hotel), hotel), IntentAgent(hotel), planned, hotel)
    assert outcomes(log) == outcomes(same)
    assert not failed
    told = tell_guard(log, TREATMENT)
    assert told is not None
    assert told["fallbacks"]["estimate"] == told["withheld"]["estimate"] == 1.0
    assert told["fallbacks"]["low"] < 1, "exact, of some ten hotels"
    assert told["failures"] == failures * told["replies"]
    assert tell_guard(log, CONTROL) is None, "it has no guard"
    assert all(one.fallbacks is None for one in only(log, CONTROL))


def test_what_is_withheld_is_not_sent(hotel: Pack, planned: Plan) -> None:
    bare, _ = run(Promiser(), IntentAgent(hotel), planned, hotel)
    held, _ = run(GuardedAgent(Promiser(), hotel), IntentAgent(hotel), planned, hotel)
    broken = {"bare": only(bare, TREATMENT), "held": only(held, TREATMENT)}
    rates = {
        name: sum(one.violations or 0 for one in those) / sum(one.replies or 0 for one in those)
        for name, those in broken.items()
    }
    assert rates["bare"] >= 1
    assert rates["held"] < 0.1
    assert only(bare, CONTROL) == only(held, CONTROL), "the other arm is as it was"


def test_what_is_handed_over_is_over_and_no_failure(hotel: Pack, planned: Plan) -> None:
    log, failed = run(
        GuardedAgent(Promiser(), hotel, fallback=Promiser()), IntentAgent(hotel), planned, hotel
    )
    assert not failed
    treated = only(log, TREATMENT)
    assert {one.segment("ending") for one in treated} == {"handed_over"}
    assert not any(one.responded or one.replies for one in treated)
    told = tell_guard(log, TREATMENT)
    assert told is not None
    assert told["handed_over"] == len(treated)
    assert told["fallbacks"] is None


@pytest.mark.parametrize(
    ("guard", "arms"), [("none", set()), ("treatment", {TREATMENT}), ("both", {TREATMENT, CONTROL})]
)
def test_the_command_tells_the_share_of_each_guarded_arm(tmp_path: Path, guard: str, arms: set[str]) -> None:
    log, target = tmp_path / "log.jsonl", tmp_path / "ab.json"
    words = [
        "ab",
        "simulate",
        "--treatment",
        "intent",
        "--conversations",
        "60",
        "--hotels",
        "30",
        "--aa",
        "2",
    ]
    words += ["--guard", guard, "--seed", "5", "--log", str(log), "--json", str(target)]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert {arm for arm in (TREATMENT, CONTROL) if f"guard of {arm}: of " in told.stdout} == arms
    found = json.loads(target.read_text("utf-8"))["guard"]
    assert set(found) == arms
    for one in found.values():
        assert 0 <= one["fallbacks"]["estimate"] <= one["withheld"]["estimate"] <= 1
        assert one["fallbacks"]["high"] is not None
    again = ["ab", "analyze", str(log), "--control", CONTROL]
    assert CliRunner().invoke(main, again).exit_code == 0
