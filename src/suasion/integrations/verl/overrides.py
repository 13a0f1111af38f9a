"""A run's configuration as overrides of verl 0.9's own: PPO with a critic, LoRA, FSDP, vLLM, our rewards.

What verl can't keep is refused, with what to write instead; nothing is dropped quietly.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suasion.config import ClusterConfig, ModelConfig, RunConfig
from suasion.counterpart.credit import REPLIES
from suasion.errors import InputError

ACTOR = "suasion-rewards"  # the Ray actor that has the rewards
SINGLE, NEGOTIATION = "single_turn_agent", "suasion_negotiation"  # verl's agent loop, and ours
TRAIN, VALIDATION, SETTINGS, LOOPS = "train.parquet", "val.parquet", "reward.json", "agent_loops.yaml"


@dataclass(frozen=True, slots=True)
class Sizes:
    """rows: of a step; replies: of each row; prompt, response: tokens that verl keeps for each."""

    rows: int
    replies: int
    prompt: int
    response: int
    steps_an_epoch: int


def rows_of_a_step(config: RunConfig) -> int:
    """Contexts; of whole negotiations as many as make about so many replies, as our own trainer takes."""
    given = config.training.contexts_per_step
    return max(1, given // REPLIES) if config.training.credit == "trajectory" else given


def cluster_of(config: RunConfig) -> ClusterConfig:
    """Raises InputError where there is no `[cluster]`."""
    if config.cluster is None:
        raise InputError(
            "--engine verl needs a [cluster] table: nodes, gpus_per_node and the rest; "
            "configs/qwen3-32b.toml has one",
            field="cluster",
        )
    return config.cluster


def refuse(config: RunConfig, file: str) -> None:
    """Raises InputError for the first setting that a run by verl would not keep, or without `[cluster]`."""
    cluster_of(config)
    t = config.training
    cases = [
        (t.method not in ("repo", "repo-group"), "method", t.method,
         "repo or repo-group: R_total is paid"),
        (t.method == "repo" and t.centring == "context", "centring", "context",
         "batch: beside a critic it has no other"),
        (t.kl_target is not None, "kl_target", t.kl_target,
         "none: its target is in nats a token, not a reply"),
        (t.kl_in == "loss", "kl_in", "loss",
         "reward: its KL in the loss is of the sampled tokens alone"),
        (t.schedule != "constant", "schedule", t.schedule,
         "constant: its rates stay or fall by a cosine"),
        (not t.value_adapter, "value_adapter", "false",
         "true: it has no value head on a frozen model"),
        (t.credit == "reply" and t.negotiations > 0, "negotiations", t.negotiations,
         '0, or credit = "trajectory": verl answers given contexts or holds whole negotiations'),
        (rows_of_a_step(config) % t.minibatches != 0, "minibatches", t.minibatches,
         f"a divisor of {rows_of_a_step(config)}, the rows of a step"),
        (t.patience > 0, "patience", t.patience,
         "0: it trains for all its steps"),
    ]  # fmt: skip
    for wrong, field, found, expected in cases:
        if wrong:
            raise InputError(f"found {found}, verl needs {expected}", file, field=f"training.{field}")
    if set(config.model.lora_targets) != set(ModelConfig().lora_targets):
        raise InputError("verl puts its adapters on every linear layer", file, field="model.lora_targets")


def overrides(config: RunConfig, sizes: Sizes, model: str, folder: Path) -> list[str]:
    """verl's overrides in the order of its own tree; `cluster.overrides` are the last."""
    cluster = cluster_of(config)
    parts = (
        _data(config, cluster, sizes, folder),
        _model(config, model),
        _actor(config, sizes),
        _rollout(config, cluster, sizes, folder),
        _critic(config, sizes, model) if config.training.method == "repo" else {"critic.enable": False},
        _algorithm(config),
        _rewards(cluster, folder),
        _trainer(config, cluster, sizes, folder),
    )
    found = [f"{key}={_text(value)}" for part in parts for key, value in part.items()]
    return [*found, *cluster.overrides]


def _text(value: Any) -> str:
    """As Hydra reads it: JSON quotes strings, and braces and lists are its own."""
    return json.dumps(value, ensure_ascii=False)


def _data(config: RunConfig, cluster: ClusterConfig, sizes: Sizes, folder: Path) -> dict[str, Any]:
    template = {f"+data.apply_chat_template_kwargs.{k}": v for k, v in cluster.template.items()}
    return {
        "data.train_files": [str(folder / TRAIN)],
        "data.val_files": [str(folder / VALIDATION)],
        "data.train_batch_size": sizes.rows,
        "data.max_prompt_length": sizes.prompt,
        "data.max_response_length": sizes.response,
        "data.truncation": "error",
        "data.seed": config.seed,
        **template,
    }


def _lora(config: RunConfig, at: str, model: str) -> dict[str, Any]:
    return {
        f"{at}.path": model,
        f"{at}.lora_rank": config.model.lora_rank,
        f"{at}.lora_alpha": config.model.lora_alpha,
        f"{at}.target_modules": "all-linear",
        f"{at}.use_remove_padding": True,
        f"{at}.enable_gradient_checkpointing": True,
    }


