"""The whole server killed at random moments under load: what was acknowledged is there, once, in order."""

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
from pathlib import Path
from typing import Any

import pytest

from suasion.serving.store import Store

TALKS, MESSAGES, KILLS = 4, 12, 10
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


def hold(server: Server, brief: dict[str, Any], number: int, told: list[list[dict[str, Any]]]) -> None:
    new = {"brief": brief, "contact": f"hotel {number}"}
    answers = [post(server, "/v1/conversations", new, f"new-{number}")]
    for place in range(MESSAGES):
        path = f"/v1/conversations/{answers[0]['conversation_id']}/messages"
        answers.append(post(server, path, {"text": f"Why? ({place})"}, f"{number}-{place}"))
        time.sleep(0.05)
    told[number] = answers


def test_a_killed_server_loses_and_doubles_nothing(url: str, tmp_path: Path, brief: dict[str, Any]) -> None:
    rng, server = random.Random(1), Server(url, tmp_path / "log")
    told: list[list[dict[str, Any]]] = [[] for _ in range(TALKS)]
    server.start()
    talks = [threading.Thread(target=hold, args=(server, brief, n, told), daemon=True) for n in range(TALKS)]
    for talk in talks:
        talk.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.02, 0.15))
        server.stop(signal.SIGKILL)
        server.start()
    for talk in talks:
        talk.join(120)
    assert server.stop(signal.SIGTERM) in (0, -signal.SIGTERM)
    store = Store(url)
    assert len(store.search({}, 100)) == TALKS
    for answers in told:
        assert len(answers) == MESSAGES + 1
        stored = store.load(answers[0]["conversation_id"])
        assert stored is not None
        heard = [one.text for one in stored.messages if one.speaker == "counterpart"]
        assert heard == [f"Why? ({place})" for place in range(MESSAGES)]
        said = {one.number: one.text for one in stored.messages if one.speaker == "agent"}
        assert said == {one["number"]: one["text"] for one in answers if one["number"] is not None}
    store.close()


def test_a_server_that_is_told_to_stop_answers_first(url: str, tmp_path: Path, brief: dict[str, Any]) -> None:
    server, answers = Server(url, tmp_path / "log"), []
    server.start()
    asked = [
        threading.Thread(
            target=lambda n=n: answers.append(
                post(server, "/v1/conversations", {"brief": brief, "contact": f"h{n}"}, f"k{n}")
            )
        )
        for n in range(20)
    ]
    for one in asked:
        one.start()
    time.sleep(0.1)
    server.stop(signal.SIGTERM)
    store = Store(url)
    found = {row.contact for row in store.search({}, 100)}
    store.close()
    server.start()
    for one in asked:
        one.join(60)
    server.stop(signal.SIGTERM)
    assert len(answers) == 20
    store = Store(url)
    assert len(store.search({}, 100)) == 20
    store.close()
    assert found <= {f"h{n}" for n in range(20)}
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert all("error" not in line for line in lines), lines
