"""The simulated A/B test: fair by hotel, the same by seed, and quiet where there is nothing to hear."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.agents.intent import IntentAgent
from suasion.cli import main
from suasion.evaluation.ab import compare
from suasion.evaluation.ab_log import Conversation
from suasion.evaluation.experiment import (
    CONTROL,
    TREATMENT,
    draw_arms,
    false_alarms,
    looks,
    plan,
    run,
)
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.load("hotel")


@dataclass
class Mumbler:
    """Says nothing that a hotel would answer, and counts what it was asked."""

    asked: int = 0
    ids: set[str] = field(default_factory=set)

    def reply(self, dialogues: list[Dialogue], seed: int) -> list[str]:
        self.asked += len(dialogues)
        self.ids |= {dialogue.id for dialogue in dialogues}
        return ["mumble"] * len(dialogues)


def test_a_hotel_is_in_one_arm_whatever_comes_after_it() -> None:
    few, many = draw_arms(["a", "b"], "s"), draw_arms(["b", "c", "a", "d"], "s")
    assert {hotel: many[hotel] for hotel in few} == few
    drawn = list(draw_arms([str(n) for n in range(2000)], "s").values())
    assert 900 < drawn.count(CONTROL) < 1100


def test_no_two_conversations_share_their_luck(pack: Pack) -> None:
    """An id decides an agent's dice, so each of the plan has its own, in whichever arm it is."""
    planned, control, treatment = plan(pack, 60, 30, 1), Mumbler(), Mumbler()
    run(control, treatment, planned, pack)
    assert control.ids
    assert treatment.ids
    assert control.ids | treatment.ids == {f"1-{number:05d}" for number in range(60)}
    assert not control.ids & treatment.ids


def test_a_worse_agent_is_found_to_be_worse(pack: Pack) -> None:
    planned = plan(pack, 240, 120, 1)
    assert 60 < len(set(planned.hotels)) <= 190
    log, failed = run(Mumbler(), IntentAgent(pack), planned, pack)
    assert not failed
    assert [one.hotel for one in log] == list(planned.hotels)
    found = compare(log, CONTROL, TREATMENT)["response"]
    assert found.treated < 0.1 < found.control
    assert found.difference.p_value is not None
    assert found.difference.p_value < 0.001
    assert looks(log, 4)[-1]["response"]["estimate"] == found.difference.interval.estimate
    assert [row["conversations"] for row in looks(log, 4)] == [60, 120, 180, 240]


def test_hotels_resemble_themselves(pack: Pack) -> None:
    """Two conversations with one hotel are alike more often than two with different ones."""
    log, _ = run(IntentAgent(pack), IntentAgent(pack), plan(pack, 400, 40, 2), pack)
    by_hotel: dict[str, list[bool]] = {}
    for one in log:
        by_hotel.setdefault(one.hotel, []).append(one.success)
    won = [one.success for one in log]
    rate = sum(won) / len(won)
    pairs = [(a == b) for found in by_hotel.values() for a, b in pairwise(found)]
    assert sum(pairs) / len(pairs) > rate**2 + (1 - rate) ** 2


def test_false_alarms_are_one_of_twenty_by_hotel_and_more_without() -> None:
    """Hotels that always do the same: ten conversations are one, and only the clustered test knows."""
    log = [
        Conversation(hotel=str(n % 100), arm=CONTROL, responded=n % 100 < 50, success=n % 100 < 20)
        for n in range(1000)
    ]
    found = false_alarms(log, 200, 0)["response"]
    assert 0.01 <= found.clustered.estimate <= 0.09
    assert found.two_proportions is not None
    assert found.two_proportions.estimate > 0.3
    assert found.always.estimate <= 0.05


def test_the_log_is_read_by_analyze(tmp_path: Path) -> None:
    log, first, second = tmp_path / "log.jsonl", tmp_path / "a.json", tmp_path / "b.json"
    words = [
        "ab",
        "simulate",
        "--treatment",
        "intent",
        "--conversations",
        "120",
        "--hotels",
        "40",
        "--seed",
        "5",
    ]
    told = CliRunner().invoke(main, [*words, "--aa", "3", "--log", str(log), "--json", str(first)])
    assert told.exit_code == 0, told.output
    assert "A/A response" in told.stdout
    again = ["ab", "analyze", str(log), "--control", "control", "--segment", "city", "--json", str(second)]
    assert CliRunner().invoke(main, again).exit_code == 0
    made, read = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
    assert made["comparisons"] == read["comparisons"]
    assert made["split"] == read["split"]
    assert {"violations", "price_reduction", "ticket_success"} <= set(read["comparisons"]["treatment"])
    assert len(read["segments"]["treatment"]) > 1