def _model(config: RunConfig, model: str) -> dict[str, Any]:
    return _lora(config, "actor_rollout_ref.model", model)


def _actor(config: RunConfig, sizes: Sizes) -> dict[str, Any]:
    t, at = config.training, "actor_rollout_ref.actor"
    return {
        f"{at}.strategy": "fsdp",
        f"{at}.fsdp_config.model_dtype": "fp32",  # verl gives adapters the model's type; passes are in bf16
        f"{at}.optim.lr": t.learning_rate,
        f"{at}.optim.lr_warmup_steps": t.warmup_steps,
        f"{at}.ppo_mini_batch_size": sizes.rows // t.minibatches,
        f"{at}.ppo_epochs": t.epochs,
        f"{at}.use_dynamic_bsz": True,
        f"{at}.ppo_max_token_len_per_gpu": config.batch_tokens,
        f"{at}.clip_ratio": t.clip,
        f"{at}.clip_ratio_low": t.clip,
        f"{at}.clip_ratio_high": t.clip,
        f"{at}.entropy_coeff": t.entropy,
        f"{at}.grad_clip": t.max_grad_norm,
        f"{at}.optim.clip_grad": t.max_grad_norm,
    }


def _rollout(config: RunConfig, cluster: ClusterConfig, sizes: Sizes, folder: Path) -> dict[str, Any]:
    at, whole = "actor_rollout_ref.rollout", config.training.credit == "trajectory"
    return {
        f"{at}.name": "vllm",
        f"{at}.n": sizes.replies,
        f"{at}.seed": config.seed,
        f"{at}.temperature": config.training.temperature,
        f"{at}.tensor_model_parallel_size": cluster.tensor_parallel,
        f"{at}.gpu_memory_utilization": cluster.writing_share,
        f"{at}.load_format": "safetensors",  # with adapters vLLM reads the base model itself
        f"{at}.layered_summon": True,
        f"{at}.max_model_len": sizes.prompt + sizes.response,
        f"{at}.calculate_log_probs": True,
        f"{at}.agent.default_agent_loop": NEGOTIATION if whole else SINGLE,
        f"{at}.agent.agent_loop_config_path": str(folder / LOOPS),
        f"{at}.val_kwargs.do_sample": True,
        f"{at}.val_kwargs.temperature": config.generation.temperature,
    }


def _critic(config: RunConfig, sizes: Sizes, model: str) -> dict[str, Any]:
    t = config.training
    return {
        "critic.enable": True,
        "critic.strategy": "fsdp",
        "critic.fsdp.model_dtype": "fp32",
        "critic.optim.lr": t.value_learning_rate,
        "critic.optim.lr_warmup_steps": t.warmup_steps,
        "critic.ppo_mini_batch_size": sizes.rows // t.minibatches,
        "critic.ppo_max_token_len_per_gpu": config.batch_tokens,
        "critic.cliprange_value": t.value_clip,
        "critic.grad_clip": t.max_grad_norm,
        "critic.optim.clip_grad": t.max_grad_norm,
        **_lora(config, "critic.model", model),
    }


def _algorithm(config: RunConfig) -> dict[str, Any]:
    t = config.training
    return {
        "algorithm.adv_estimator": "gae" if t.method == "repo" else "grpo",
        "algorithm.gamma": t.gamma,
        "algorithm.lam": t.lam,
        "algorithm.use_kl_in_reward": t.kl > 0,
        "algorithm.kl_ctrl.kl_coef": t.kl,
    }


def _rewards(cluster: ClusterConfig, folder: Path) -> dict[str, Any]:
    return {
        "reward.num_workers": cluster.reward_workers,
        "reward.reward_manager.source": "importlib",
        "reward.reward_manager.name": "SuasionRewardManager",
        "reward.reward_manager.module.path": "pkg://suasion.integrations.verl.manager",
        "+reward.reward_kwargs.settings": str(folder / SETTINGS),
        "+reward.reward_kwargs.actor": ACTOR,
    }


def _trainer(config: RunConfig, cluster: ClusterConfig, sizes: Sizes, folder: Path) -> dict[str, Any]:
    t = config.training
    return {
        "trainer.nnodes": cluster.nodes,
        "trainer.n_gpus_per_node": cluster.gpus_per_node,
        "trainer.total_training_steps": t.steps,
        "trainer.total_epochs": -(-t.steps // sizes.steps_an_epoch),
        "trainer.critic_warmup": t.value_warmup_steps,
        "trainer.save_freq": t.checkpoint_every,
        "trainer.test_freq": t.validate_every or -1,
        "trainer.val_before_train": t.validate_every > 0,
        "trainer.logger": ["console", *([t.tracker] if t.tracker != "none" else [])],
        "trainer.project_name": "suasion",
        "trainer.experiment_name": folder.name,
        "trainer.default_local_dir": str(folder / "checkpoints"),
    }
