"""Load on a served intent agent: conversations at once, messages a second, and how long an answer takes.

    python benchmarks/serving.py --conversations 200 --messages 10 --rate 120

Starts `suasion serve` on a store of its own and talks to it over HTTP. `--rate 0`: each conversation writes
again as soon as it is answered, which shows the most that the service does: all wait for each other then.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from suasion.counterpart.briefs import draw_briefs
from suasion.negotiation.pack import Pack

WORDS = (
    "Yes, that's me.", "What is it about?", "Why should I lower the price?", "No, we can't go lower.",
    "The season is good and costs are up.", "I can do 5 yuan less.", "I need to ask my boss first.",
    "Can you guarantee more bookings?", "too low", "Am I talking to a machine?", "hm, let me think",
)  # fmt: skip


class Client:
    """One kept-alive connection: a library's client would take as much of the processor as the service."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def post(self, path: str, content: object) -> tuple[int, dict[str, object]]:
        body = json.dumps(content).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self.writer.drain()
        status = int((await self.reader.readline()).split()[1])
        length = 0
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, json.loads(await self.reader.readexactly(length))


async def hold(
    port: int, brief: dict[str, object], number: int, told: argparse.Namespace
) -> list[tuple[float, int]]:
    """One conversation: seconds and status of each answer."""
    client, rng, found = Client(port), random.Random(number), []
    await client.open()
    pause = told.conversations / told.rate if told.rate else 0.0
    start = time.perf_counter()

    async def ask(turn: int, path: str, content: object) -> dict[str, object]:
        # a random moment of its turn's time: late answers don't slow down what is asked
        await asyncio.sleep(max(0.0, start + (turn + rng.random()) * pause - time.perf_counter()))
        began = time.perf_counter()
        status, answer = await client.post(path, content)
        found.append((time.perf_counter() - began, status))
        return answer

    begun = await ask(0, "/v1/conversations", {"brief": brief, "contact": f"hotel {number}"})
    for turn in range(1, told.messages + 1):
        path = f"/v1/conversations/{begun['conversation_id']}/messages"
        await ask(turn, path, {"text": rng.choice(WORDS)})
    return found


async def load(port: int, told: argparse.Namespace) -> None:
    briefs = draw_briefs(Pack.load("hotel"), told.conversations, told.seed, "test")
    bodies = [brief.model_dump(mode="json", exclude_none=True) for brief in briefs]
    began = time.perf_counter()
    talks = await asyncio.gather(*(hold(port, body, number, told) for number, body in enumerate(bodies)))
    seconds = time.perf_counter() - began
    answers = [one for talk in talks for one in talk]
    times = sorted(second for second, _ in answers)
    failed = sum(status >= 400 for _, status in answers)
    print(
        f"{told.conversations} conversations at once, {len(answers)} messages in {seconds:.1f} s: "
        f"{len(answers) / seconds:.0f} a second; ms p50 {1000 * times[len(times) // 2]:.0f}, "
        f"p99 {1000 * times[int(0.99 * len(times))]:.0f}, longest {1000 * times[-1]:.0f}; {failed} errors"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--messages", type=int, default=10, help="of the hotel in each")
    parser.add_argument(
        "--rate", type=float, default=120.0, help="messages a second, all together; 0: as fast as can be"
    )
    parser.add_argument("--agent", default="intent")
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        words = [
            "serve",
            "--agent",
            told.agent,
            "--store",
            f"sqlite:///{folder}/s.db",
            "--rate",
            "0",
            "--port",
            str(port),
        ]
        server = subprocess.Popen([sys.executable, "-m", "suasion.cli", *words], stderr=log)
        try:
            wait_for(port, server)
            asyncio.run(load(port, told))
        finally:
            server.terminate()
            _, _, used = os.wait4(server.pid, 0)
    print(f"processor time of the service, start included: {used.ru_utime + used.ru_stime:.1f} s")


def wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):
        if server.poll() is not None:
            raise SystemExit("the service did not start")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the service did not answer")


if __name__ == "__main__":
    main()
