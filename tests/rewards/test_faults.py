"""What can go wrong at an endpoint: each fault is a status, never a number, and nobody else's affair."""

import json
import random
import socket
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.judge_cache import JudgeCache
from suasion.rewards.remote_judge import RemoteJudge
from suasion.rewards.score import Source, Status
from suasion.rewards.suite import RewardSuite

from .conftest import Ask, Serve
from .judge_server import Request, Said, answers, asked, fair, opinion

READ, FAILED, TIMED_OUT, MALFORMED = Status.READ, Status.FAILED, Status.TIMED_OUT, Status.MALFORMED
TWICE = '{"answers": {"1": 0.1, "1": 0.9}}'
# what the endpoint does -> status, whether it is worth another attempt
MATRIX: dict[str, tuple[Said, Status, bool]] = {
    "429": (Said(code=429), FAILED, True),
    "429 with Retry-After": (Said(code=429, headers={"Retry-After": "0"}), FAILED, True),
    "500": (Said(code=500), FAILED, True),
    "503": (Said(code=503), FAILED, True),
    "401": (Said(code=401), FAILED, False),
    "404": (Said(code=404), FAILED, False),
    "too slow": (Said(delay_s=0.6), TIMED_OUT, True),
    "byte by byte": (replace(answers({"1": 0.5}), trickle_s=0.05), TIMED_OUT, True),
    "cut stream": (replace(answers({"1": 0.5}), cut=True), FAILED, True),
    "no JSON at all": (
        Said(body="<html>we moved</html>", headers={"Content-Type": "text/html"}),
        MALFORMED,
        True,
    ),
    "broken JSON": (Said(body='{"choices": [{"mess'), MALFORMED, True),
    "another JSON": (Said(body='{"ok": true}'), MALFORMED, True),
    "a body nested beyond reason": (Said(body="[" * 100_000), MALFORMED, True),
    "no choice": (Said(body='{"choices": []}'), MALFORMED, True),
    "null": (Said(words=None), MALFORMED, True),
    "empty": (Said(words=""), MALFORMED, True),
    "words": (Said("I would say yes."), MALFORMED, True),
    "an answer that was cut": (replace(answers({"1": 0.5}), finish="length"), MALFORMED, True),
    "filtered": (replace(answers({"1": 0.5}), finish="content_filter"), MALFORMED, True),
    "no answers": (answers({}), MALFORMED, True),
    "more answers than questions": (answers({"1": 0.5, "2": 0.5}), MALFORMED, True),
    "answers to another question": (answers({"2": 0.5}), MALFORMED, True),
    "two answers to one question": (Said(TWICE), MALFORMED, True),
    "a list": (Said('{"answers": [0.5]}'), MALFORMED, True),
    "a bare number": (Said("0.5"), MALFORMED, True),
    "something beside it": (Said('{"answers": {"1": 0.5}, "note": "?"}'), MALFORMED, True),
    "above 1": (answers({"1": 1.5}), MALFORMED, True),
    "below 0": (answers({"1": -0.1}), MALFORMED, True),
    "NaN": (Said('{"answers": {"1": NaN}}'), MALFORMED, True),
    "infinity": (Said('{"answers": {"1": 1e999}}'), MALFORMED, True),
    "true": (Said('{"answers": {"1": true}}'), MALFORMED, True),
    "a string": (answers({"1": "0.5"}), MALFORMED, True),
    "null probability": (answers({"1": None}), MALFORMED, True),
    "nested beyond reason": (Said("[" * 100_000), MALFORMED, True),
}


@pytest.mark.parametrize("name", MATRIX)
def test_a_fault_is_a_status_and_never_a_number(
    serve: Serve, judge: Ask, hotel: Pack, dialogues: list[Dialogue], name: str
) -> None:
    said, status, again = MATRIX[name]
    server = serve(lambda request: said)
    remote = judge(server, timeout_s=0.3 if status == TIMED_OUT else 5, concurrency=8)
    (found,) = remote.score(dialogues[:1])
    assert (found.status, found.value, found.evidence) == (status, None, ())
    assert len(server.requests) == 8 * (3 if again else 1)
    assert remote.report.retries == 16 * again
    assert sum(one.unread for one in remote.report.criteria.values()) == 8
    reading = RewardSuite(hotel, remote).score(dialogues[:1])[0]
    assert reading.as_json("x")["status"]["judge"] == status.value
    assert reading.e_judge is None


def test_nobody_there_is_a_failure(serve: Serve, judge: Ask, dialogues: list[Dialogue]) -> None:
    server = serve(fair)
    with socket.create_server(("127.0.0.1", 0)) as free:
        remote = RemoteJudge(
            f"http://127.0.0.1:{free.getsockname()[1]}/v1",
            "m",
            judge(server).rubric,
            "k",
            judge(server).settings,
        )
    (found,) = remote.score(dialogues[:1])
    assert (found.status, found.value) == (FAILED, None)
    assert remote.report.faults == {"no connection, or a cut one": 8}


@pytest.mark.parametrize("url", ["http://a b/v1", "https://{}/v1"])
def test_an_address_where_nothing_can_be_is_a_failure(
    serve: Serve, judge: Ask, dialogues: list[Dialogue], url: str
) -> None:
    server = serve(fair)
    url = url.format(f"127.0.0.1:{server.server_port}")  # which speaks no TLS
    (found,) = RemoteJudge(url, "m", judge(server).rubric, "k", judge(server).settings).score(dialogues[:1])
    assert (found.status, found.value) in ((FAILED, None), (MALFORMED, None))


