"""GPU memory of a run by verl, from its composed configuration: docs/scale.md's model as verl lays it out.

Two models and not one: verl's critic is a model of its own, and a reference is the policy without adapter.
Nothing here was measured on a GPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suasion.integrations.model_shape import Shape

GB = 1e9
USABLE = 0.92  # of a GPU's memory: CUDA's own part and fragments take the rest
GRAPHS = 1.5  # GB that vLLM needs beside weights and cache
BYTES = {"fp32": 4, "float32": 4, "bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Memory:
    """Gigabytes on each GPU by part, while it trains and while it writes; host: of each machine."""

    training: Mapping[str, float]
    writing: Mapping[str, float]
    written: float  # what vLLM needs at least of its part: weights, one longest sequence
    host: float

    @property
    def trains(self) -> float:
        return sum(self.training.values())

    @property
    def writes(self) -> float:
        return sum(self.writing.values())


def memory(config: Any, shape: Shape, gpu_gb: float) -> Memory:
    """Of the actor, the critic where there is one, and vLLM beside what stays of both."""
    gpus = config.trainer.n_gpus_per_node * config.trainer.nnodes
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    roles = [(actor.fsdp_config, config.actor_rollout_ref.model)]
    if config.algorithm.adv_estimator == "gae":
        roles.append((config.critic.fsdp, config.critic.model))
    weights = sum(shape.all * BYTES[str(engine.model_dtype)] for engine, _ in roles)
    trained = sum(16 * (shape.lora(m.lora_rank) if m.lora_rank else shape.all) for _, m in roles)
    offloaded = all(engine.param_offload and engine.optimizer_offload for engine, _ in roles)
    tokens = _pass(config)
    kept = shape.layers * shape.hidden * 2 * tokens  # a layer's input, the rest is computed again
    within = tokens * (6 * shape.inner + 10 * shape.hidden) * 2
    longest = rollout.prompt_length + rollout.response_length
    base = shape.all * 2 / rollout.tensor_model_parallel_size / GB
    shards = {"weights": weights / gpus / GB, "adapters": trained / gpus / GB}
    return Memory(
        training={
            **shards,
            "gathered": 2 * shape.in_layers / shape.layers * 2 / GB,
            "activations": (kept + within) / GB,
            "logits": tokens * shape.vocabulary * 6 / GB,  # verl projects every token, prompts too
        },
        writing={
            **({} if offloaded else shards),
            "vLLM": gpu_gb * rollout.gpu_memory_utilization,
        },
        written=base + GRAPHS + longest * shape.kv_bytes / rollout.tensor_model_parallel_size / GB,
        host=(weights + trained) * config.trainer.n_gpus_per_node / gpus / GB + 2 * base,
    )


def _pass(config: Any) -> int:
    """Tokens of a GPU's longest pass with gradient."""
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    if actor.use_dynamic_bsz:
        return int(actor.ppo_max_token_len_per_gpu)
    return int(actor.ppo_micro_batch_size_per_gpu * (rollout.prompt_length + rollout.response_length))
