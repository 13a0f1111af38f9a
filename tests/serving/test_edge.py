"""What comes from outside: keys, limits, hosts, and bodies that nobody should send."""

import io
import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, Scripted, context_of

from suasion.cli.serve import check_free
from suasion.errors import InputError
from suasion.serving.access import RateLimit, Scope, create_key, revoke_key
from suasion.serving.app import create_app
from suasion.serving.assemble import check_exposure
from suasion.serving.logs import LOG, JsonFormatter
from suasion.serving.store import Store

JSON = {"Content-Type": "application/json"}
DEEP = b'{"brief": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"\xff\xfe{}", 400, "not UTF-8"),
        (b"{", 400, "not JSON"),
        (b"", 400, "not JSON"),
        (DEEP, 400, "deep"),
        (b'{"brief": ' + b'{"a":' * 30 + b"1" + b"}" * 31, 400, "deep"),
        (b'{"brief": {"hotel": "\\ud800"}}', 422, "no text"),
        (b'{"brief": {"hotel": "a\\u0000b"}}', 422, "no text"),
        (b'{"\\ud800": 1}', 422, "no text"),
        (b'{"brief": ' + b"9" * 5000 + b"}", 400, "too long"),
        (b'{"brief": NaN}', 422, ""),
        (b'{"brief": {"tickets": [{"selling_price": 1e999}]}}', 422, ""),
        (b"[]", 422, ""),
        (b"null", 422, ""),
        (b'{"brief": {}, "breif": 1}', 422, "unknown key"),
        (b" " * 600_000 + b"{}", 413, "512 KiB"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_broken_body_is_refused_with_a_reason(
    client: TestClient, body: bytes, status: int, says: str
) -> None:
    answer = client.post("/v1/conversations", content=body, headers=JSON)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text
    assert context_of(client).service.store.search({}, 1) == []


def test_fields_are_named_and_nothing_is_echoed(client: TestClient, brief: dict[str, Any]) -> None:
    wrong = {**brief, "tickets": [{**brief["tickets"][0], "check_in": "soon, my secret"}]}
    answer = client.post("/v1/conversations", json={"brief": wrong})
    assert (answer.status_code, answer.json()["field"]) == (422, "brief.tickets.0.check_in")
    answer = client.post("/v1/conversations", json={"brief": {**brief, "tickets": []}})
    assert answer.json()["field"] == "brief.tickets"
    one = client.post("/v1/conversations", json={"brief": brief}).json()["conversation_id"]
    answer = client.post(f"/v1/conversations/{one}/messages", json={"text": "x" * 4001})
    assert (answer.status_code, answer.json()["field"]) == (422, "text")
    assert client.post(f"/v1/conversations/{one}/messages", json={"text": "  "}).status_code == 422
    assert client.post(f"/v1/conversations/{one}/silence", json={"minutes": -1}).status_code == 422
    assert client.post("/v1/conversations/c-0/messages", json={"text": "a"}).status_code == 404
    assert client.post("/v1/conversations/..%2f/messages", json={"text": "a"}).status_code in (404, 422)


def test_a_page_on_another_site_gets_nothing(make: Make, brief: dict[str, Any]) -> None:
    context = context_of(make())
    with TestClient(create_app(context), base_url="http://evil.example") as rebound:
        assert rebound.get("/v1/conversations").status_code == 421
    form = make().post(
        "/v1/conversations", content=json.dumps({"brief": brief}), headers={"Content-Type": "text/plain"}
    )
    assert form.status_code == 415
    assert "access-control-allow-origin" not in form.headers
    assert form.headers["x-content-type-options"] == "nosniff"
    assert form.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_error_of_ours_tells_nothing(
    make: Make, brief: dict[str, Any], monkeypatch: Any, caplog: Any
) -> None:
    client = make(Scripted("Hello."))

    def broken(*args: Any) -> None:
        raise RuntimeError("password=hunter2 at /home/somebody")

    monkeypatch.setattr(context_of(client).service.batcher, "submit", broken)
    answer = client.post("/v1/conversations", json={"brief": brief})
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["error"]


def test_keys_open_what_their_scope_says(make: Make, url: str, brief: dict[str, Any]) -> None:
    client = make(needs_keys=True)
    store = context_of(client).service.store
    keys = {scope: create_key(store, scope) for scope in Scope}

    def status(scope: Scope | None, path: str) -> int:
        headers = {"Authorization": f"Bearer {keys[scope]}"} if scope else {}
        return int(client.get(path, headers=headers).status_code)

    assert status(None, "/v1/conversations") == 401
    assert status(None, "/healthz") == 200
    found = {
        path: [scope.value for scope in Scope if status(scope, path) == 200]
        for path in ("/v1/models", "/v1/conversations", "/v1/inbox", "/v1/events", "/metrics", "/v1/audit")
    }
    operators = ["operator", "admin"]
    assert found == {
        "/v1/models": ["agent", *operators],
        "/v1/conversations": operators,
        "/v1/inbox": operators,
        "/v1/events": operators,
        "/metrics": operators,
        "/v1/audit": ["admin"],
    }
    for wrong in (
        "",
        "x",
        keys[Scope.ADMIN][:-1],
        keys[Scope.ADMIN][:-2] + "xx",
        "suasion_0_" + "A" * 43,
        "é",
    ):
        headers = {"Authorization": b"Bearer " + wrong.encode()}
        assert client.get("/v1/models", headers=headers).status_code == 401
    log = client.get("/v1/audit", headers={"Authorization": f"Bearer {keys[Scope.ADMIN]}"}).json()["audit"]
    assert [line["action"] for line in log] == ["key created"] * 4


def test_a_revoked_key_and_a_store_that_keeps_no_secret(make: Make, tmp_path: Any, url: str) -> None:
    client = make(needs_keys=True)
    store = context_of(client).service.store
    key = create_key(store, Scope.AGENT, "mine")
    assert revoke_key(store, key.split("_")[1])
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    files = b"".join(path.read_bytes() for path in tmp_path.glob("suasion.db*"))
    assert key.split("_", 2)[2].encode() not in files


def test_beyond_loopback_only_with_keys(url: str) -> None:
    store = Store(url)
    with pytest.raises(InputError, match="only with keys"):
        check_exposure("0.0.0.0", store)
    create_key(store, Scope.AGENT)
    check_exposure("0.0.0.0", store)
    store.close()


def test_too_many_requests_have_to_wait(make: Make) -> None:
    client = make(rate=2)
    answers = [client.get("/v1/models") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert limit.wait("b") == 0
    now[0] = 0.5
    assert [limit.wait("a"), limit.wait("a")] == [0, 0.5]


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service has logged since this was called last."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)

    def read() -> list[dict[str, Any]]:
        lines = written.getvalue().splitlines()
        written.seek(0)
        written.truncate()
        return [json.loads(line) for line in lines]

    yield read
    LOG.removeHandler(handler)


def test_logs_hold_ids_and_no_words(client: TestClient, brief: dict[str, Any], logged: Any) -> None:
    one = client.post("/v1/conversations", json={"brief": brief}).json()["conversation_id"]
    client.post(f"/v1/conversations/{one}/messages", json={"text": "my secret words"})
    lines = logged()
    assert [line["route"] for line in lines] == [
        "/v1/conversations",
        "/v1/conversations/{conversation_id}/messages",
    ]
    assert [line["conversation"] for line in lines] == [one, one]
    assert "secret" not in json.dumps(lines)
    assert "Sunrise" not in json.dumps(lines)


def test_every_request_about_a_conversation_is_logged_with_its_id(
    client: TestClient, brief: dict[str, Any], logged: Any
) -> None:
    headers = {"Idempotency-Key": "k1"}
    begun = [client.post("/v1/conversations", json={"brief": brief}, headers=headers) for _ in range(2)]
    one = begun[0].json()["conversation_id"]
    client.get(f"/pages/conversations/{one}")
    client.post(f"/pages/conversations/{one}", data={"text": "a", "turns": "1"})
    assert [line.get("conversation") for line in logged()] == [one] * 4
    client.post("/v1/conversations", json={"brief": {**brief, "hotel": ""}})
    client.get("/pages/conversations")
    client.get("/v1/models")
    assert [line.get("conversation") for line in logged()] == [None] * 3


def test_it_says_how_it_is(client: TestClient, brief: dict[str, Any]) -> None:
    client.post("/v1/conversations", json={"brief": brief})
    assert client.get("/readyz").json() == {"status": "ready"}
    text = client.get("/metrics").text
    assert 'suasion_replies_total{ending="none",source="agent"} 1.0' in text
    context_of(client).service.batcher.close()
    assert client.get("/readyz").status_code == 503
    late = client.post("/v1/conversations", json={"brief": brief})
    assert (late.status_code, "retry-after" in late.headers) == (503, True)


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"can't listen on 127\.0\.0\.1:{port} .* another --port"):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)
