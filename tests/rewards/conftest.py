"""Judges at addresses on this machine."""

from collections.abc import Callable

import pytest

from suasion.config import RemoteJudgeConfig
from suasion.data.rubric import load_rubric
from suasion.negotiation.pack import Pack
from suasion.rewards.remote_judge import RemoteJudge

from .judge_server import Answer, JudgeServer

Serve = Callable[[Answer], JudgeServer]
Ask = Callable[..., RemoteJudge]
QUICK = RemoteJudgeConfig(timeout_s=5, budget_s=20, backoff_s=0.01, retries=2)


@pytest.fixture
def judge(hotel: Pack) -> Ask:
    """A judge at a server; other settings than QUICK's by name."""

    def make(server: JudgeServer, **settings: object) -> RemoteJudge:
        quick = QUICK.model_dump() | {"cache": "none"} | settings
        return RemoteJudge(
            server.url, "m", load_rubric(hotel), "key", RemoteJudgeConfig.model_validate(quick)
        )

    return make
