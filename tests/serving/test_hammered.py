"""Ten thousand requests that no honest client sends: no fault of ours, nothing stored that was refused."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tests.serving.conftest import context_of

from suasion.serving import schema
from suasion.serving.contracts import BRIEF_EXAMPLE

ON_BOTH = True
AS_JSON = {"Content-Type": "application/json"}
DECLARED = {200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 429, 503}
TRACES = ("Traceback", 'File "', "sqlalchemy", "psycopg", "site-packages", "Error:", "0x7f")
INJECTIONS = (
    "'; DROP TABLE messages; --", "1' OR '1'='1", '" UNION SELECT hash FROM keys --', "${jndi:ldap://x}",
    "{{7*7}}",
    "{% for x in y %}", "<script>alert(1)</script>", "../../../etc/passwd", "%00", "\u0000", "$(id)",
    "\ud800", "\u202e083", "\ufeff", "A" * 5000, "\r\nX-Injected: 1", "%s%n%d", "[start]", "<|im_end|>",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 10**40, "", " ", [], {}, [[]], {"": {}}, "380", 2**63, -0.0, "9" * 300,
    *INJECTIONS,
)  # fmt: skip
ODD_BYTES = (
    b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"text": "\xc3\x28"}', b'{"text": "\xed\xa0\x80"}',
    b'{"text": NaN}', b'{"text": 1e999}', b'{"text": "a", "text": "b"}', b"\xef\xbb\xbf{}", b"[" * 30_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000, b" " * 600_000, b'{"text": "' + b"x" * 520_000 + b'"}', b"\x00",
    b'{"text": ' + b"9" * 100_000 + b"}", b'{"text": "\\ud800"}', b'{"text": "ok"} {"text": "no"}',
)  # fmt: skip


class Hammer:
    """Makes requests at random, and keeps count of what was accepted."""

    def __init__(self, client: TestClient, seed: int) -> None:
        self.client, self.rng = client, random.Random(seed)
        self.begun: list[str] = []  # conversations
        self.texts: dict[str, list[str]] = {}  # of the hotel, accepted, in order
        self.replays: list[tuple[str, bytes, dict[str, str], Any]] = []
        self.seen: dict[int, int] = {}
        self.kinds: tuple[Callable[[], None], ...] = (
            self.begin, self.say, self.say_odd, self.mutated_brief, self.odd_bytes, self.odd_address,
            self.odd_query, self.odd_headers, self.replay, self.out_of_order, self.operator, self.completion,
        )  # fmt: skip

    def one(self) -> None:
        self.rng.choice(self.kinds)()

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        """The answer, checked; None where it is not JSON."""
        answer = self.client.request(method, path, content=body, headers=headers)
        told = f"{method} {path[:100]!r} {(body or b'')[:200]!r}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code in DECLARED, told
        if answer.status_code >= 400:
            assert not any(trace in answer.text for trace in TRACES), told
            assert "error" in answer.json(), told
        self.seen[answer.status_code] = self.seen.get(answer.status_code, 0) + 1
        self.accepted = answer.status_code < 300
        return answer.json() if answer.headers["content-type"] == "application/json" else None

    def post(self, path: str, content: Any, key: str | None = None) -> Any:
        body = json.dumps(content).encode()
        headers = AS_JSON | ({"Idempotency-Key": key} if key else {})
        answer = self.ask("POST", path, body, headers)
        if key and self.accepted:
            self.replays.append((path, body, headers, answer))
        return answer

    def any_talk(self) -> str:
        return self.rng.choice(self.begun) if self.begun else "c-none"

    def begin(self) -> None:
        brief = {**BRIEF_EXAMPLE, "hotel": f"hotel {len(self.begun)} {self.rng.random()}"}
        answer = self.post("/v1/conversations", {"brief": brief}, f"k{self.rng.random()}")
        assert self.accepted
        self.begun.append(answer["conversation_id"])
        self.texts[answer["conversation_id"]] = []

    def say(self, text: Any = "Why should I lower it?") -> None:
        one = self.any_talk()
        self.post(f"/v1/conversations/{one}/messages", {"text": text}, f"k{self.rng.random()}")
        if self.accepted:
            assert isinstance(text, str)
            self.texts[one].append(text)

    def say_odd(self) -> None:
        self.say(self.rng.choice(ODD))

    def mutated_brief(self) -> None:
        brief = json.loads(json.dumps(BRIEF_EXAMPLE))
        place: Any = self.rng.choice((brief, brief["tickets"][0], brief["tickets"][0]["competitor_price"]))
        place[self.rng.choice([*place, "unknown", "__class__"])] = self.rng.choice(ODD)
        body = {"brief": brief, "contact": f"c{self.rng.random()}"}
        if self.rng.random() < 0.3:
            body[self.rng.choice(("contact", "opening", "follow_up", "more"))] = self.rng.choice(ODD)
        answer = self.post("/v1/conversations", body)
        if self.accepted:
            self.begun.append(answer["conversation_id"])
            self.texts[answer["conversation_id"]] = []

    def odd_bytes(self) -> None:
        path = self.rng.choice(("/v1/conversations", f"/v1/conversations/{self.any_talk()}/messages"))
        self.ask("POST", path, self.rng.choice(ODD_BYTES), AS_JSON)
        assert not self.accepted

    def odd_address(self) -> None:
        part = self.rng.choice(
            ("%00", "%ff", "..%2f..", "'%20OR%201=1", "a" * 3000, "%F0%9F%99%82", "c-none", "-")
        )
        method = self.rng.choice(("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        tail = self.rng.choice(("", "/messages", "/record", "/silence", "/nothing"))
        self.ask(method, f"/v1/conversations/{part}{tail}", body, AS_JSON)
        assert not self.accepted

    def odd_query(self) -> None:
        values = ("-1", "0", "1e9", "9" * 30, "%00", "%27", "%ff", "ended", "x" * 300, "true", "%F0%9F%99%82")
        names = (
            "limit",
            "before",
            "status",
            "stage",
            "contact",
            "after",
            "kind",
            "nothing",
            "outcome",
            "arm",
        )
        query = "&".join(f"{self.rng.choice(names)}={self.rng.choice(values)}" for _ in range(3))
        path = self.rng.choice(("/v1/conversations", "/v1/inbox", "/v1/events", "/v1/prices", "/v1/audit"))
        self.ask("GET", f"{path}?{query}", None, {})

    def odd_headers(self) -> None:
        headers = self.rng.choice((
            {"Content-Type": "text/html"}, {}, {**AS_JSON, "Idempotency-Key": "x" * 300},
            {**AS_JSON, "Idempotency-Key": "a b"}, {**AS_JSON, "Authorization": "Bearer suasion_nothing"},
            {**AS_JSON, "Authorization": "Basic Og=="}, {**AS_JSON, "Content-Length": "99999999999"},
            {"Content-Type": "application/json; charset=utf-16"}, {**AS_JSON, "Content-Encoding": "gzip"},
        ))  # fmt: skip
        self.ask("POST", "/v1/conversations/c-none/messages", b'{"text": "hello"}', headers)
        assert not self.accepted

    def replay(self) -> None:
        """The same again is answered alike; the key for something else is refused."""
        if not self.replays:
            return
        path, body, headers, before = self.rng.choice(self.replays)
        assert self.ask("POST", path, body, headers) == before
        self.ask("POST", path, body[:-1] + b' ,"zzz": 1}', headers)
        assert not self.accepted
        other = f"/v1/conversations/{self.any_talk()}/silence"
        self.ask("POST", other, b'{"minutes": 61.5}', headers)
        assert not self.accepted

    def out_of_order(self) -> None:
        """Silences at once, words to what does not exist, words after the end."""
        one = self.any_talk()
        self.post(f"/v1/conversations/{one}/silence", {"minutes": self.rng.choice([30, *ODD])})
        self.post("/v1/conversations/c-0/messages", {"text": "hello"})
        assert not self.accepted
        self.say(self.rng.choice(("Leave me alone, never write again.", "OK, 380.", "No.", "Goodbye.")))

    def operator(self) -> None:
        self.post(
            f"/v1/conversations/{self.any_talk()}/operator",
            {
                "text": self.rng.choice(["A person.", *ODD]),
                "give_back": self.rng.choice((True, False, "maybe")),
            },
        )

    def completion(self) -> None:
        roles = ("user", "assistant", "system", "tool", "", 7)
        turns = [
            {"role": self.rng.choice(roles), "content": self.rng.choice(ODD)}
            for _ in range(self.rng.randint(0, 3))
        ]
        body = {"model": self.rng.choice(["suasion", *ODD]), "messages": turns, "brief": BRIEF_EXAMPLE}
        self.post("/v1/chat/completions", body)

    def check_store(self) -> None:
        """There is what was accepted, and nothing else."""
        store = context_of(self.client).service.store
        with store.engine.connect() as connection:
            count = connection.execute(select(func.count()).select_from(schema.conversations)).scalar_one()
            assert count == len(self.begun)
            heard = schema.messages.c.speaker == "counterpart"
            texts = select(schema.messages.c.conversation_id, schema.messages.c.text).where(
                heard, schema.messages.c.text.is_not(None)
            )
            stored: dict[str, list[str]] = {one: [] for one in self.begun}
            for row in connection.execute(texts.order_by(schema.messages.c.id)):
                stored[row.conversation_id].append(row.text)
        assert stored == self.texts


def hammer(client: TestClient, requests: int) -> Hammer:
    one = Hammer(client, 3)
    while sum(one.seen.values()) < requests:
        one.one()
    one.check_store()
    assert {201, 200, 400, 404, 413, 415, 422} <= set(one.seen), one.seen
    return one


def test_hostile_requests_find_no_fault(client: TestClient) -> None:
    hammer(client, 400)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_hostile_requests_find_no_fault(client: TestClient) -> None:
    hammer(client, 10_000)