@pytest.mark.parametrize("name", [name for name, (_, _, again) in MATRIX.items() if again])
def test_what_works_the_second_time_is_read(
    serve: Serve, judge: Ask, dialogues: list[Dialogue], name: str
) -> None:
    said, status, _ = MATRIX[name]
    seen: set[str] = set()

    def once(request: Request) -> Said:
        shown = json.dumps(asked(request))
        first = shown not in seen
        seen.add(shown)
        return said if first else fair(request)

    remote = judge(serve(once), timeout_s=0.3 if status == TIMED_OUT else 5, concurrency=8)
    assert [score.status for score in remote.score(dialogues[:1])] == [READ]
    assert (remote.report.retries, remote.report.faults) == (8, {})


def test_retry_after_is_waited_for(serve: Serve, judge: Ask, dialogues: list[Dialogue]) -> None:
    asked_at: list[float] = []

    def busy(request: Request) -> Said:
        asked_at.append(time.monotonic())
        return Said(code=429, headers={"Retry-After": "0.4"}) if len(asked_at) == 1 else fair(request)

    assert judge(serve(busy), ask="rubric").score(dialogues[:1])[0].status == READ
    assert asked_at[1] - asked_at[0] > 0.39


def test_it_does_not_wait_beyond_the_batch(serve: Serve, judge: Ask, dialogues: list[Dialogue]) -> None:
    server = serve(lambda request: Said(code=429, headers={"Retry-After": "60"}))
    start = time.monotonic()
    assert judge(server, budget_s=3).score(dialogues[:1])[0].status == FAILED
    assert time.monotonic() - start < 3


def test_what_is_not_answered_in_the_batchs_time_is_timed_out(
    serve: Serve, judge: Ask, dialogues: list[Dialogue]
) -> None:
    slow = str(dialogues[2].reply)

    def answer(request: Request) -> Said:
        return replace(fair(request), delay_s=30 if asked(request)["reply"] == slow else 0)

    start = time.monotonic()
    remote = judge(serve(answer), timeout_s=60, budget_s=1.5, ask="rubric", concurrency=2)
    found = [score.status for score in remote.score(dialogues)]
    assert time.monotonic() - start < 5
    assert found == [READ, READ, TIMED_OUT, READ]
    assert remote.report.faults == {"the batch's time is over": 1}


def test_a_judge_that_dies_on_the_way_leaves_what_it_said(
    serve: Serve, judge: Ask, dialogues: list[Dialogue]
) -> None:
    server = serve(fair)

    def dying(request: Request) -> Said:
        return fair(request) if len(server.requests) <= 2 else Said(cut=True)

    server.answer = dying
    found = judge(server, ask="rubric", concurrency=1).score(dialogues)
    assert [score.status for score in found] == [READ, READ, FAILED, FAILED]


@tried(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(6)),
    sizes=st.lists(st.integers(1, 4), min_size=6, max_size=6),
    concurrency=st.integers(1, 32),
    ask=st.sampled_from(["criterion", "rubric"]),
    cached=st.booleans(),
    failing=st.sampled_from([0.0, 0.3]),
)
def test_neither_order_nor_batches_nor_concurrency_change_a_score(
    serve: Serve,
    judge: Ask,
    hotel: Pack,
    dialogues: list[Dialogue],
    tmp_path_factory: pytest.TempPathFactory,
    order: list[int],
    sizes: list[int],
    concurrency: int,
    ask: str,
    cached: bool,
    failing: float,
) -> None:
    """Also where calls fail at random and are tried again, and where some answers are known."""
    luck = random.Random(str(order))

    def flaky(request: Request) -> Said:
        return Said(code=503) if luck.random() < failing else fair(request)

    replies = [dialogues[n % 4].with_reply(f"{dialogues[n % 4].reply} {n}") for n in range(6)]
    server = serve(flaky)
    remote = judge(server, concurrency=concurrency, ask=ask, retries=12, backoff_s=0.001)
    if cached:
        remote.cache = JudgeCache(tmp_path_factory.mktemp("cache") / "c.sqlite", 1000)
    suite = RewardSuite(hotel, remote)
    values: dict[int, float | None] = {}
    left = list(order)
    for size in sizes:
        part, left = left[:size], left[size:]
        for n, reading in zip(part, suite.score([replies[n] for n in part]), strict=True):
            assert reading.scores[Source.JUDGE].status == READ
            values[n] = reading.e_judge
    if remote.cache:
        remote.cache.close()
    rubric = remote.rubric.criteria
    for n in range(6):
        wanted = sum(c.points * opinion(str(replies[n].reply), c.question) for c in rubric)
        assert values[n] == wanted, "to the last bit"


@pytest.mark.parametrize(
    ("setting", "calls"), [({"requests_per_minute": 4}, 4), ({"tokens_per_minute": 1}, 1)]
)
def test_limits_hold_calls_back(
    serve: Serve, judge: Ask, dialogues: list[Dialogue], setting: dict[str, int], calls: int
) -> None:
    server = serve(fair)
    found = judge(server, budget_s=1, **setting).score(dialogues[:1])
    assert len(server.requests) == calls
    assert found[0].status == TIMED_OUT, "the others had to wait for longer than the batch may take"


def test_no_more_calls_at_once_than_allowed(serve: Serve, judge: Ask, dialogues: list[Dialogue]) -> None:
    under_way, most = [0], [0]

    def counting(request: Request) -> Said:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        under_way[0] -= 1
        return fair(request)

    judge(serve(counting), concurrency=5).score(dialogues)
    assert most[0] == 5
