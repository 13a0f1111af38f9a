"""`[cluster]`: what a run on a cluster has beyond the settings that it shares with one machine."""

from pydantic import Field

from suasion.config.base import Frozen


class ClusterConfig(Frozen):
    """For `suasion train repo --engine verl`; a run on one machine doesn't look at it."""

    nodes: int = Field(1, ge=1, description="machines")
    gpus_per_node: int = Field(8, ge=1, description="GPUs of each that train and write")
    gpu_gb: float = Field(80, gt=0, description="memory of a GPU, in 1e9 bytes")
    tensor_parallel: int = Field(4, ge=1, description="GPUs over which the model that writes is split")
    writing_share: float = Field(
        0.4, gt=0, lt=1, description="of a GPU's memory that vLLM takes, while what trains stays there"
    )
    passes: int = Field(2, ge=1, description="over the contexts or negotiations (paper: 2)")
    conversation_tokens: int = Field(
        3072,
        ge=64,
        description="of a negotiation after its first prompt, the counterpart's with them; it ends there",
    )
    preference: str = Field(
        "none", description="run directory with the reward model and judge; none: judge by address and rules"
    )
    unread: float | None = Field(
        None, allow_inf_nan=False, description="paid for a reply without a reading; else it is an error"
    )
    reward_gpus: int = Field(0, ge=0, le=1, description="GPUs, beside the others, that read the rewards")
    reward_workers: int = Field(4, ge=1, description="of verl's, which ask the one that has the rewards")
    template: dict[str, bool] = Field(
        {}, description="arguments of the chat template: Qwen3 thinks aloud unless enable_thinking is false"
    )
    overrides: tuple[str, ...] = Field((), description="verl's own, behind those that are made from the rest")
