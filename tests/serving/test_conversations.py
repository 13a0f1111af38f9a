"""Journeys through the API, with the intent agent and a real SQLite file."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from starlette.testclient import TestClient
from tests.serving.conftest import Clock, Make, Scripted, context_of

from suasion.cli import main
from suasion.negotiation.dialogue import parse_dialogue


def begin(client: TestClient, brief: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/conversations", json={"brief": brief, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def say(client: TestClient, conversation: str, text: str) -> dict[str, Any]:
    answer = client.post(f"/v1/conversations/{conversation}/messages", json={"text": text})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_price_is_confirmed_once_typed_and_exported(
    client: TestClient, brief: dict[str, Any], url: str, tmp_path: Path
) -> None:
    opening = begin(client, brief)
    one = opening["conversation_id"]
    assert "Voyara" in opening["text"]
    say(client, one, "Yes, that's me.")
    confirmed = say(client, one, "ok 380")
    price = {"amount": 380.0, "currency": "CNY", "kind": "selling", "net": 323.0}
    assert confirmed["prices"] == [{"ticket": "t1", "state": "confirmed", "offer": None, "agreed": price}]
    assert "380" in confirmed["text"]
    goodbye = say(client, one, "Yes, right.")
    assert (goodbye["status"], goodbye["outcome"]) == ("ended", "agreed")
    assert say(client, one, "bye")["text"] is None
    view = client.get(f"/v1/conversations/{one}").json()
    assert [message["number"] for message in view["messages"]] == list(range(8))
    assert view["conversation"]["outcome"] == "agreed"
    record = client.get(f"/v1/conversations/{one}/record").json()
    dialogue = parse_dialogue(json.dumps(record), "answer", 1)
    assert dialogue.outcome is not None
    assert dialogue.outcome.tickets == {"t1": 380.0}
    assert dialogue.outcome.success
    output = str(tmp_path / "out.jsonl")
    words = ["store", "export", "--store", url, "--output", output]
    assert "1 conversations in" in CliRunner().invoke(main, words).output
    assert "4 replies in" in CliRunner().invoke(main, [*words, "--replies"]).output
    words = ["score", "--input", output, "--output", str(tmp_path / "scores.jsonl")]
    assert "4 scored, 0 of them break a rule" in CliRunner().invoke(main, words).output
    kinds = [event.kind for event in context_of(client).service.store.events_after(0, 100)]
    assert kinds == ["started", "agreed", "ended"]


def test_a_price_taken_back_is_withdrawn_and_talked_about_again(
    client: TestClient, brief: dict[str, Any]
) -> None:
    one = begin(client, brief)["conversation_id"]
    for text in ("Yes, that's me.", "ok 380", "Yes, right."):
        say(client, one, text)
    reply = say(client, one, "Sorry, I can't do that price after all.")
    assert reply["status"] == "open"
    assert reply["text"] is not None
    assert reply["prices"][0]["agreed"] is None
    events = context_of(client).service.store.events_after(0, 100)
    assert [event.kind for event in events] == ["started", "agreed", "ended", "withdrawn"]
    assert events[-1].data["price"]["amount"] == 380


def test_silence_is_followed_up_twice_and_then_it_is_over(client: TestClient, brief: dict[str, Any]) -> None:
    one = begin(client, brief)["conversation_id"]
    answers = [client.post(f"/v1/conversations/{one}/silence", json={"minutes": 45}).json() for _ in range(4)]
    assert [answer["text"] is not None for answer in answers] == [True, True, False, False]
    assert answers[2]["outcome"] == "silent"
    again = say(client, one, "Sorry, I was away. What is it about?")
    assert (again["status"], again["text"] is not None) == ("open", True)


def test_opt_out_holds_for_ever_and_for_every_conversation(client: TestClient, brief: dict[str, Any]) -> None:
    first, second = (begin(client, brief)["conversation_id"] for _ in range(2))
    farewell = say(client, first, "Please don't contact us again.")
    assert (farewell["outcome"], farewell["text"] is not None) == ("opted_out", True)
    assert say(client, first, "Are you still there?")["text"] is None
    silence = client.post(f"/v1/conversations/{second}/silence", json={"minutes": 60}).json()
    assert (silence["text"], silence["outcome"]) == (None, "opted_out")
    spelt = {**brief, "hotel": "  SUNRISE   hotel "}
    refused = client.post("/v1/conversations", json={"brief": spelt})
    assert (refused.status_code, refused.json()["field"]) == (409, "contact")
    written = client.post(f"/v1/conversations/{first}/operator", json={"text": "One more thing."})
    assert written.status_code == 409


def test_who_asks_for_a_person_gets_one(client: TestClient, brief: dict[str, Any]) -> None:
    one = begin(client, brief)["conversation_id"]
    reply = say(client, one, "I want to talk to a real person, please.")
    assert (reply["status"], "AI" in reply["text"]) == ("handed_over", True)
    assert say(client, one, "Hello?")["text"] is None
    assert [item["id"] for item in client.get("/v1/inbox").json()["conversations"]] == [one]
    written = client.post(f"/v1/conversations/{one}/operator", json={"text": "Good day, this is Mei."})
    assert (written.status_code, written.json()["source"]) == (200, "operator")
    back = {"text": "My colleague goes on from here.", "give_back": True}
    assert client.post(f"/v1/conversations/{one}/operator", json=back).json()["status"] == "open"
    assert client.get("/v1/inbox").json()["conversations"] == []
    assert say(client, one, "Yes, what is it about?")["source"] == "agent"


def test_what_the_guard_withheld_is_told_and_kept(make: Make, brief: dict[str, Any]) -> None:
    client = make(Scripted("We guarantee you more bookings."))
    reply = begin(client, brief)
    assert reply["source"] == "fallback"
    assert {one["rule"] for note in reply["guard"] for one in note["objections"]} >= {"over-promise"}
    assert "guarantee" not in json.dumps(reply).replace("Guarantee", "guarantee").lower()
    kept = client.get(f"/v1/conversations/{reply['conversation_id']}").json()["messages"][0]["guard"]
    assert [one["text"] for one in kept if one["kind"] == "withheld"] == [
        "We guarantee you more bookings."
    ] * 3
    assert client.get("/v1/conversations").json()["conversations"][0]["withheld"] == 3


def test_conversations_are_found_by_where_they_stand(make: Make, brief: dict[str, Any], clock: Clock) -> None:
    client = make()
    ids = []
    for number in range(5):
        clock.pass_minutes(1)
        ids.append(begin(client, {**brief, "hotel": f"Hotel {number}"})["conversation_id"])
    say(client, ids[2], "unsubscribe")
    seen, before = [], None
    while True:
        page = client.get("/v1/conversations", params={"limit": 2} | ({"before": before} if before else {}))
        seen += [one["id"] for one in page.json()["conversations"]]
        before = page.json()["next"]
        if before is None:
            break
    assert seen == ids[::-1]
    found = client.get("/v1/conversations", params={"outcome": "opted_out"}).json()["conversations"]
    assert [one["id"] for one in found] == [ids[2]]
    found = client.get("/v1/conversations", params={"contact": "HOTEL 4"}).json()["conversations"]
    assert [one["id"] for one in found] == [ids[4]]
