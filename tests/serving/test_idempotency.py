"""A request is done once, however often it is sent, and conversations keep their order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, context_of

from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.serving.app import create_app
from suasion.serving.asked import Asked
from suasion.serving.assemble import Limits, assemble, load_speaker
from suasion.serving.records import Entry, Message, stamp
from suasion.serving.store import Store

ON_BOTH = True


def test_a_repeated_request_is_answered_alike_and_done_once(
    client: TestClient, brief: dict[str, Any]
) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/v1/conversations", json={"brief": brief}, headers=headers)
    second = client.post("/v1/conversations", json={"brief": brief}, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (
        False,
        "true",
    )
    one = first.json()["conversation_id"]
    path = f"/v1/conversations/{one}/messages"
    answers = [
        client.post(path, json={"text": "why?"}, headers={"Idempotency-Key": "k2"}).json() for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert len(client.get(f"/v1/conversations/{one}").json()["messages"]) == 3


def test_a_key_answers_one_request_only(client: TestClient, brief: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "k1"}
    one = client.post("/v1/conversations", json={"brief": brief}, headers=headers).json()["conversation_id"]
    path = f"/v1/conversations/{one}/messages"
    assert client.post(path, json={"text": "a"}, headers=headers).status_code == 422
    assert client.post(path, json={"text": "a"}, headers={"Idempotency-Key": "k2"}).status_code == 200
    other = client.post(path, json={"text": "b"}, headers={"Idempotency-Key": "k2"})
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


def test_a_refused_request_uses_up_no_key(client: TestClient, brief: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "k1"}
    wrong = {**brief, "hotel": ""}
    assert client.post("/v1/conversations", json={"brief": wrong}, headers=headers).status_code == 422
    assert client.post("/v1/conversations", json={"brief": brief}, headers=headers).status_code == 201


@pytest.fixture
def asked(url: str, hotel: Pack, rules: RuleSet) -> Any:
    """Runs requests side by side against one application."""

    def run(work: Any) -> Any:
        async def all_of_it() -> Any:
            context = assemble(
                load_speaker("intent", "hotel"), Store(url), False, Limits(rate=0), rules=rules
            )
            transport = httpx2.ASGITransport(create_app(context, None))
            async with httpx2.AsyncClient(transport=transport, base_url="http://service") as client:
                try:
                    return await work(client, context)
                finally:
                    context.service.batcher.close()
                    context.service.store.close()

        return asyncio.run(all_of_it())

    return run


def test_side_by_side_messages_keep_whole_exchanges_in_order(asked: Any, brief: dict[str, Any]) -> None:
    async def work(client: Any, context: Any) -> None:
        begun = await asyncio.gather(
            *(
                client.post("/v1/conversations", json={"brief": brief, "contact": f"hotel {n}"})
                for n in range(8)
            )
        )
        ids = [answer.json()["conversation_id"] for answer in begun]
        texts = [f"Why number {n}?" for n in range(10)]
        answers = await asyncio.gather(
            *(
                client.post(f"/v1/conversations/{one}/messages", json={"text": text})
                for text in texts
                for one in ids
            )
        )
        assert {answer.status_code for answer in answers} == {200}
        for one in ids:
            talk = context.service.store.load(one)
            assert [message.number for message in talk.messages] == list(range(len(talk.messages)))
            heard = [message.text for message in talk.messages if message.speaker == "counterpart"]
            assert heard == texts  # asked at once, answered in the order in which they came
            for before, after in zip(talk.messages, talk.messages[1:], strict=False):
                assert not (before.speaker == after.speaker == "agent")

    asked(work)


def test_the_same_key_sent_at_once_begins_one_conversation(asked: Any, brief: dict[str, Any]) -> None:
    async def work(client: Any, context: Any) -> None:
        headers = {"Idempotency-Key": "once"}
        answers = await asyncio.gather(
            *(client.post("/v1/conversations", json={"brief": brief}, headers=headers) for _ in range(12))
        )
        assert len({answer.json()["conversation_id"] for answer in answers}) == 1
        assert len(context.service.store.search({}, 50)) == 1

    asked(work)


def test_another_process_that_was_first_is_read_again(
    client: TestClient, brief: dict[str, Any], url: str
) -> None:
    one = client.post("/v1/conversations", json={"brief": brief}).json()["conversation_id"]
    path = f"/v1/conversations/{one}/messages"
    client.post(path, json={"text": "Yes, that's me."})
    other = Store(url)  # a second service on the same store adds an exchange
    talk = other.load(one)
    assert talk is not None
    at = stamp(NOW)
    number = len(talk.messages)
    messages = (
        Message(number, at, "counterpart", "counterpart", text="ok 380"),
        Message(
            number + 1, at, "agent", "agent", text="To confirm: Queen Room, Dec 1-2, selling price 380 yuan."
        ),
    )
    other.commit(Entry(talk.conversation, talk.standing, messages=messages)).result()
    other.close()
    reply = client.post(path, json={"text": "Yes, right."}).json()
    assert (reply["outcome"], reply["number"]) == ("agreed", number + 3)


def test_threads_that_write_at_once_lose_nothing(client: TestClient, brief: dict[str, Any]) -> None:
    store = context_of(client).service.store
    one = client.post("/v1/conversations", json={"brief": brief}).json()["conversation_id"]
    talk = store.load(one)
    assert talk is not None

    def write(number: int) -> None:
        message = Message(number, stamp(NOW), "counterpart", "counterpart", text=f"text {number}")
        answer = Asked("x", f"k{number}").answer(200, {})
        entry = Entry(
            talk.conversation, replace(talk.standing, turns=number), messages=(message,), answer=answer
        )
        store.commit(entry).result()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 200)))
        doubled = pool.submit(write, 50)
    assert "IntegrityError" in type(doubled.exception()).__name__
    again = store.load(one)
    assert again is not None
    assert [message.text for message in again.messages[1:]] == [f"text {n}" for n in range(1, 200)]
