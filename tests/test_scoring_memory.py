"""`suasion score` reads its file as a stream: memory does not grow with the number of records."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCORE = """
import resource, sys
from click.testing import CliRunner
from suasion.cli import main
result = CliRunner().invoke(main, ["score", "--input", sys.argv[1], "--output", sys.argv[2]])
print(result.exit_code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_memory(folder: Path, count: int) -> int:
    """Peak memory, in kB, of a process that scores `count` records, one in a hundred of them broken."""
    source, output = folder / f"{count}.jsonl", folder / f"{count}.scores.jsonl"
    with source.open("w", encoding="utf-8") as out:
        for number in range(count):
            ticket = {"id": "t1", "room": "Deluxe King", "check_in": "2026-12-01", "check_out": "2026-12-02"}
            ticket |= {"selling_price": 400 + number % 997, "commission_rate": 0.15}
            ticket |= {"target_selling_price": 380 if number % 100 else -1}
            brief = {"hotel": f"Hotel {number}", "agency": "Voyara", "agent_name": "Lin", "tickets": [ticket]}
            said = {"speaker": "counterpart", "text": f"Room {number} is not cheap, you know."}
            reply = f"I understand. Could you go down to {385 + number % 17} yuan?"
            record = {"id": str(number), "brief": brief, "turns": [said], "reply": reply}
            out.write(json.dumps(record) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", SCORE, str(source), str(output)], capture_output=True, text=True, check=True
    )
    code, peak = map(int, done.stdout.split())
    assert code == 1, "the broken records are told by the exit code"
    with output.open(encoding="utf-8") as lines:
        assert sum(1 for _ in lines) == count - count // 100
    return peak


def test_a_hundred_thousand_records_need_no_more_memory_than_a_few(tmp_path: Path) -> None:
    few, many = (peak_memory(tmp_path, count) for count in (5_000, 100_000))
    assert many < few + 30_000
