"""Writing first, reminding, and telling another system about it."""

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, Clock, Make, context_of

from suasion.cli import main
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.serving import schema
from suasion.serving.asked import Asked
from suasion.serving.hours import Reach, parse_quiet
from suasion.serving.metrics import Metrics
from suasion.serving.outbound import Outbound, enqueue
from suasion.serving.store import Store
from suasion.serving.webhook import ATTEMPTS, Target, Webhook

ON_BOTH = True


def line_up(client: TestClient, brief: dict[str, Any], *hotels: str) -> dict[str, int]:
    answer = client.post("/v1/outbound", json={"briefs": [{**brief, "hotel": hotel} for hotel in hotels]})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def rounds(client: TestClient, reach: Reach = Reach(), count: int = 1) -> list[int]:  # noqa: B008 - frozen
    outbound = Outbound(context_of(client).service, reach)
    assert client.portal is not None
    return [client.portal.call(outbound.round) for _ in range(count)]


def kinds(client: TestClient) -> list[str]:
    return [event["kind"] for event in client.get("/v1/events").json()["events"]]


def test_a_line_of_briefs_is_begun_and_reminded_by_the_sops_timers(
    client: TestClient, brief: dict[str, Any], clock: Clock
) -> None:
    assert line_up(client, brief, "Hotel A", "Hotel B") == {"queued": 2, "refused": 0}
    assert rounds(client, count=2) == [2, 0]
    messages = [one for one in client.get("/v1/events").json()["events"] if one["kind"] == "message"]
    assert len(messages) == 2
    assert all("Voyara" in one["data"]["text"] for one in messages)
    one = messages[0]["conversation_id"]
    client.post(f"/v1/conversations/{one}/messages", json={"text": "Yes, that's me."})
    clock.pass_minutes(29)
    assert rounds(client) == [0]
    clock.pass_minutes(2)
    assert rounds(client, count=2) == [2, 0]
    for _ in range(4):
        clock.pass_minutes(31)
        rounds(client)
    found = client.get("/v1/conversations").json()["conversations"]
    assert {talk["outcome"] for talk in found} == {"silent"}
    assert [talk["turns"] for talk in found if talk["id"] == one] == [8]  # 3 said, 2 reminders, 3 silences
    assert kinds(client).count("ended") == 2


def test_nobody_is_written_to_in_quiet_hours(client: TestClient, brief: dict[str, Any], clock: Clock) -> None:
    quiet = Reach(parse_quiet("21:00-08:00", "Asia/Shanghai"))
    line_up(client, brief, "Hotel A")
    clock.now = NOW.replace(hour=14)  # 22:00 in Shanghai
    assert rounds(client, quiet) == [0]
    clock.now = NOW.replace(hour=23)  # 07:00 of the next day
    assert rounds(client, quiet) == [0]
    clock.now = NOW.replace(hour=23) + timedelta(hours=2)
    assert rounds(client, quiet) == [1]
    with pytest.raises(InputError, match="--quiet"):
        parse_quiet("late", "UTC")
    with pytest.raises(InputError, match="--zone"):
        parse_quiet("", "Mars/Olympus")


def test_one_hotel_is_not_written_to_again_and_again(
    client: TestClient, brief: dict[str, Any], clock: Clock
) -> None:
    line_up(client, brief, "Hotel A", "hotel a", "HOTEL A", "Hotel B")
    assert rounds(client, count=2) == [2, 0]  # one of Hotel A, one of Hotel B
    for expected in (1, 0):  # one is over: a second within the week, but no third
        talks = client.get("/v1/conversations", params={"contact": "Hotel A", "status": "open"}).json()
        for talk in talks["conversations"]:
            client.post(f"/v1/conversations/{talk['id']}/messages", json={"text": "No, not interested."})
            for _ in range(4):
                client.post(f"/v1/conversations/{talk['id']}/silence", json={"minutes": 45})
        clock.pass_minutes(11)
        assert sum(talk["contact"].lower() == "hotel a" for talk in begun_now(client)) == expected
    clock.pass_minutes(8 * 24 * 60)
    assert sum(talk["contact"].lower() == "hotel a" for talk in begun_now(client)) == 1


def begun_now(client: TestClient) -> list[dict[str, Any]]:
    before = {talk["id"] for talk in client.get("/v1/conversations").json()["conversations"]}
    rounds(client)
    return [one for one in client.get("/v1/conversations").json()["conversations"] if one["id"] not in before]


def test_who_opts_out_in_the_line_is_never_written_to(client: TestClient, brief: dict[str, Any]) -> None:
    line_up(client, brief, "Hotel A")
    one = client.post("/v1/conversations", json={"brief": {**brief, "hotel": "Hotel A"}}).json()
    client.post(f"/v1/conversations/{one['conversation_id']}/messages", json={"text": "unsubscribe"})
    assert rounds(client) == [0]
    assert line_up(client, brief, "hotel  a") == {"queued": 0, "refused": 1}


def test_a_hotel_that_wrote_in_between_is_not_reminded(
    client: TestClient, brief: dict[str, Any], clock: Clock
) -> None:
    line_up(client, brief, "Hotel A")
    rounds(client)
    service = context_of(client).service
    outbound = Outbound(service, Reach())
    clock.pass_minutes(31)
    due = outbound._due("9999")
    one = due[0].conversation_id
    client.post(f"/v1/conversations/{one}/messages", json={"text": "Yes, that's me."})
    outbound._due = lambda at: due  # type: ignore[method-assign]  # read before the hotel wrote
    assert client.portal is not None
    assert client.portal.call(outbound.round) == 0
    assert client.get(f"/v1/conversations/{one}").json()["conversation"]["turns"] == 3


