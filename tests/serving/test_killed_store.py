"""A process that writes through the store, killed at random moments: what it acknowledged is there, once."""

import multiprocessing
import random
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import pytest

from suasion.negotiation.brief import Brief
from suasion.serving.contracts import BRIEF_EXAMPLE
from suasion.serving.records import (
    Answer,
    Conversation,
    Entry,
    Happening,
    Kind,
    Message,
    Standing,
    Status,
    contact_key,
)
from suasion.serving.store import Store

ON_BOTH = True
AT = "2026-11-26T10:00:00.000000Z"
TALK = "c-killed"
LONGEST = 0.25  # seconds after its first acknowledgement in which a writer dies


def entry_of(life: int, number: int) -> Entry:
    """One message, its event and the answer under its key, as a request adds them."""
    conversation = Conversation(
        id=TALK,
        at=AT,
        pack="hotel",
        pack_version="1",
        contact="x",
        contact_key=contact_key("x"),
        brief=Brief.model_validate(BRIEF_EXAMPLE),
        arm="intent",
        follows_up=False,
        key_id=None,
    )
    text = f"{life}-{number}"
    return Entry(
        conversation=conversation,
        standing=Standing("open", None, Status.OPEN, None, number + 1, 0, None, AT),
        is_new=number == 0,
        messages=(Message(number, AT, "counterpart", "counterpart", text=text),),
        happenings=(Happening(Kind.MESSAGE, {"text": text}),),
        answer=Answer("local", text, "f", 200, {"number": number}),
    )


def write(url: str, life: int, acknowledged: "Connection[Any, Any]") -> None:
    """Goes on with the conversation until it is killed; tells each message once it is committed."""
    store = Store(url)
    talk = store.load(TALK)
    number = len(talk.messages) if talk else 0
    while True:
        store.commit(entry_of(life, number)).result()
        acknowledged.send((life, number))
        number += 1


def kill_at_random(url: str, kills: int) -> None:
    """Kills so many writers one after the other, then checks what is in the store."""
    rng, told, early = random.Random(7), [], 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    for life in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        writer = context.Process(target=write, args=(url, life, theirs), daemon=True)
        writer.start()
        theirs.close()
        if life % 4:  # the others die at any moment of opening the store
            assert ours.poll(60)
            time.sleep(rng.uniform(0, LONGEST))
        else:
            time.sleep(rng.uniform(0, 3 * LONGEST))
        writer.kill()
        writer.join(30)
        assert writer.exitcode == -9
        heard: list[tuple[int, int]] = []
        try:
            while ours.poll():
                heard.append(ours.recv())
        except (EOFError, OSError):  # it died while it told the last one, or has told all
            pass
        ours.close()
        early += not heard
        told += heard
    check(url, told, kills)
    assert len(told) > kills
    assert early < kills / 2


def check(url: str, told: list[tuple[int, int]], kills: int) -> None:
    store = Store(url)
    talk = store.load(TALK)
    assert talk is not None
    texts = [message.text for message in talk.messages]
    assert [message.number for message in talk.messages] == list(range(len(texts)))
    assert len(set(texts)) == len(texts)
    for life, number in told:
        assert texts[number] == f"{life}-{number}"
        assert store.answer("local", f"{life}-{number}") is not None
    events = [row.data["text"] for row in store.events_after(0, 10 * len(texts))]
    assert sorted(events) == sorted(str(text) for text in texts)  # all of an entry, or nothing
    assert talk.standing == replace(entry_of(0, len(texts) - 1).standing)
    assert len(told) <= len(texts) <= len(told) + kills  # one at most was committed and not told any more
    store.close()


def test_a_few_kills_lose_and_double_nothing(url: str) -> None:
    kill_at_random(url, 4)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_two_hundred_kills_lose_and_double_nothing(url: str) -> None:
    kill_at_random(url, 200)
