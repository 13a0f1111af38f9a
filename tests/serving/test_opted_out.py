"""An opt-out that is committed while words are on their way: they don't leave."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, Make, context_of

from suasion.serving.enrolling import StaleError
from suasion.serving.records import Entry, Message, stamp
from suasion.serving.store import Store

ON_BOTH = True


class Slow:
    """An agent that takes as long as a test wants."""

    def __init__(self) -> None:
        self.asked, self.may_speak = threading.Event(), threading.Event()
        self.may_speak.set()

    def reply(self, dialogues: Any, seed: int) -> list[str]:
        self.asked.set()
        assert self.may_speak.wait(20)
        return ["Is there anything else you would like to know?" for _ in dialogues]


class Race:
    """A request whose reply is being written while another service of the store hears an opt-out."""

    def __init__(self, make: Make, brief: dict[str, Any]) -> None:
        self.agent = Slow()
        self.client, self.other, self.brief = make(self.agent), make(), brief
        self.elsewhere = begin(self.other, brief)
        self.pool = ThreadPoolExecutor(1)

    def ask(self, path: str, content: dict[str, Any], **headers: str) -> "Future[Any]":
        """Sent; back as soon as the agent writes."""
        self.agent.asked.clear()
        self.agent.may_speak.clear()
        answer = self.pool.submit(self.client.post, path, json=content, headers=headers)
        assert self.agent.asked.wait(20)
        return answer

    def opt_out(self) -> None:
        """In another conversation of the hotel, by another service; then the agent has its reply."""
        path = f"/v1/conversations/{self.elsewhere}/messages"
        assert self.other.post(path, json={"text": "unsubscribe"}).json()["outcome"] == "opted_out"
        self.agent.may_speak.set()


@pytest.fixture
def race(make: Make, brief: dict[str, Any]) -> Iterator[Race]:
    found = Race(make, brief)
    yield found
    found.agent.may_speak.set()
    found.pool.shutdown()


def begin(client: TestClient, brief: dict[str, Any]) -> str:
    return str(client.post("/v1/conversations", json={"brief": brief}).json()["conversation_id"])


def said(client: TestClient, one: str) -> list[tuple[str, str | None]]:
    messages = client.get(f"/v1/conversations/{one}").json()["messages"]
    return [(message["speaker"], message["text"]) for message in messages]


@pytest.mark.parametrize(
    ("last", "content"), [("messages", {"text": "why?"}), ("silence", {"minutes": 45})], ids=str
)
def test_a_reply_that_was_being_written_does_not_leave(race: Race, last: str, content: Any) -> None:
    one = begin(race.client, race.brief)
    before, path = said(race.client, one), f"/v1/conversations/{one}/{last}"
    headers = {"Idempotency-Key": "k1"}
    waiting = race.ask(path, content, **headers)
    race.opt_out()
    answer = waiting.result().json()
    assert (answer["text"], answer["number"], answer["outcome"]) == (None, None, "opted_out")
    assert said(race.client, one) == [*before, ("counterpart", content.get("text"))]  # heard, and no more
    assert race.client.post(path, json=content, headers=headers).json() == answer


def test_a_conversation_that_was_being_begun_is_none(race: Race) -> None:
    waiting = race.ask("/v1/conversations", {"brief": race.brief}, **{"Idempotency-Key": "k1"})
    race.opt_out()
    assert (waiting.result().status_code, waiting.result().json()["field"]) == (409, "contact")
    assert [row.id for row in context_of(race.client).service.store.search({}, 9)] == [race.elsewhere]


def test_a_second_farewell_does_not_leave(race: Race) -> None:
    one = begin(race.client, race.brief)
    before = said(race.client, one)
    waiting = race.ask(f"/v1/conversations/{one}/messages", {"text": "unsubscribe"})
    race.opt_out()
    assert waiting.result().json()["text"] is None
    assert said(race.client, one) == [*before, ("counterpart", "unsubscribe")]


def test_another_hotels_reply_is_not_held_up(race: Race) -> None:
    one = begin(race.client, {**race.brief, "hotel": "Another Inn"})
    waiting = race.ask(f"/v1/conversations/{one}/messages", {"text": "why?"})
    race.opt_out()
    assert waiting.result().json()["text"] is not None


def test_the_store_itself_refuses_words_that_were_decided_before(
    client: TestClient, brief: dict[str, Any]
) -> None:
    one, other = begin(client, brief), begin(client, brief)
    store: Store = context_of(client).service.store
    talk = store.load(one)
    assert talk is not None
    client.post(f"/v1/conversations/{other}/messages", json={"text": "unsubscribe"})

    def add(speaker: str, author: str) -> None:
        message = Message(len(talk.messages), stamp(NOW), speaker, author, text="One more thing.")
        store.commit(Entry(talk.conversation, talk.standing, messages=(message,))).result()

    for author in ("operator", "agent"):
        with pytest.raises(StaleError):
            add("agent", author)
    add("counterpart", "counterpart")
    assert said(client, one)[-1] == ("counterpart", "One more thing.")
