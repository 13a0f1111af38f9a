"""Experiments on live traffic: who is drawn, who speaks, what a stop does, and what the results say."""

import json
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, Clock, Make, context_of
from tests.serving.experiments.conftest import DEFINITION, MUTE, begin, defined, hotel_of, say

from suasion.agents.intent import IntentAgent
from suasion.cli import main
from suasion.errors import InputError
from suasion.evaluation.ab import analyse
from suasion.negotiation.pack import Pack
from suasion.serving import schema
from suasion.serving.experiments import Experiment, draw
from suasion.serving.records import contact_key
from suasion.serving.stop_rule import StopRules
from suasion.serving.store import Store
from suasion.serving.trials import begin_experiment

# --- drawing


def test_draws_follow_the_shares_and_another_salt_draws_anew() -> None:
    keys = [contact_key(str(n)) for n in range(4000)]
    shares = {"a": 1.0, "b": 3.0}
    counts = Counter(draw("x", key, shares) for key in keys)
    assert 880 < counts["a"] < 1120  # 1000, and more than four standard deviations
    again = [draw("y", key, shares) == draw("x", key, shares) for key in keys]
    assert 0.55 < sum(again) / len(again) < 0.70  # 1/16 + 9/16


def test_a_hotel_stays_in_its_arm_however_it_is_spelt_and_whatever_the_shares_are(
    client: TestClient, brief: dict[str, Any]
) -> None:
    hotel = hotel_of("new")
    assert begin(client, brief, hotel)["arm"] == "new"
    shares = {"reason": "less of it", "shares": {"intent": 1_000_000, "new": 0.0001}}
    assert client.post("/v1/experiments/trial/shares", json=shares).json()["shares"]["new"] == 0.0001
    assert begin(client, brief, f"  {hotel.upper()}")["arm"] == "new"
    assert begin(client, brief, hotel_of("new", 1))["arm"] == "intent"  # drawn by the shares of now


def test_replies_are_of_the_arms_agent_and_say_so(client: TestClient, brief: dict[str, Any]) -> None:
    new, old = begin(client, brief, hotel_of("new")), begin(client, brief, hotel_of("intent"))
    assert (new["text"], new["run"], new["arm"]) == (MUTE, "run-new", "new")
    assert (old["text"] != MUTE, old["run"], old["arm"]) == (True, "run-intent", "intent")
    listed = client.get("/v1/conversations", params={"arm": "new"}).json()["conversations"]
    assert [one["id"] for one in listed] == [new["conversation_id"]]


def test_before_its_start_nobody_is_drawn(
    make: Make, agents: dict[str, Any], brief: dict[str, Any], clock: Clock
) -> None:
    client = make(agents)
    later = (NOW + timedelta(hours=1)).isoformat()
    answer = client.post("/v1/experiments", json=defined(start=later))
    assert answer.json()["status"] == "waiting"
    assert begin(client, brief, hotel_of("new"))["arm"] == "intent"
    clock.pass_minutes(60)
    assert begin(client, brief, hotel_of("new"))["arm"] == "new"
    assert client.get("/v1/experiments/trial").json()["split"]["hotels"] == {"intent": 0, "new": 1}


# --- stopping


def test_a_stopped_arm_says_nothing_more_and_its_conversations_go_on_with_the_control(
    client: TestClient, brief: dict[str, Any], agents: dict[str, Any]
) -> None:
    one = begin(client, brief, hotel_of("new"))
    asked = agents["new"].asked
    answer = client.post("/v1/experiments/trial/arms/new/stop", json={"reason": "it mumbles"})
    assert (answer.status_code, answer.json()["stopped"], answer.json()["status"]) == (200, ["new"], "ended")
    reply = say(client, one, "Yes, what is it about?")
    assert (reply["arm"], reply["run"], reply["source"]) == ("intent", "run-intent", "agent")
    assert reply["text"] not in (None, MUTE)
    assert begin(client, brief, hotel_of("new"))["arm"] == "intent"
    assert agents["new"].asked == asked
    messages = client.get(f"/v1/conversations/{one['conversation_id']}").json()["messages"]
    assert [line["arm"] for line in messages] == ["new", None, "intent"]
    kinds = [line["kind"] for line in client.get("/v1/experiments/trial").json()["changes"]]
    assert kinds == ["started", "arm_stopped", "ended"]
    again = client.post("/v1/experiments/trial/arms/new/stop", json={"reason": "twice"}).json()
    assert [line["kind"] for line in again["changes"]] == kinds
    last = client.post("/v1/experiments/trial/arms/intent/stop", json={"reason": "all of it"})
    assert (last.status_code, last.json()["field"]) == (409, "arm")


