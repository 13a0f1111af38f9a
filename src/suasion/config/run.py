"""The settings of a whole run, and the file that they come from."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from suasion.config.base import Frozen
from suasion.config.cluster import ClusterConfig
from suasion.config.model import (
    DataConfig,
    FitConfig,
    GenerationConfig,
    ModelConfig,
    ProbeConfig,
    RewardModelConfig,
)
from suasion.config.rewards import RewardsConfig
from suasion.config.training import AlarmsConfig, TrainingConfig
from suasion.errors import InputError
from suasion.yaml_files import describe


class EvaluationConfig(Frozen):
    contexts: int = Field(200, ge=2, description="held-out prefixes on which SFT and REPO are judged")
    replies: int = Field(1, ge=1, description="of SFT and REPO to each of them, each with dice of its own")
    base_contexts: int = Field(50, ge=0, description="of those, how many for the untouched model")
    negotiations: int = Field(40, ge=0, description="simulated negotiations, paired by seed")
    kept: float = Field(
        0.8, ge=0, le=1, description="share of SFT's task success and response rate that REPO has to keep"
    )


class OriginConfig(Frozen):
    """The finished run that this one goes on from; `suasion train repo --from` fills it in."""

    run: Path = Field(description="its directory")
    pack: str = Field(description="version of the pack that it was trained under")
    suite: str = Field(description="version of the reward suite that trained it")
    steps: int = Field(ge=0, description="policy updates behind it, those of its own ancestors with them")
    files: dict[str, str] = Field(description="SHA-256 of what is taken from it, by name")
    origin: "OriginConfig | None" = Field(None, description="the run that it went on from itself")
    patch_share: float = Field(
        0.25, ge=0, lt=1, description="of a step's given contexts, those that the patches name"
    )


class RunConfig(Frozen):
    pack: str = Field("hotel", description="built-in pack or folder")
    seed: int = Field(0, description="of everything random")
    trim: bool = Field(False, description="smaller sizes where this processor is slow; run.json says which")
    batch_tokens: int = Field(1300, ge=256, description="padded tokens in one forward pass with gradient")
    model: ModelConfig = ModelConfig()
    generation: GenerationConfig = GenerationConfig()
    data: DataConfig = DataConfig()
    sft: FitConfig = FitConfig()
    reward_model: RewardModelConfig = RewardModelConfig()
    judge: ProbeConfig = ProbeConfig()
    rewards: RewardsConfig = RewardsConfig()
    training: TrainingConfig = TrainingConfig()
    alarms: AlarmsConfig = AlarmsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    origin: OriginConfig | None = None
    cluster: ClusterConfig | None = None

    @model_validator(mode="after")
    def _has_somebody_to_talk_to(self) -> "RunConfig":
        if self.data.records and self.training.negotiations:
            raise ValueError("training.negotiations needs simulated counterparts: leave out data.records")
        if self.data.records and self.training.credit == "trajectory":
            raise ValueError("training.credit needs simulated counterparts: leave out data.records")
        if self.data.records and self.data.openings:
            raise ValueError("data.openings needs simulated counterparts: leave out data.records")
        if self.data.records and self.rewards.judge == "local":
            raise ValueError(
                'rewards.judge can\'t be "local" with data.records: they hold no verdicts to fit it on; '
                'set judge = "none" under [rewards], or an endpoint\'s address'
            )
        return self

    @property
    def exploring(self) -> GenerationConfig:
        """Generation as training does it."""
        return self.generation.model_copy(update={"temperature": self.training.temperature})


def load_config(path: Path, records: Path | None = None, **changes: Any) -> RunConfig:
    """Read a TOML file; `changes` replace top-level keys that are not None, `records` is `data.records`.

    Raises InputError naming file and field.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    content |= {key: value for key, value in changes.items() if value is not None}
    if records:
        content["data"] = {**content.get("data", {}), "records": records}
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        line = _line_of(path, str(fault["loc"][-1])) if fault["loc"] else None
        raise InputError(describe(fault), str(path), line, field or None) from None


def _line_of(path: Path, key: str) -> int | None:
    """Line of the first assignment to `key`; tomllib keeps no marks."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.split("=")[0].strip() == key:
            return number
    return None
