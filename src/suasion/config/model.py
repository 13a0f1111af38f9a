"""Model, sampling, data, and what is fitted on it: SFT, reward model and judge."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from suasion.config.base import Frozen

# Every linear layer of a Llama-like block.
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class ModelConfig(Frozen):
    name: str = Field(
        "smollm2", description="`smollm2` (see `suasion model install`), a folder, or a hub name"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: whichever is faster here"
    )
    lora_rank: int = Field(16, ge=1, description="rank of every adapter")
    lora_alpha: int = Field(32, ge=1, description="LoRA scale is alpha / rank")
    lora_targets: tuple[str, ...] = Field(
        PROJECTIONS, min_length=1, description="names of the linear layers that get an adapter, as in PEFT"
    )
    role_layers: int = Field(
        14, ge=1, description="reward, judge and value adapters sit on this many top layers"
    )
    max_context_tokens: int = Field(230, ge=64, description="older turns are dropped beyond this")


class GenerationConfig(Frozen):
    max_new_tokens: int = Field(48, ge=4, description="longest reply, in tokens")
    temperature: float = Field(0.6, gt=0, description="of sampling when the agent serves and is judged")
    batch_size: int = Field(50, ge=1, description="replies written at once")


class DataConfig(Frozen):
    dialogues: int = Field(260, ge=2, description="synthetic dialogues for training")
    pairs: int = Field(360, ge=2, description="preference pairs, half defect and half quality")
    pairs_per_context: int = Field(3, ge=1, description="pairs of one context share the reading of it")
    faults: int = Field(
        300, ge=0, description="more replies with a fault that the judge is asked about, for it to learn from"
    )
    sampled: int = Field(96, ge=0, description="contexts that SFT answers: its faults become pairs")
    openings: int = Field(
        0, ge=0, description="negotiations that SFT opens several times: the opening that wins more is chosen"
    )
    records: Path | None = Field(
        None, description="train on these dialogue records instead of synthetic ones"
    )


class FitConfig(Frozen):
    """Supervised fitting: SFT, reward model or judge."""

    epochs: int = Field(1, ge=1, description="passes over the data")
    learning_rate: float = Field(5e-4, gt=0, description="peak, decayed linearly after warm-up")
    batch_size: int = Field(4, ge=1, description="rows or contexts per optimizer step")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0)


class ProbeConfig(FitConfig):
    """Fitting of a role with a head: the head on fixed states first, then `epochs` with its adapter."""

    epochs: int = Field(1, ge=0, description="passes over the data with the adapter; 0: the head alone")
    decay: float = Field(0.01, ge=0, description="L2 penalty on the head while it is fitted alone")


class RewardModelConfig(ProbeConfig):
    decay: float = Field(0.2, ge=0, description="L2 penalty on the head while it is fitted alone")
    centring: float = Field(0.3, ge=0, description="weight of (r_chosen + r_rejected)^2, TRL's centring term")
    margin: float = Field(0.0, ge=0, description="by which the chosen reply has to be ahead, in raw units")
    smoothing: float = Field(
        0.0, ge=0, lt=0.5, description="share of pairs believed to be the wrong way round"
    )
    calibration: int = Field(64, ge=8, description="contexts whose on-policy replies set zero and scale")
    heads: Literal[1, 2] = Field(
        1,
        description="2: another head on pairs drawn anew, to tell how far the reward is settled by the pairs",
    )
