"""How the policy learns, and when that is told to go wrong."""

from typing import Literal

from pydantic import Field, model_validator

from suasion.config.base import Frozen


class TrainingConfig(Frozen):
    steps: int = Field(14, ge=1, description="policy updates")
    contexts_per_step: int = Field(8, ge=1, description="contexts per update")
    negotiations: int = Field(
        0,
        ge=0,
        description="how many of those are the policy's own negotiations; the others are given prefixes",
    )
    outcome: float = Field(
        0.0,
        ge=0,
        description="weight of the outcome term beside R_total: how much more of its negotiation is won, and "
        "sooner, after a reply than after the others to its context, when the intent-driven agent goes on",
    )
    rollouts: int = Field(16, ge=1, description="ends of the negotiation that are played after each reply")
    draw: Literal["stage", "uniform"] = Field(
        "stage", description="of the given prefixes: each SOP stage as often as the others, or as they come"
    )
    replies_per_context: int = Field(4, ge=1, description="samples of each context")
    credit: Literal["reply", "trajectory"] = Field(
        "reply",
        description="what is an episode: each reply, or whole negotiations of the policy, which are paid "
        "the mean of the reward over the replies that moved them, and the outcome term, at their end",
    )
    temperature: float = Field(
        1.0, gt=0, description="of sampling while it learns, alike in sampler and update; explores"
    )
    learning_rate: float = Field(2e-4, gt=0, description="of the policy adapter")
    value_learning_rate: float = Field(1e-4, gt=0, description="of a value model with an adapter")
    warmup_steps: int = Field(2, ge=0, description="the rate rises over these (paper: 2)")
    schedule: Literal["constant", "linear"] = Field(
        "constant", description="of the policy's rate after warm-up: it stays, or falls to 0 over the steps"
    )
    value_warmup_steps: int = Field(1, ge=0, description="first steps, which fit the value head alone")
    value_adapter: bool = Field(
        True, description="the value model has an adapter; else it is a head on the frozen model, refitted"
    )
    value_decay: float = Field(1.0, gt=0, description="L2 penalty on the value head while it is fitted alone")
    value_memory: float = Field(
        0.9, ge=0, le=1, description="weight of earlier steps when the head is fitted, per step"
    )
    epochs: int = Field(1, ge=1, description="passes over each batch of experience")
    minibatches: int = Field(2, ge=1, description="optimizer steps per pass")
    entropy: float = Field(
        0.0,
        ge=0,
        description="weight of the bonus for the entropy of each next token, in the loss (PPO's c2)",
    )
    clip: float = Field(0.2, gt=0, description="PPO's ratio clip")
    value_clip: float = Field(0.5, gt=0, description="clip of its change, with an adapter")
    gamma: float = Field(1.0, gt=0, le=1)
    lam: float = Field(1.0, ge=0, le=1, description="GAE's lambda; below 1 a young critic misleads")
    centring: Literal["context", "batch"] = Field(
        "context",
        description="of advantages, beside the critic: over the replies to one context, or over all",
    )
    kl: float = Field(0.05, ge=0, description="weight of the per-token KL to the SFT policy, the least one")
    kl_in: Literal["reward", "loss"] = Field(
        "reward",
        description="reward: each token's, by the sampled token alone; loss: over the whole vocabulary",
    )
    kl_target: float | None = Field(
        None, gt=0, description="nats a reply; the weight of the KL rises above it and falls again below"
    )
    max_grad_norm: float = Field(1.0, gt=0)
    explode: float = Field(
        1000,
        gt=1,
        description="stop where a gradient's norm is so many times the usual one, or max_grad_norm",
    )
    method: Literal["repo", "repo-group", "ppo", "grpo"] = Field(
        "repo",
        description="repo: RM + RJ + RF; ppo: RM alone; repo-group and grpo: the same without a critic",
    )
    checkpoint_every: int = Field(4, ge=1, description="steps between checkpoints")
    validate_every: int = Field(
        0,
        ge=0,
        description="steps between measurements of the policy, of which the best is kept; 0: the last is",
    )
    validate_by: Literal["r_total", "violations"] = Field(
        "r_total", description="what is measured: mean R_total, or how few rules are broken"
    )
    patience: int = Field(
        0, ge=0, description="measurements without a better one after which it ends; 0: never"
    )
    validation_contexts: int = Field(
        48, ge=1, description="contexts of the validation split on which it is measured"
    )
    tracker: str = Field(
        "tensorboard", description="one of accelerate's experiment trackers that is installed, or none"
    )

    @model_validator(mode="after")
    def _has_what_it_holds_by(self) -> "TrainingConfig":
        if self.kl_target and not self.kl:
            raise ValueError("kl_target needs a weight to start from: set kl above 0")
        if self.outcome and self.credit == "reply" and not self.negotiations:
            raise ValueError("outcome is a term of the policy's own negotiations: set negotiations above 0")
        if self.credit == "reply" and self.outcome and self.replies_per_context == 1:
            raise ValueError("outcome compares replies to one context: set replies_per_context above 1")
        if self.patience and not self.validate_every:
            raise ValueError("patience counts measurements: set validate_every above 0")
        if self.negotiations > self.contexts_per_step:
            raise ValueError("negotiations are a part of contexts_per_step: set them no higher")
        return self


class AlarmsConfig(Frozen):
    """When training is told to go wrong; each looks at the mean of the last four steps."""

    action: Literal["tell", "stop", "off"] = Field(
        "tell", description="tell: a line and a note in the record; stop: training ends there"
    )
    parted: float = Field(
        0.25,
        ge=0,
        description="fall of the held-out measure (R_total, or violations a reply) from its best, "
        "while R_total in training rises",
    )
    component: float = Field(
        0.98, gt=0, description="share of one reward in what tells replies to a context apart"
    )
    length: float = Field(
        0.4, gt=0, description="change of the mean reply length, as a share of the first steps'"
    )
    entropy: float = Field(0.4, ge=0, description="share of the first steps' entropy that must be left")
    kl: float = Field(2.0, gt=0, description="nats a reply")
