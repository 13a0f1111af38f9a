"""The cache of judge's answers: shared, bounded, never a crash on the way and never a wrong number."""

import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from suasion.data.rubric import Rubric, load_rubric
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.judge_cache import JudgeCache
from suasion.rewards.remote_judge import RemoteJudge
from suasion.rewards.score import Status

from .conftest import Ask, Serve
from .judge_server import Request, Said, asked, fair


def name(n: int) -> bytes:
    return n.to_bytes(32, "big")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "judge.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[JudgeCache]:
    opened = JudgeCache(path, 1000)
    yield opened
    opened.close()


def test_what_was_put_is_there_for_the_next_process_too(cache: JudgeCache, path: Path) -> None:
    cache.put({name(n): n / 7 for n in range(8)})
    again = JudgeCache(path, 1000)
    assert again.get([name(n) for n in range(10)]) == {name(n): n / 7 for n in range(8)}
    again.put({name(0): 1.0})
    again.close()
    assert cache.get([name(0)]) == {name(0): 1.0}


def test_what_was_not_used_for_longest_goes_first(path: Path) -> None:
    cache = JudgeCache(path, 100)
    for n in range(100):
        cache.put({name(n): 0.5})
    cache.get([name(0), name(1)])
    cache.put({name(100): 0.5})
    left = {n for n in range(101) if cache.get([name(n)])}
    assert left == {0, 1, *range(8, 101)}, "5 % of the room is made at once"
    cache.put({name(n): 0.5 for n in range(1000, 2000)})
    assert sum(bool(cache.get([name(n)])) for n in range(3000)) == 95
    cache.close()


def test_a_hit_costs_under_a_millisecond(cache: JudgeCache) -> None:
    cache.put({name(n): 0.5 for n in range(1000)})
    seconds = []
    for n in range(1000):
        start = time.perf_counter()
        assert cache.get([name(n)])
        seconds.append(time.perf_counter() - start)
    assert statistics.median(seconds) < 1e-3


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough" * 100, b"SQLite format 3\x00" + b"x" * 5000]
)
def test_a_broken_file_is_named(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"judge\.sqlite: no cache of judge's answers: .*; remove it"):
        JudgeCache(path, 10)
    assert path.read_bytes() == content, "it may be something else that somebody needs"


def test_what_something_else_made_is_left_alone(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(InputError, match="its version is 0, not 1"):
        JudgeCache(path, 10)
    with pytest.raises(InputError, match="no cache"):
        JudgeCache(tmp_path, 10)


def test_a_page_that_was_damaged_is_noticed(path: Path) -> None:
    cache = JudgeCache(path, 10_000)
    cache.put({name(n * 7919): 0.5 for n in range(5000)})
    cache.close()
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"damaged|malformed"):
        JudgeCache(path, 10)


def test_a_damaged_row_is_no_answer(cache: JudgeCache, path: Path) -> None:
    cache.put({name(1): 0.25, name(2): 0.5, name(3): 0.75})
    with sqlite3.connect(path) as other:
        other.execute("UPDATE answers SET yes = 0.2500001 WHERE key = ?", (name(1),))
        other.execute("UPDATE answers SET yes = 'much' WHERE key = ?", (name(2),))
    other.close()
    assert cache.get([name(1), name(2), name(3)]) == {name(3): 0.75}
    cache.put({name(1): 0.25})
    assert cache.get([name(1)]) == {name(1): 0.25}


