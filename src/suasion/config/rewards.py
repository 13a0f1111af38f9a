"""How the three rewards are read and combined."""

from typing import Literal

from pydantic import Field, model_validator

from suasion.config.base import Frozen
from suasion.config.endpoint import EndpointConfig, check_address


class RemoteJudgeConfig(EndpointConfig):
    """How a judge at an address is asked; none of it but `ask` changes what a reading is."""

    ask: Literal["criterion", "rubric"] = Field(
        "criterion", description="one criterion a call, or all that are not known yet"
    )
    budget_s: float = Field(
        120,
        gt=0,
        description="of up to 32 replies, of more in proportion; what is not answered by then is timed out",
    )
    cache: str = Field(
        "auto",
        description="SQLite file of earlier answers, shared between processes; auto: judge.sqlite in "
        "$SUASION_HOME, where the model has a name; none",
    )
    cache_answers: int = Field(
        1_000_000, ge=1, description="kept there; the ones not used for longest go first"
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