def test_a_conversation_counts_in_the_arm_of_its_hotel_whoever_ends_it(
    client: TestClient, brief: dict[str, Any]
) -> None:
    one = begin(client, brief, hotel_of("new"))
    begin(client, brief, hotel_of("intent"))
    client.post("/v1/experiments/trial/arms/new/stop", json={"reason": "it mumbles"})
    say(client, one, "ok 380")
    begin(client, brief, hotel_of("new"))  # goes on with the control, and counts in no arm
    found = client.get("/v1/experiments/trial").json()
    assert found["settled"] == {"intent": 1, "new": 1}
    lines = [json.loads(line) for line in client.get("/v1/experiments/trial/log").text.splitlines()]
    assert {line["arm"]: (line["hotel"], line["responded"]) for line in lines} == {
        "new": (hotel_of("new"), True),
        "intent": (hotel_of("intent"), False),
    }


def test_what_an_arm_wrote_while_it_was_stopped_does_not_leave(
    make: Make, hotel: Pack, brief: dict[str, Any]
) -> None:
    class Slow:
        """Writes until it is told to go on."""

        def __init__(self) -> None:
            self.began, self.goes_on = threading.Event(), threading.Event()

        def reply(self, dialogues: Any, seed: int) -> list[str]:
            self.began.set()
            assert self.goes_on.wait(10)
            return [MUTE] * len(dialogues)

    slow = Slow()
    client = make({"intent": IntentAgent(hotel), "new": slow})
    client.post("/v1/experiments", json=DEFINITION)
    found: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: found.append(begin(client, brief, hotel_of("new"))))
    asking.start()
    assert slow.began.wait(10)
    assert client.post("/v1/experiments/trial/arms/new/stop", json={"reason": "now"}).status_code == 200
    slow.goes_on.set()
    asking.join(10)
    assert found[0]["arm"] == "intent"
    assert found[0]["text"] != MUTE
    talk = client.get(f"/v1/conversations/{found[0]['conversation_id']}").json()
    assert talk["conversation"]["arm"] == "intent"  # it was chosen anew: the draw had become stale
    assert client.get("/v1/experiments/trial").json()["settled"] == {"intent": 0, "new": 0}


def test_another_process_stops_an_arm(client: TestClient, brief: dict[str, Any], url: str) -> None:
    one = begin(client, brief, hotel_of("new"))
    words = ["experiment", "stop", "trial", "new", "--why", "from elsewhere", "--store", url]
    assert CliRunner().invoke(main, words).exit_code == 0
    listed = CliRunner().invoke(main, ["experiment", "list", "--store", url]).output
    assert listed == "trial  ended  intent 1; stopped: new\n"
    wrong = CliRunner().invoke(main, ["experiment", "end", "none", "--why", "x", "--store", url])
    assert (wrong.exit_code, "no experiment of this id" in wrong.stderr) == (2, True)
    context_of(client).service.roster._until = 0.0  # a second has passed
    assert say(client, one, "Yes?")["arm"] == "intent"


def test_who_was_drawn_before_a_restart_still_is(
    client: TestClient, make: Make, agents: dict[str, Any], brief: dict[str, Any], url: str
) -> None:
    hotel = hotel_of("new")
    begin(client, brief, hotel)
    again = make(agents)
    assert again.post("/v1/experiments", json=DEFINITION).status_code == 201  # the same goes on
    assert begin(again, brief, hotel)["arm"] == "new"
    alone = make()
    with pytest.raises(InputError, match="needs agent 'new'"):
        context_of(alone).service.roster.check_arms()
    again.post("/v1/experiments/trial/end", json={"reason": "decided"})
    context_of(alone).service.roster.check_arms()
    # a machine that starts again with the same file serves on, whoever ended the experiment
    store = Store(url)
    assert begin_experiment(store, Experiment.model_validate(DEFINITION), "hotel", NOW).ended
    store.close()


# --- results


