"""A service under load for minutes: its memory does not grow with the requests that it has answered."""

import gc
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from suasion.serving import service

SECONDS = 120
KEPT = 64  # conversations in memory here, so that the soak is longer than what fills them
LIMIT = 0.5  # KiB a message by which memory may grow after the first third


def resident() -> float:
    """KiB of memory that this process occupies."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return float(line.split()[1])
    raise AssertionError("no VmRSS")


def slope(points: list[tuple[int, float]]) -> float:
    """KiB a message, by least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_stays_flat(
    client: TestClient, brief: dict[str, Any], monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("reads memory from /proc")
    monkeypatch.setattr(service, "REMEMBERED", KEPT)
    points: list[tuple[int, float]] = []
    sent, start = 0, time.monotonic()
    while time.monotonic() - start < SECONDS:
        new = {"brief": brief, "contact": f"hotel {sent}"}
        one = client.post("/v1/conversations", json=new).json()["conversation_id"]
        for text in ("Why should I?", "No, the season is good.", "Let me ask my boss.", "ok 380", "bye"):
            answer = client.post(f"/v1/conversations/{one}/messages", json={"text": f"{text} {sent % 7}"})
            assert answer.status_code == 200
            sent += 1
        if sent % 100 == 0:
            gc.collect()
            points.append((sent, resident()))
    later = points[len(points) // 3 :]
    assert len(later) >= 6, "too slow to say anything"
    grows = slope(later)
    record_property("messages", sent)
    record_property("KiB a message", grows)
    assert grows < LIMIT, (
        f"{grows:.2f} KiB a message over {sent} messages, {points[0][1]:.0f} to {points[-1][1]:.0f}"
    )
