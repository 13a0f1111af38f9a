"""Every setting of a run, in one frozen tree. Unknown keys fail; every field says what it does."""

import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from suasion.cluster_config import ClusterConfig
from suasion.errors import InputError
from suasion.yaml_files import describe


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelConfig(_Frozen):
    name: str = Field(
        "smollm2", description="`smollm2` (see `suasion model install`), a folder, or a hub name"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: whichever is faster here"
    )
    lora_rank: int = Field(16, ge=1, description="rank of every adapter")
    lora_alpha: int = Field(32, ge=1, description="LoRA scale is alpha / rank")
    role_layers: int = Field(
        14, ge=1, description="reward, judge and value adapters sit on this many top layers"
    )
    max_context_tokens: int = Field(230, ge=64, description="older turns are dropped beyond this")


class GenerationConfig(_Frozen):
    max_new_tokens: int = Field(48, ge=4, description="longest reply, in tokens")
    temperature: float = Field(0.6, gt=0, description="of sampling when the agent serves and is judged")
    batch_size: int = Field(50, ge=1, description="replies written at once")


class DataConfig(_Frozen):
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


class FitConfig(_Frozen):
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


class RemoteJudgeConfig(_Frozen):
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


class RewardsConfig(_Frozen):
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


class TrainingConfig(_Frozen):
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
        if self.negotiations > self.contexts_per_step:
            raise ValueError("negotiations are a part of contexts_per_step: set them no higher")
        return self


class AlarmsConfig(_Frozen):
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


class EvaluationConfig(_Frozen):
    contexts: int = Field(200, ge=2, description="held-out prefixes on which SFT and REPO are judged")
    base_contexts: int = Field(50, ge=0, description="of those, how many for the untouched model")
    negotiations: int = Field(40, ge=0, description="simulated negotiations, paired by seed")
    kept: float = Field(
        0.8, ge=0, le=1, description="share of SFT's task success and response rate that REPO has to keep"
    )


class OriginConfig(_Frozen):
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


class RunConfig(_Frozen):
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