def test_a_file_that_breaks_in_mid_run_is_told_of_once(
    serve: Serve,
    judge: Ask,
    dialogues: list[Dialogue],
    cache: JudgeCache,
    path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = serve(fair)
    remote = judge(server)
    wanted = [score.value for score in remote.score(dialogues)]
    remote.cache = cache
    assert [score.value for score in remote.score(dialogues)] == wanted
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE answers")
    other.close()
    for _ in range(2):
        assert [score.value for score in remote.score(dialogues)] == wanted
    assert capsys.readouterr().err.count(f"{path}: the cache of judge's answers is not used further") == 1


def test_only_what_is_missing_is_asked_and_only_readings_are_kept(
    serve: Serve, judge: Ask, hotel: Pack, dialogues: list[Dialogue], cache: JudgeCache
) -> None:
    bad = load_rubric(hotel).criteria[2].question

    def partly(request: Request) -> Said:
        return Said(code=500) if bad in asked(request)["questions"].values() else fair(request)

    server = serve(partly)
    remote = judge(server, retries=0)
    remote.cache = cache
    assert {score.status for score in remote.score(dialogues)} == {Status.FAILED}
    server.requests.clear()
    server.answer = fair
    assert {score.status for score in remote.score(dialogues)} == {Status.READ}
    assert {str(asked(request)["questions"]) for request in server.requests} == {str({"1": bad})}
    assert remote.report.criteria["empathy"].cached == len(dialogues)
    assert remote.report.criteria["progress"].answered == len(dialogues)
    server.requests.clear()
    assert {score.status for score in remote.score(dialogues)} == {Status.READ}
    assert not server.requests


@pytest.mark.parametrize("ask", ["criterion", "rubric"])
def test_a_changed_criterion_invalidates_only_itself(
    serve: Serve, judge: Ask, hotel: Pack, dialogues: list[Dialogue], cache: JudgeCache, ask: str
) -> None:
    server = serve(fair)
    first = judge(server, ask=ask)
    first.cache = cache
    first.score(dialogues)
    rubric = load_rubric(hotel)
    changes = [{"version": 2}, {"question": "Does it thank?"}, {"points": 77.0}, {"id": "renamed"}]
    for change, anew in zip(changes, [1, 1, 0, 0], strict=True):
        criteria = list(rubric.criteria)
        criteria[4] = criteria[4].model_copy(update=change)
        server.requests.clear()
        changed = RemoteJudge(
            server.url, "m", Rubric(version=9, criteria=tuple(criteria)), "key", first.settings, cache
        )
        assert {score.status for score in changed.score(dialogues)} == {Status.READ}
        questions = [q for request in server.requests for q in asked(request)["questions"].values()]
        assert questions == [criteria[4].question] * anew * len(dialogues)


def test_another_model_address_or_way_of_asking_is_asked_anew(
    serve: Serve, judge: Ask, dialogues: list[Dialogue], cache: JudgeCache
) -> None:
    servers = [serve(fair), serve(fair)]
    first = judge(servers[0])
    others = [judge(servers[1]), judge(servers[0], ask="rubric"), judge(servers[0])]
    others[2].model = "another"
    for remote in (first, *others):
        remote.cache = cache
        remote.score(dialogues)
        assert not any(one.cached for one in remote.report.criteria.values())
    slower = judge(servers[0], timeout_s=9)
    slower.cache = cache
    slower.score(dialogues)
    assert slower.report.calls == 0, "how it is asked does not matter"


FILL = """
import sys, threading
from pathlib import Path
from suasion.rewards.judge_cache import JudgeCache

name = lambda n: n.to_bytes(32, "big")
cache, wrong = JudgeCache(Path(sys.argv[1]), 500), []

def fill(start):
    for n in range(start, start + 150):
        cache.put({name(n): n / 1000})
        found = cache.get([name(n), name(n * 31 % 1000)])
        wrong.extend(key for key, yes in found.items() if yes != int.from_bytes(key, "big") / 1000)

threads = [threading.Thread(target=fill, args=(int(sys.argv[2]) + 100 * n,)) for n in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
cache.close()
sys.exit(bool(wrong))
"""


def test_processes_and_threads_share_it(path: Path) -> None:
    """They also make it at once; none loses, repeats or garbles what another put."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", FILL, str(path), str(start)], stderr=subprocess.PIPE, text=True
        )
        for start in (0, 200, 400, 600)
    ]
    said = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [(worker.returncode, err) for worker, err in zip(workers, said, strict=True)] == [(0, "")] * 4
    cache = JudgeCache(path, 500)
    left = cache.get([name(n) for n in range(1000)])
    cache.close()
    assert 400 < len(left) <= 500
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT answers FROM size").fetchone() == (len(left),)
    file.close()
