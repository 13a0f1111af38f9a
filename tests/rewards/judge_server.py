"""A real HTTP server on this machine that answers chat completions as a test tells it to."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """One response: the judge's words, and what may be wrong with the way in which they come."""

    words: str | None = ""
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False  # half of the body, then the line is dead
    trickle_s: float = 0.0  # between two bytes
    body: str | None = None  # instead of a chat completion
    finish: str = "stop"


Answer = Callable[[Request], Said]


def asked(request: Request) -> dict[str, Any]:
    """What the judge was shown: brief, dialogue, reply, questions."""
    content: dict[str, Any] = json.loads(request["messages"][1]["content"])
    return content


def answers(values: dict[str, Any]) -> Said:
    return Said(json.dumps({"answers": values}))


def opinion(reply: str, question: str) -> float:
    """What the fair judge thinks: a number from 0 to 1 that follows from both texts alone."""
    return int(hashlib.sha256(f"{reply}\0{question}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


def fair(request: Request) -> Said:
    shown = asked(request)
    return answers({n: opinion(shown["reply"], question) for n, question in shown["questions"].items()})


class JudgeServer(ThreadingHTTPServer):
    """Keeps what it was asked; `answer` may be changed while it runs."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Answer) -> None:
        self.answer, self.requests, self.keys = answer, list[Request](), list[str]()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: JudgeServer

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(request)
        self.server.keys.append(self.headers["Authorization"])
        said = self.server.answer(request)
        time.sleep(said.delay_s)
        body = said.body if said.body is not None else json.dumps(_completion(said))
        self._send(said, body.encode())

    def _send(self, said: Said, content: bytes) -> None:
        self.send_response(said.code)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))} | said.headers
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if said.cut:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        for start in range(len(content)) if said.trickle_s else ():
            self.wfile.write(content[start : start + 1])
            self.wfile.flush()
            time.sleep(said.trickle_s)
        if not said.trickle_s:
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Tests are quiet."""


def _completion(said: Said) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": said.words},
        "finish_reason": said.finish,
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }
