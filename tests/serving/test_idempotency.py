"""A request is done once, however often it is sent, and conversations keep their order."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, context_of

from suasion.negotiation.brief import Brief
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.serving import schema
from suasion.serving.app import create_app
from suasion.serving.asked import Asked
from suasion.serving.assemble import Limits, assemble, load_speaker
from suasion.serving.outbound import enqueue
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


def waiting(client: TestClient) -> int:
    with context_of(client).service.store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(schema.waiting)).scalar_one()


def test_briefs_are_put_into_the_line_once(client: TestClient, brief: dict[str, Any]) -> None:
    headers, briefs = {"Idempotency-Key": "k1"}, [{**brief, "hotel": name} for name in ("A", "B")]
    wrong = client.post("/v1/outbound", json={"briefs": [{**brief, "hotel": ""}]}, headers=headers)
    assert wrong.status_code == 422  # and the key is free
    answers = [client.post("/v1/outbound", json={"briefs": briefs}, headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [202] * 3
    assert [one.json() for one in answers] == [{"queued": 2, "refused": 0}] * 3
    assert [one.headers.get("Idempotency-Replayed") for one in answers] == [None, "true", "true"]
    assert waiting(client) == 2
    other = client.post("/v1/outbound", json={"briefs": briefs[:1]}, headers=headers)
    assert (other.status_code, other.json()["field"], waiting(client)) == (422, "Idempotency-Key", 2)
    client.post("/v1/outbound", json={"briefs": briefs})
    client.post("/v1/outbound", json={"briefs": briefs})
    assert waiting(client) == 6  # without a key each request is another


def test_a_panel_is_opened_once(client: TestClient, brief: dict[str, Any]) -> None:
    for number in range(2):
        about = {"brief": brief, "contact": f"hotel {number}"}
        one = client.post("/v1/conversations", json=about).json()["conversation_id"]
        for _ in range(3):
            client.post(f"/v1/conversations/{one}/silence", json={"minutes": 45})
    new: dict[str, Any] = {"title": "December", "raters": "testers", "arms": ["intent"], "each": 2}
    headers = {"Idempotency-Key": "k1"}
    few = client.post("/v1/panels", json={**new, "each": 3}, headers=headers)
    assert (few.status_code, few.json()["field"]) == (422, "each")
    answers = [client.post("/v1/panels", json=new, headers=headers) for _ in range(2)]
    again = client.post(f"/v1/conversations/{one}/messages", json={"text": "Sorry, what is it about?"})
    assert again.json()["status"] == "open"  # one of the two is not over any more
    answers.append(client.post("/v1/panels", json=new, headers=headers))
    assert [one.status_code for one in answers] == [201] * 3
    assert [one.headers.get("Idempotency-Replayed") for one in answers] == [None, "true", "true"]
    assert client.get("/v1/panels").json()["panels"] == [answers[0].json()]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert answers[0].json()["items"] == 2
    other = client.post("/v1/panels", json={**new, "title": "January"}, headers=headers)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


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


def test_the_same_key_sent_at_once_puts_briefs_into_the_line_once(asked: Any, brief: dict[str, Any]) -> None:
    async def work(client: Any, context: Any) -> None:
        headers = {"Idempotency-Key": "once"}
        answers = await asyncio.gather(
            *(client.post("/v1/outbound", json={"briefs": [brief]}, headers=headers) for _ in range(12))
        )
        assert [answer.json() for answer in answers] == [{"queued": 1, "refused": 0}] * 12
        assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
        with context.service.store.engine.connect() as connection:
            rows = connection.execute(select(schema.waiting)).all()
        assert len(rows) == 1

    asked(work)


def test_two_processes_that_are_asked_the_same_put_it_into_the_line_once(
    url: str, brief: dict[str, Any], hotel: Pack
) -> None:
    stores, one, count = [Store(url) for _ in range(4)], Brief.model_validate(brief), 20

    def put(number: int) -> bool:
        asked = Asked.of("somebody", f"k{number // len(stores)}", "outbound", brief)
        return enqueue(stores[number % len(stores)], hotel, [one], NOW, asked).replayed

    with ThreadPoolExecutor(len(stores)) as pool:
        replayed = list(pool.map(put, range(count * len(stores))))
    assert sum(not one for one in replayed) == count
    with stores[0].engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.waiting)).scalar_one() == count
    for store in stores:
        store.close()


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
