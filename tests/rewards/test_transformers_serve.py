"""The remote judge at a real OpenAI-compatible server: `transformers serve` with the embedded model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from suasion.config import RemoteJudgeConfig
from suasion.data.rubric import load_rubric
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.remote_judge import RemoteJudge
from suasion.rewards.score import Source, Status
from suasion.rewards.suite import RewardSuite

from .transformers_server import serving


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Where the server is, and the folder that is its model's name."""
    with serving(tmp_path_factory.mktemp("serve")) as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("ask", ["criterion", "rubric"])
def test_a_small_model_is_read_or_malformed_and_nothing_breaks(
    address: tuple[str, Path], hotel: Pack, dialogues: list[Dialogue], ask: str
) -> None:
    url, model = address
    settings = RemoteJudgeConfig.model_validate(
        {
            "ask": ask,
            "concurrency": 2,
            "timeout_s": 600,
            "budget_s": 1200,
            "max_tokens": 24,
            "cache": "none",
            "retries": 0,
        }
    )
    judge = RemoteJudge(url, str(model), load_rubric(hotel), "none", settings)
    readings = RewardSuite(hotel, judge).score(dialogues[:2])
    report, scores = judge.report, [reading.scores[Source.JUDGE] for reading in readings]
    for score, reading in zip(scores, readings, strict=True):
        assert score.status in (Status.READ, Status.MALFORMED)
        assert (score.value is None) == (score.status == Status.MALFORMED), "a number only of what was read"
        assert reading.e_judge == score.value
    asked = 8 if ask == "criterion" else 1
    answered, unread = (
        sum(getattr(cost, name) for cost in report.criteria.values()) for name in ("answered", "unread")
    )
    assert answered + unread == 2 * 8, "each criterion of each reply is accounted for"
    assert sum(len(score.evidence) for score in scores) == answered
    assert report.calls == 2 * asked
    assert sum(report.faults.values()) * 8 == unread * asked, "what is no answer is a fault"
    assert all(fault.startswith("malformed") for fault in report.faults), report.faults
    assert report.tokens_in > 100 * report.calls, "the server read what it was sent"
    assert report.tokens_out >= report.calls, "and wrote something each time"


@pytest.mark.slow
def test_what_it_has_no_model_for_is_a_failure(
    address: tuple[str, Path], hotel: Pack, dialogues: list[Dialogue]
) -> None:
    settings = RemoteJudgeConfig(retries=0, cache="none", ask="rubric", timeout_s=120)
    judge = RemoteJudge(address[0], "no-such-model", load_rubric(hotel), "none", settings)
    (found,) = judge.score(dialogues[:1])
    assert (found.status, found.value) == (Status.FAILED, None)
