"""What `suasion score` says when it is done: who read how much, and what a judge at an address cost."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.rewards.judge_server import Answer, JudgeServer, Request, Said, asked, fair

from suasion.cli import main
from suasion.config import RemoteJudgeConfig
from suasion.data.rubric import load_rubric
from suasion.negotiation.dialogue import Dialogue, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.remote_judge import connect
from suasion.rewards.score import Source, Status
from suasion.rewards.suite import RewardSuite
from suasion.scoring import score_file

Serve = Callable[[Answer], JudgeServer]


@pytest.fixture
def source(dialogues: list[Dialogue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SUASION_JUDGE_MODEL", "SUASION_JUDGE_KEY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "in.jsonl"
    write_dialogues(path, dialogues)
    return path


def moody(request: Request) -> Said:
    """Refuses one of the four replies, talks nonsense of another and answers two."""
    reply = asked(request)["reply"]
    if reply == "Goodbye.":
        return Said(code=401)
    return Said("I would say yes.") if reply == "Hello there." else fair(request)


def score(source: Path, *more: str) -> Result:
    words = ["score", "--input", str(source), "--output", str(source.with_name("out.jsonl")), *more]
    return CliRunner().invoke(main, words)


def test_a_faulty_judge_is_told_on_the_closing_lines(serve: Serve, source: Path) -> None:
    result = score(source, "--judge", serve(moody).url)
    assert result.exit_code == 0, result.output
    scored, judged = result.stdout.splitlines()
    assert "4 scored" in scored
    assert "unread: judge 2 (failed 1, malformed 1), rules 0; " in scored
    # eight criteria: 16 calls answered, 8 refused, 8 asked four times each
    assert "56 calls, 24 of them retries; 0 answers from the cache" in judged
    assert "faults: HTTP 401 8, malformed (JSONDecodeError) 8;" in judged
    assert re.search(r"\d\.\d{3} s a call", judged)
    assert judged.endswith("4800 tokens in, 480 out"), "as the server counts them: 100 and 10 an answer"


def test_a_dead_judge_is_no_success(serve: Serve, source: Path, dialogues: list[Dialogue]) -> None:
    write_dialogues(source, dialogues[:1])
    server = serve(fair)
    server.stop()
    result = score(source, "--judge", server.url)
    assert result.exit_code == 1
    assert "unread: judge 1 (failed 1), rules 0; " in result.stdout
    assert "faults: no connection, or a cut one 8;" in result.stdout
    assert "the judge read none of the replies" in result.stderr
    (line,) = map(json.loads, source.with_name("out.jsonl").read_text("utf-8").splitlines())
    assert (line["e_judge"], line["status"]["judge"]) == (None, "failed")


def test_without_a_judge_none_is_told(source: Path) -> None:
    result = score(source)
    assert result.exit_code == 0
    assert "unread: rules 0; " in result.stdout
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize("chunk", [1, 3, 256])
def test_batches_do_not_change_what_is_told(serve: Serve, source: Path, hotel: Pack, chunk: int) -> None:
    judge = connect(serve(moody).url, load_rubric(hotel), RemoteJudgeConfig(cache="none"))
    output = source.with_name("out.jsonl")
    tally = score_file(RewardSuite(hotel, judge), hotel, source, output, chunk, print)
    assert tally.unread == {Source.JUDGE: {Status.FAILED: 1, Status.MALFORMED: 1}, Source.RULES: {}}
    assert tally.judging is not None
    assert (tally.judging.calls, tally.judging.retries) == (56, 24)
    assert tally.judging.faults == {"HTTP 401": 8, "malformed (JSONDecodeError)": 8}
    assert sum(one.unread for one in tally.judging.criteria.values()) == 16
    assert not tally.judge_is_silent
