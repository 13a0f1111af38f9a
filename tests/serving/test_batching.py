"""Requests in flight share a batch, and a trained policy speaks through the same guard."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, context_of

from suasion.agents.guarded import GuardedReply, Source
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.tracker import start
from suasion.serving.batching import Batcher, BusyError

if TYPE_CHECKING:
    from suasion.policy.model import Backbone


class Slow:
    """Answers each batch when it is let."""

    def __init__(self, hotel: Any) -> None:
        self.gate, self.began, self.sizes, self.pack = threading.Semaphore(0), threading.Event(), [], hotel

    def __call__(self, dialogues: Sequence[Dialogue], seed: int, states: Sequence[Any]) -> list[GuardedReply]:
        self.began.set()
        assert self.gate.acquire(timeout=10)
        self.sizes.append(len(dialogues))
        if any(one.id == "bad" for one in dialogues):
            raise ValueError("bad")
        state = start(dialogues[0].brief, self.pack.sop)
        return [GuardedReply(one.id, Source.AGENT, "open", state) for one in dialogues]


def held(
    slow: Slow, batcher: Batcher, dialogue: Dialogue, ids: Sequence[str]
) -> list["Future[GuardedReply]"]:
    """Jobs that came in while the first one was being answered."""
    first = batcher.submit(dialogue)
    assert slow.began.wait(10)
    return [first, *(batcher.submit(dialogue.model_copy(update={"id": one})) for one in ids)]


def test_what_came_in_meanwhile_is_the_next_batch(hotel: Any, dialogues: list[Dialogue]) -> None:
    slow = Slow(hotel)
    batcher = Batcher(slow, largest=10)
    jobs = held(slow, batcher, dialogues[0], [f"d{n}" for n in range(16)])
    slow.gate.release(3)
    assert [job.result(10).text for job in jobs] == ["d0", *(f"d{n}" for n in range(16))]
    assert slow.sizes == [1, 10, 6]
    batcher.close()


def test_a_dialogue_that_fails_fails_alone(hotel: Any, dialogues: list[Dialogue]) -> None:
    slow = Slow(hotel)
    batcher = Batcher(slow)
    _, one, bad, other = held(slow, batcher, dialogues[0], ["a", "bad", "b"])
    slow.gate.release(9)
    assert (one.result(10).text, other.result(10).text) == ("a", "b")
    with pytest.raises(ValueError, match="bad"):
        bad.result(10)
    batcher.close()


def test_it_says_when_too_many_wait_and_answers_the_rest_when_it_stops(
    hotel: Any, dialogues: list[Dialogue]
) -> None:
    slow = Slow(hotel)
    batcher = Batcher(slow, waiting=2)
    jobs = held(slow, batcher, dialogues[0], ["a", "b"])
    with pytest.raises(BusyError):
        batcher.submit(dialogues[0])
    assert jobs[1].cancel()  # who asked is gone
    slow.gate.release(9)
    stopping = threading.Thread(target=batcher.close)
    stopping.start()
    assert jobs[2].result(10).text == "b"
    stopping.join(10)
    assert slow.sizes == [1, 1]
    with pytest.raises(BusyError):
        batcher.submit(dialogues[0])


@pytest.mark.slow
def test_a_policy_that_talks_nonsense_is_never_heard(
    make: Make, small: "Callable[..., Backbone]", hotel: Any, brief: dict[str, Any]
) -> None:
    """An untrained model says numbers: every draft is withheld, and the intent agent speaks."""
    from suasion.agents.llm import PolicyAgent
    from suasion.config import GenerationConfig

    agent = PolicyAgent(small("Llama"), None, hotel, GenerationConfig(max_new_tokens=12))
    client: TestClient = make(agent)
    reply = client.post("/v1/conversations", json={"brief": brief}).json()
    assert reply["source"] == "fallback"
    assert [note["attempt"] for note in reply["guard"]] == [0, 1, 2]
    kept = context_of(client).service.store.load(reply["conversation_id"])
    assert kept is not None
    assert kept.messages[0].guard is not None
    drafts = [one["text"] for one in kept.messages[0].guard if one["kind"] == "withheld"]
    assert len(set(drafts)) == 3  # other seeds say other things
