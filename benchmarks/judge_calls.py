"""Time a remote judge: calls to a local server that answers after a fixed time, and hits in its cache.

The server is a process of its own. Ideal is calls / concurrency x latency. Every repetition is printed.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from suasion.config import RemoteJudgeConfig
from suasion.data.rubric import load_rubric
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.judge_cache import JudgeCache
from suasion.rewards.remote_judge import RemoteJudge
from suasion.rewards.score import Status


async def serve(latency: float) -> None:
    """Answers 0.5 to one question, over and over; says its port."""
    said = {"role": "assistant", "content": '{"answers": {"1": 0.5}}'}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    usage = {"prompt_tokens": 400, "completion_tokens": 10, "total_tokens": 410}
    body = json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
    ).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = asked.split(b"content-length:")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                await asyncio.sleep(latency)
                writer.write(head + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def replies(pack: Pack, count: int) -> list[Dialogue]:
    """Synthetic replies, all different."""
    found = [example.dialogue for example in examples_of(synthesize(pack, 20, 0), pack)]
    return [found[n % len(found)].with_reply(f"{found[n % len(found)].reply} ({n})") for n in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="be the server alone")
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve(asked.latency))
        return
    pack = Pack.load("hotel")
    rubric = load_rubric(pack)
    dialogues = replies(pack, -(-asked.calls // len(rubric.criteria)))
    settings = RemoteJudgeConfig(concurrency=asked.concurrency, cache="none")
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--latency", str(asked.latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(server.stdout.readline()) if server.stdout else 0
        judge = RemoteJudge(f"http://127.0.0.1:{port}/v1", "m", rubric, "none", settings)
        seconds = [ask(judge, dialogues) for _ in range(asked.repeat)]
        ideal = judge.report.calls / asked.concurrency * asked.latency
        print(
            f"{judge.report.calls} calls of {asked.latency} s, {asked.concurrency} at once: "
            f"{', '.join(f'{one:.2f}' for one in seconds)} s; ideal {ideal:.2f} s; "
            f"best {min(seconds) / ideal:.2f}, median {statistics.median(seconds) / ideal:.2f} times that"
        )
        with tempfile.TemporaryDirectory() as folder:
            judge.cache = JudgeCache(Path(folder) / "judge.sqlite", 1_000_000)
            ask(judge, dialogues)
            again = ask(judge, dialogues)
            print(f"all of them from the cache: {again:.3f} s, {1e3 * again / judge_hits(judge):.3f} ms each")
            judge.cache.close()
    finally:
        server.kill()
        server.wait()


def judge_hits(judge: RemoteJudge) -> int:
    return sum(cost.cached for cost in judge.report.criteria.values())


def ask(judge: RemoteJudge, dialogues: list[Dialogue]) -> float:
    """Seconds for all; every reply is read, or the figure is worth nothing."""
    start = time.perf_counter()
    scores = judge.score(dialogues)
    seconds = time.perf_counter() - start
    if any(score.status != Status.READ for score in scores):
        raise SystemExit(f"not all were read: {dict(judge.report.faults)}")
    return seconds


if __name__ == "__main__":
    main()
