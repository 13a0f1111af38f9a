"""Every setting of a run, in one frozen tree. Unknown keys fail; every field says what it does."""

from suasion.config.cluster import ClusterConfig
from suasion.config.endpoint import EndpointConfig, VoiceConfig, check_address
from suasion.config.model import (
    DataConfig,
    FitConfig,
    GenerationConfig,
    ModelConfig,
    ProbeConfig,
    RewardModelConfig,
)
from suasion.config.rewards import RemoteJudgeConfig, RewardsConfig
from suasion.config.run import EvaluationConfig, OriginConfig, RunConfig, load_config
from suasion.config.training import AlarmsConfig, TrainingConfig

__all__ = [
    "AlarmsConfig",
    "ClusterConfig",
    "DataConfig",
    "EndpointConfig",
    "EvaluationConfig",
    "FitConfig",
    "GenerationConfig",
    "ModelConfig",
    "OriginConfig",
    "ProbeConfig",
    "RemoteJudgeConfig",
    "RewardModelConfig",
    "RewardsConfig",
    "RunConfig",
    "TrainingConfig",
    "VoiceConfig",
    "check_address",
    "load_config",
]