def test_the_log_of_the_store_is_what_analyze_reads(
    client: TestClient, brief: dict[str, Any], tmp_path: Path, url: str
) -> None:
    for arm, words in (("intent", "ok 380"), ("new", "No, never.")):
        for number in range(3):
            one = begin(client, {**brief, "city": f"city {number % 2}"}, hotel_of(arm, number))
            if number:
                say(client, one, words)
    path = tmp_path / "ab.jsonl"
    words = ["experiment", "export", "trial", "--output", str(path), "--store", url]
    told = CliRunner().invoke(main, words)
    assert "6 conversations" in told.output, told.output
    assert "--share intent=3 --share new=3" in told.output
    live = client.get("/v1/experiments/trial", params={"segment": "city"}).json()
    read = analyse(path, "intent", {"intent": 3, "new": 3}, "city")
    assert live["analysis"] == json.loads(json.dumps(read))
    assert set(live["analysis"]["segments"]["new"]) == {"city 0", "city 1"}
    success = live["analysis"]["comparisons"]["new"]["success"]
    assert (success["control"], success["treated"]) == (pytest.approx(2 / 3), 0)
    assert live["split"] == {
        "hotels": {"intent": 3, "new": 3},
        "meant": {"intent": 3, "new": 3},
        "p_value": 1,
        "mixed": [],
        "sound": True,
    }
    assert live["looks"]["new"][-1]["conversations"] == 6
    wrong = client.get("/v1/experiments/trial", params={"segment": "colour"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "segment")


def test_a_conversation_counts_from_a_fixed_time_after_its_beginning(
    make: Make, agents: dict[str, Any], brief: dict[str, Any], clock: Clock
) -> None:
    client = make(agents)
    client.post("/v1/experiments", json=defined(settle_hours=2))
    say(client, begin(client, brief, hotel_of("intent")), "Please never write to us again.")
    found = client.get("/v1/experiments/trial").json()
    assert (found["settled"]["intent"], found["waiting"]) == (0, 1)  # though it is over already
    clock.pass_minutes(120)
    found = client.get("/v1/experiments/trial").json()
    assert (found["settled"]["intent"], found["waiting"], found["analysis"]) == (1, 0, None)


def test_the_split_is_held_against_the_shares_of_each_time(client: TestClient, brief: dict[str, Any]) -> None:
    for number in range(8):
        begin(client, {**brief}, f"early {number}")
    shares = {"reason": "more of it", "shares": {"intent": 1, "new": 9}}
    client.post("/v1/experiments/trial/shares", json=shares)
    for number in range(10):
        begin(client, brief, f"late {number}")
    meant = client.get("/v1/experiments/trial").json()["split"]["meant"]
    assert meant == {"intent": pytest.approx(4 + 1), "new": pytest.approx(4 + 9)}


def test_a_split_that_is_not_sound_is_told(client: TestClient, brief: dict[str, Any]) -> None:
    store = context_of(client).service.store
    for arm in ("intent", "new"):
        begin(client, brief, hotel_of(arm))
    for number in range(1, 16):
        begin(client, brief, hotel_of("intent", number))
    with store.engine.connect() as connection:
        assert connection.execute(select(schema.assignments)).all()
    split = client.get("/v1/experiments/trial").json()["split"]
    assert (split["hotels"], split["sound"]) == ({"intent": 16, "new": 1}, False)  # p about 0.0003


# --- the rule


def test_it_ends_by_its_rule_and_harm_stops_an_arm(
    make: Make, agents: dict[str, Any], brief: dict[str, Any], clock: Clock
) -> None:
    client = make(agents)
    client.post("/v1/experiments", json=defined(stop={"days": 3, "conversations": 40, "harm": ["response"]}))
    context = context_of(client)
    rules = StopRules(context.service, context.results)
    for number in range(25):
        say(client, begin(client, brief, hotel_of("intent", number)), "Yes?")
        begin(client, brief, hotel_of("new", number))
        if number == 4:
            rules.round()
            assert client.get("/v1/experiments/trial").json()["status"] == "running"  # too early to tell
    # one hotel of each arm is unlike the others: without any spread there is no interval
    say(client, begin(client, brief, hotel_of("new", 25)), "Yes?")
    begin(client, brief, hotel_of("intent", 25))
    rules.round()
    found = client.get("/v1/experiments/trial").json()
    assert (found["stopped"], found["status"]) == (["new"], "ended")
    assert found["changes"][1]["reason"] == "worse response than the control, at any look"

    for rule, passes in (({"days": 3}, 3 * 24 * 60), ({"conversations": 1}, 0)):
        name = f"by-{next(iter(rule))}"
        assert client.post("/v1/experiments", json=defined(id=name, stop=rule)).status_code == 201
        begin(client, brief, hotel_of("intent", 90))
        rules.round()
        assert client.get(f"/v1/experiments/{name}").json()["status"] == "running"
        begin(client, brief, hotel_of("new", 90))
        clock.pass_minutes(passes)
        rules.round()
        assert client.get(f"/v1/experiments/{name}").json()["status"] == "ended"
