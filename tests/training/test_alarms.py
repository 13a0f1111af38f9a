"""Alarms by hand-made records: each rings for its own trouble, and none for a run that goes well."""

from typing import Any

import pytest

from suasion.config import AlarmsConfig
from suasion.training.alarms import ALARMS, alarms, told

GOOD = {
    "policy_loss": 0.0, "r_total": 0.2, "reply_tokens": 22.0, "entropy": 0.3, "kl": 0.3,
    "spread_model": 0.6, "spread_judge": 0.2, "spread_rules": 0.2,
}  # fmt: skip


def run(steps: int = 12, **late: Any) -> list[dict[str, Any]]:
    """Steps that go well, of which the last five have `late`."""
    return [GOOD | {"step": n} | (late if n >= steps - 5 else {}) for n in range(steps)]


@pytest.mark.parametrize(
    ("name", "late"),
    [
        ("one-component", {"spread_model": 0.99, "spread_judge": 0.005, "spread_rules": 0.005}),
        ("one-component", {"spread_model": 0.0, "spread_judge": 0.0, "spread_rules": 1.0}),
        ("length-drift", {"reply_tokens": 40.0}),
        ("length-drift", {"reply_tokens": 8.0}),
        ("entropy-collapse", {"entropy": 0.05}),
        ("kl-runaway", {"kl": 3.0}),
    ],
)
def test_an_alarm_rings_for_its_own_trouble(name: str, late: dict[str, float]) -> None:
    assert set(alarms(run(**late), AlarmsConfig())) == {name}
    assert alarms(run(**late), AlarmsConfig(action="off")) == {}
    assert alarms(run(steps=7, **late), AlarmsConfig()) == {}, "too few steps to say anything"


def test_reward_up_while_the_check_falls() -> None:
    records = run(r_total=0.9)
    records[3]["validation"], records[-1]["validation"] = 0.5, 0.2
    found = alarms(records, AlarmsConfig())
    assert set(found) == {"held-out-falls"}
    assert "0.30" in found["held-out-falls"]
    assert alarms(records[:-1], AlarmsConfig()) == {}, "it rings where it is measured only"
    records[-1]["validation"] = 0.45
    assert alarms(records, AlarmsConfig()) == {}, "within what is left to chance"


def test_reward_and_check_that_fall_together_are_no_hacking() -> None:
    records = run(r_total=-0.4)
    records[3]["validation"], records[-1]["validation"] = 0.5, 0.2
    assert alarms(records, AlarmsConfig()) == {}


def test_a_good_run_and_one_without_some_numbers_are_silent() -> None:
    assert alarms(run(), AlarmsConfig()) == {}
    bare = [dict.fromkeys(GOOD) | {"step": n} for n in range(12)]
    assert alarms(bare, AlarmsConfig()) == {}


def test_an_alarm_is_told_as_it_first_rang() -> None:
    records: list[dict[str, Any]] = [{}, {"alarms": {"a": "x"}}, {"alarms": {"b": "y", "a": "z"}}]
    assert told(records) == ["after step 2: a: x", "after step 3: b: y"]


def test_every_alarm_is_tried_here() -> None:
    assert set(ALARMS) == {
        "held-out-falls", "one-component", "length-drift", "entropy-collapse", "kl-runaway"
    }  # fmt: skip