def test_briefs_come_from_a_file_too(tmp_path: Path, url: str, brief: dict[str, Any]) -> None:
    path = tmp_path / "briefs.jsonl"
    path.write_text("".join(json.dumps({**brief, "hotel": f"H{n}"}) + "\n" for n in range(3)), "utf-8")
    words = ["outbound", "--input", str(path), "--store", url]
    assert "3 in the line, 0 left out" in CliRunner().invoke(main, words).output
    path.write_text(json.dumps(brief) + "\n" + json.dumps({**brief, "hotle": 1}) + "\n", "utf-8")
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert f"{path}:2: brief.hotle: unknown key" in result.stderr


def test_the_same_file_twice_puts_its_briefs_into_the_line_once(
    tmp_path: Path, url: str, brief: dict[str, Any]
) -> None:
    path, store = tmp_path / "briefs.jsonl", Store(url)
    path.write_text("".join(json.dumps({**brief, "hotel": f"H{n}"}) + "\n" for n in range(3)), "utf-8")

    def run(*words: str) -> tuple[int, str, int]:
        result = CliRunner().invoke(main, ["outbound", "--input", str(path), "--store", url, *words])
        with store.engine.connect() as connection:
            waiting = connection.execute(select(func.count()).select_from(schema.waiting)).scalar_one()
        return result.exit_code, result.output, waiting

    assert run() == (0, "3 in the line, 0 left out: their contact has opted out\n", 3)
    for _ in range(2):
        code, told, waiting = run()
        assert (code, waiting) == (0, 3)
        assert "nothing added: these briefs were put into the line before; another --key" in told
    path.write_text(path.read_text("utf-8").replace('": ', '" :  ') + "\n\n", "utf-8")
    assert run()[2] == 3  # written otherwise, the same briefs
    assert run("--key", "again")[2] == 6
    path.write_text(json.dumps(brief) + "\n", "utf-8")
    assert run()[2] == 7
    code, told, waiting = run("--key", "again")  # for another file
    assert (code, "this key was used for another request" in told, waiting) == (2, True, 7)
    assert run("--key", "x" * 201)[0] == 2
    store.close()


class _Taker(BaseHTTPRequestHandler):
    """Takes events, after failing as often as it is told."""

    taken: list[tuple[dict[str, str], bytes]]
    failures: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.failures.pop(0) if self.failures else 200
        if status == 200:
            self.taken.append((dict(self.headers), body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        return


@pytest.fixture
def taker() -> Iterator[tuple[str, type[_Taker]]]:
    handler = type("Taker", (_Taker,), {"taken": [], "failures": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/events", handler
    server.shutdown()
    server.server_close()


def test_events_are_told_signed_and_again_until_they_are_taken(
    make: Make, brief: dict[str, Any], clock: Clock, taker: tuple[str, Any]
) -> None:
    url, handler = taker
    client = make()
    store = context_of(client).service.store
    store.tells = True
    one = client.post("/v1/conversations", json={"brief": brief}).json()["conversation_id"]
    for text in ("Yes, that's me.", "ok 380"):
        client.post(f"/v1/conversations/{one}/messages", json={"text": text})
    secret = "a secret of both sides"
    webhook = Webhook(store, Target(url, secret), Metrics(), clock)
    handler.failures[:] = [500, 302]
    assert asyncio.run(webhook.round()) == 2
    assert (handler.taken, asyncio.run(webhook.round())) == ([], 0)  # they wait
    clock.pass_minutes(0.2)
    assert asyncio.run(webhook.round()) == 2
    clock.pass_minutes(60 * 24)
    assert asyncio.run(webhook.round()) == 0
    told = {json.loads(body)["kind"]: (headers, body) for headers, body in handler.taken}
    assert set(told) == {"started", "agreed"}
    headers, body = told["agreed"]
    at, mac = (part.split("=")[1] for part in headers["Suasion-Signature"].split(","))
    assert hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest() == mac
    assert json.loads(body)["data"]["price"] == {
        "amount": 380.0,
        "currency": "CNY",
        "kind": "selling",
        "net": 323.0,
    }


def test_an_event_that_nobody_takes_is_given_up_at_last(
    make: Make, brief: dict[str, Any], clock: Clock
) -> None:
    client = make()
    store = context_of(client).service.store
    store.tells = True
    client.post("/v1/conversations", json={"brief": brief})
    webhook = Webhook(store, Target("http://127.0.0.1:9/", "a secret of both sides"), Metrics(), clock)
    tried = 0
    for _ in range(ATTEMPTS + 5):
        tried += asyncio.run(webhook.round())
        clock.pass_minutes(6 * 60 + 1)
    assert tried == ATTEMPTS


def test_a_webhook_needs_a_secret_and_an_address() -> None:
    with pytest.raises(InputError, match="SUASION_WEBHOOK_SECRET"):
        Target("https://example.org", "short")
    with pytest.raises(InputError, match="starts with http"):
        Target("file:///etc/passwd", "a secret of both sides")


def test_a_brief_that_is_in_the_line_twice_is_begun_once_each(
    client: TestClient, brief: dict[str, Any], clock: Clock
) -> None:
    service = context_of(client).service
    enqueue(service.store, service.pack, [Brief.model_validate(brief)], clock(), Asked("somebody"))
    outbound = Outbound(service, Reach(open_at_once=5, begun=5))
    row = outbound._waiting("9999")[0]
    outbound._waiting = lambda at: [row, row]  # type: ignore[method-assign]  # as after a kill between two steps
    assert client.portal is not None
    client.portal.call(outbound.round)
    assert len(service.store.search({}, 10)) == 1
