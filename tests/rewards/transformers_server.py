"""A real OpenAI-compatible server: `transformers serve` with the embedded model."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from suasion.policy.install import install_model

UP_WITHIN_S = 180


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Path]]:
    """Where the server is, and the folder that is its model's name; its log is in `folder`."""
    model = install_model()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (folder / "log").open("w")
    command = Path(sys.executable).with_name("transformers")
    server = subprocess.Popen(
        [command, "serve", model, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # two stand still on a busy machine
    )
    try:
        until = time.monotonic() + UP_WITHIN_S
        while not up(port):
            assert server.poll() is None, Path(log.name).read_text(encoding="utf-8")
            assert time.monotonic() < until, "not up in time"
            time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1", model
    finally:
        server.kill()  # asked to end, it first finishes what it is writing
        server.wait(30)
        log.close()


def up(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
