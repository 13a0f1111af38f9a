"""The whole server killed at random moments under load: what was acknowledged is there, once, in order."""

import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from suasion.serving.store import Store

TALKS, MESSAGES, KILLS = 4, 12, 10
ASKED = 60  # at once, of a server that is then told to stop
ON_BOTH = True
pytestmark = pytest.mark.slow


class Server:
    """`suasion serve` on a store, which can be killed and started again."""

    def __init__(self, url: str, log: Path, *words: str, command: tuple[str, ...] = ()) -> None:
        self.url, self.log, self.words = url, log, words
        self.command = command or ("serve", "--store", url, "--rate", "0")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [*self.command, "--port", str(self.port), *self.words]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "suasion.cli", *words], stderr=log)
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("did not start")

    def stop(self, how: int) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(40)


def post(server: Server, path: str, content: Any, key: str) -> dict[str, Any]:
    """The answer, asked for again and again with the same key until there is one."""
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    address = f"http://127.0.0.1:{server.port}{path}"
    for _ in range(2000):
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=20) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"no answer: {path}")


def ask_once(server: Server, path: str, content: Any, key: str) -> int | None:
    """The answer's status; None where the connection was refused, or broke off."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    address = f"http://127.0.0.1:{server.port}{path}"
    body = json.dumps(content).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return None


class Talk(threading.Thread):
    """A conversation of so many messages at least, that goes on as long as servers are killed."""

    def __init__(self, server: Server, brief: dict[str, Any], number: int, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.server, self.brief, self.number, self.over = server, brief, number, over
        self.answers: list[dict[str, Any]] = []  # acknowledged, in order

    def run(self) -> None:
        new = {"brief": self.brief, "contact": f"hotel {self.number}"}
        self.answers.append(post(self.server, "/v1/conversations", new, f"new-{self.number}"))
        while len(self.answers) <= MESSAGES or not self.over.is_set():
            path = f"/v1/conversations/{self.answers[0]['conversation_id']}/messages"
            place = len(self.answers) - 1
            self.answers.append(post(self.server, path, {"text": words(place)}, f"{self.number}-{place}"))
            time.sleep(0.02)


def words(place: int) -> str:
    return f"Why? ({place})"


def acknowledged(talks: list[Talk]) -> int:
    return sum(len(talk.answers) for talk in talks)


def wait_for_more(talks: list[Talk], than: int) -> None:
    for _ in range(3000):
        if acknowledged(talks) > than:
            return
        time.sleep(0.01)
    raise AssertionError("nothing was acknowledged")


def test_a_killed_server_loses_and_doubles_nothing(url: str, tmp_path: Path, brief: dict[str, Any]) -> None:
    rng, server, over = random.Random(1), Server(url, tmp_path / "log"), threading.Event()
    server.start()
    talks = [Talk(server, brief, number, over) for number in range(TALKS)]
    for talk in talks:
        talk.start()
    for _ in range(KILLS):
        wait_for_more(talks, acknowledged(talks))  # each kill falls among messages, the last like the first
        time.sleep(rng.uniform(0.0, 0.15))
        assert all(talk.is_alive() for talk in talks)
        server.stop(signal.SIGKILL)
        server.start()
    before = [len(talk.answers) for talk in talks]
    over.set()
    for talk in talks:
        talk.join(120)
    assert all(len(talk.answers) > had for talk, had in zip(talks, before, strict=True))  # they had gone on
    assert server.stop(signal.SIGTERM) in (0, -signal.SIGTERM)
    store = Store(url)
    assert len(store.search({}, 100)) == TALKS
    for talk in talks:
        assert len(talk.answers) > MESSAGES
        stored = store.load(talk.answers[0]["conversation_id"])
        assert stored is not None
        heard = [one.text for one in stored.messages if one.speaker == "counterpart"]
        assert heard == [words(place) for place in range(len(talk.answers) - 1)]
        said = {one.number: one.text for one in stored.messages if one.speaker == "agent"}
        assert said == {one["number"]: one["text"] for one in talk.answers if one["number"] is not None}
    store.close()


def test_a_server_that_is_told_to_stop_answers_first(url: str, tmp_path: Path, brief: dict[str, Any]) -> None:
    server, told, first = Server(url, tmp_path / "log"), {}, threading.Event()
    server.start()

    def ask(number: int) -> None:
        contact = f"h{number}"
        told[contact] = ask_once(
            server, "/v1/conversations", {"brief": brief, "contact": contact}, f"k{number}"
        )
        first.set()

    asked = [threading.Thread(target=ask, args=(number,)) for number in range(ASKED)]
    for one in asked:
        one.start()
    assert first.wait(60)
    stopped_at = datetime.now(UTC)
    assert server.stop(signal.SIGTERM) in (0, -signal.SIGTERM)
    for one in asked:
        one.join(60)
    answered = {contact for contact, status in told.items() if status == 201}
    assert contacts(url) == answered  # what was done was answered, and nothing else was done
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    done = [line for line in lines if line.get("route") == "/v1/conversations"]
    assert [line["status"] for line in done].count(201) == len(answered)
    late = [line for line in done if datetime.fromisoformat(line["at"]) > stopped_at]
    assert late  # they were in flight when it was told
    assert {line["status"] for line in late} <= {201, 503}
    assert all("error" not in line for line in lines), lines
    server.start()
    for number in range(ASKED):  # those that it no longer took, and all others once more
        post(server, "/v1/conversations", {"brief": brief, "contact": f"h{number}"}, f"k{number}")
    server.stop(signal.SIGTERM)
    assert contacts(url) == {f"h{number}" for number in range(ASKED)}


def contacts(url: str) -> set[str]:
    """Of the conversations in the store, none of which is there twice."""
    store = Store(url)
    found = [row.contact for row in store.search({}, 2 * ASKED)]
    store.close()
    assert len(set(found)) == len(found)
    return set(found)
