"""Training on a tiny model whose judge stands at an address and may fail."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suasion.config import GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.judge_cache import JudgeCache
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import POLICY, TooManyUnreadError, Trainer
from suasion.training.validation import Validation

from .conftest import Ask, Serve
from .judge_server import Request, Said, fair

STEPS = 4


class Counts:
    """R_model: how many even tokens a reply has, from -1 to 1."""

    version = "counts"

    def score(self, dialogues: list[Dialogue]) -> list[float]:
        words = [(dialogue.reply or "").split() for dialogue in dialogues]
        return [2 * sum(int(w) % 2 == 0 for w in one) / max(1, len(one)) - 1 for one in words]


@pytest.fixture
def contexts(dialogues: list[Dialogue]) -> list[Dialogue]:
    return [dialogue.with_reply("").model_copy(update={"id": str(n)}) for n, dialogue in enumerate(dialogues)]


@pytest.fixture
def make(another: Callable[[], Backbone], hotel: Pack, judge: Ask) -> Callable[..., Trainer]:
    """A trainer on the tiny model whose judge is at the server."""

    def trainer(server: object, rewards: RewardsConfig | None = None, **settings: object) -> Trainer:
        training = TrainingConfig(
            steps=STEPS, contexts_per_step=2, replies_per_context=4, checkpoint_every=3, learning_rate=3e-3,
            warmup_steps=1, tracker="none",
        )  # fmt: skip
        config = RunConfig(
            generation=GenerationConfig(max_new_tokens=8),
            training=training,
            rewards=rewards or RewardsConfig(),
        )
        remote = judge(server, **{"ask": "rubric"} | settings)
        return Trainer(another(), RewardSuite(hotel, remote, Counts(), config.rewards), hotel, config)

    return trainer


def lucky(share: float) -> Callable[[Request], Said]:
    """Fails for that share of replies, always the same ones, in one of four ways."""
    ways = [Said(code=500), Said("?"), Said(cut=True), Said(code=429, headers={"Retry-After": "0"})]

    def answer(request: Request) -> Said:
        luck = random.Random(request["messages"][1]["content"])
        return luck.choice(ways) if luck.random() < share else fair(request)

    return answer


def test_with_three_calls_in_ten_failing_it_goes_on_with_what_was_read(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    trainer = make(serve(lucky(0.3)), retries=0)
    before = {key: value.clone() for key, value in trainer.backbone.adapter(POLICY).items()}
    records = trainer.run(contexts, tmp_path)
    shares = [record["share_unread_judge"] for record in records]
    assert 0.1 < sum(shares) / STEPS < 0.5
    assert [record["share_unread_total"] for record in records] == shares, "dropped, not scored as neutral"
    for record in records:
        failed, calls = sum(record["judge_faults"].values()), record["judge_calls"]
        assert 0 < calls <= 8, "the same reply to the same context is asked for once"
        assert (failed > 0) == (record["share_unread_judge"] > 0)
        assert record["judge_criteria"]["empathy"]["unread"] == failed
        assert record["judge_tokens_in"] >= 100 * (calls - failed)
    assert any(not torch.equal(value, before[key]) for key, value in trainer.backbone.adapter(POLICY).items())
    json.dumps(records, allow_nan=False)


def test_with_one_criterion_a_call_and_three_in_ten_failing_nearly_all_is_read(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    luck, ways = random.Random(0), (Said(code=500), Said("?"), Said(cut=True), Said(code=429))
    server = serve(lambda request: luck.choice(ways) if luck.random() < 0.3 else fair(request))
    records = make(server, ask="criterion", retries=6).run(contexts, tmp_path)
    assert len(records) == STEPS
    assert all(record["judge_retries"] > 0 for record in records)
    assert sum(record["share_unread_judge"] for record in records) / STEPS < 0.25


def test_a_reply_that_was_not_read_teaches_nothing(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    record = make(serve(lucky(0.3)), retries=0).run(contexts, tmp_path)[-1]
    assert 0 < record["share_unread_total"] < 1
    neutral = make(serve(lucky(0.3)), RewardsConfig(missing="neutral"), retries=0).run(
        contexts, tmp_path / "n"
    )
    assert neutral[-1]["share_unread_total"] == 0
    assert neutral[0]["r_total"] != record["r_total"]


def test_a_judge_that_dies_stops_the_run_and_it_goes_on_when_it_is_back(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    whole = make(serve(fair))
    records = whole.run(contexts, tmp_path / "whole")
    log = tmp_path / "part" / "steps.jsonl"

    def dying(request: Request) -> Said:
        return Said(code=503) if log.read_text(encoding="utf-8").count("\n") == 2 else fair(request)

    server = serve(dying)
    stopped = make(server)
    stopped.suite.version = whole.suite.version  # the servers' addresses differ, so do the versions
    with pytest.raises(
        TooManyUnreadError, match=r"step 2: .*judge 100%.*HTTP 503 [1-8] times.*--resume goes on"
    ):
        stopped.run(contexts, tmp_path / "part")
    assert log.read_text(encoding="utf-8").count("\n") == 2
    server.answer = fair
    again = make(server)
    again.suite.version = whole.suite.version
    resumed = again.run(contexts, tmp_path / "part", resume=True)
    assert [record["r_total"] for record in resumed] == [record["r_total"] for record in records]
    for key, value in whole.backbone.adapter(POLICY).items():
        assert torch.equal(value, again.backbone.adapter(POLICY)[key]), key


def test_at_the_first_step_too(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    server = serve(lambda request: Said(code=503))
    with pytest.raises(TooManyUnreadError, match="step 0"):
        make(server, retries=0).run(contexts, tmp_path)
    server.answer = fair
    assert len(make(server).run(contexts, tmp_path, resume=True)) == STEPS


def test_where_nothing_at_all_was_read_no_limit_lets_it_go_on(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    trainer = make(serve(lambda request: Said("?")), RewardsConfig(max_unread=1))
    with pytest.raises(TooManyUnreadError, match=r"malformed \(JSONDecodeError\) [1-8] times"):
        trainer.run(contexts, tmp_path)


def test_a_step_taken_again_asks_nothing_again(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue], tmp_path: Path
) -> None:
    server = serve(fair)
    totals = []
    for folder in ("one", "two"):
        trainer = make(server)
        cache = JudgeCache(tmp_path / "judge.sqlite", 1000)
        trainer.suite.judge.cache = cache  # type: ignore[union-attr]
        records = trainer.run(contexts, tmp_path / folder)
        cache.close()
        totals.append([record["r_total"] for record in records])
    assert totals[0] == totals[1]
    assert {record["judge_calls"] for record in records} == {0}
    assert all(record["judge_cached"] > 0 for record in records)
    assert len(server.requests) <= 8 * STEPS


def test_a_measurement_without_its_judge_is_none(
    serve: Serve, make: Callable[..., Trainer], contexts: list[Dialogue]
) -> None:
    server = serve(fair)
    trainer = make(server, RewardsConfig(missing="neutral"), retries=0)
    check = Validation(trainer.backbone, POLICY, trainer.suite, trainer.config, contexts)
    assert check.measure() is not None
    server.answer = lambda request: Said(code=503)
    assert check.measure() is None
