"""How the three rewards are read and combined."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from suasion.config.base import Frozen


class RemoteJudgeConfig(Frozen):
    """How a judge at an address is asked; none of it but `ask` changes what a reading is."""

    ask: Literal["criterion", "rubric"] = Field(
        "criterion", description="one criterion a call, or all that are not known yet"
    )
    concurrency: int = Field(16, ge=1, le=100, description="calls at once")
    requests_per_minute: int | None = Field(None, ge=1, description="retries count; no limit by default")
    tokens_per_minute: int | None = Field(None, ge=1, description="sent and received; no limit by default")
    timeout_s: float = Field(30, gt=0, description="of one attempt")
    retries: int = Field(
        3, ge=0, description="more attempts after 429, 5xx, a time-out, a lost connection, no answer"
    )
    backoff_s: float = Field(0.5, gt=0, description="before the first of them; doubled each time, to 8 s")
    budget_s: float = Field(
        120,
        gt=0,
        description="of up to 32 replies, of more in proportion; what is not answered by then is timed out",
    )
    max_tokens: int = Field(200, ge=8, description="longest answer")
    cache: str = Field(
        "auto",
        description="SQLite file of earlier answers, shared between processes; auto: judge.sqlite in "
        "$SUASION_HOME, where the model has a name; none",
    )
    cache_answers: int = Field(
        1_000_000, ge=1, description="kept there; the ones not used for longest go first"
    )


def check_address(judge: str) -> None:
    """Raises ValueError for an address without a host, or that may hold a secret: it stands in run folders.

    What it says does not repeat the address.
    """
    if not judge.startswith(("http://", "https://")):
        return
    try:
        parts = urlsplit(judge)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("a judge's address needs a host, and a port that is one or none")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "a judge's address is scheme, host and path alone: the key goes into $SUASION_JUDGE_KEY"
        )


class RewardsConfig(Frozen):
    n: float = Field(100, gt=0, description="E is clipped to [-n, n]")
    operator: Literal["paper", "closed-hole", "sum"] = Field("paper", description="how E changes R_model")
    judge: str = Field(
        "local",
        description="local: fitted on verdicts; none; or the address of an OpenAI-compatible endpoint",
    )
    judge_floor: float = Field(
        0.4, ge=-1, le=1, description="kappa on held-out verdicts below which a criterion is not read"
    )
    missing: Literal["neutral", "drop"] = Field(
        "drop",
        description="an unread judge, or a rule of one's own that failed: E of 0, or drop the reply",
    )
    max_unread: float = Field(
        0.5, ge=0, le=1, description="stop the run above this share of unread replies in a step"
    )
    remote: RemoteJudgeConfig = RemoteJudgeConfig()

    @model_validator(mode="after")
    def _holds_no_secret(self) -> "RewardsConfig":
        check_address(self.judge)
        return self
