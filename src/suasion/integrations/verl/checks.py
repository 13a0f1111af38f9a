"""What verl would find only after an hour, looked at before anything is submitted, on what was composed.

Each check raises InputError with what was found, what was expected and what to do; its field is verl's key.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from suasion.errors import InputError
from suasion.integrations.export import prompt_length
from suasion.integrations.model_shape import Shape
from suasion.integrations.verl.memory import USABLE, Memory

RANKS = 512  # of LoRA, at most, in vLLM
SLOW = 1e-4  # a rate below which bfloat16 adapters would not move
ASKED, REPLIED, ANSWERED = "How much is it?", "It is 380.", "Too much."


def check_template(tokenizer: Any, model_type: str, template: Mapping[str, bool]) -> list[str]:
    """The chat template carries a negotiation of several turns through verl's own token builder. Notes."""
    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

    key = "actor_rollout_ref.model.path"
    if not tokenizer.chat_template:
        raise InputError("its tokenizer has no chat template: take an instruction-tuned model", field=key)
    begun = [{"role": "system", "content": "You sell."}, {"role": "user", "content": ASKED}]
    replied = [*begun, {"role": "assistant", "content": REPLIED}]
    answered = [*replied, {"role": "user", "content": ANSWERED}]
    try:
        builder = create_continuous_token_builder(
            tokenizer, hf_model_type=model_type, chat_template_kwargs=dict(template)
        )
        ids = builder.build_initial_tokens(begun)
        said = tokenizer(REPLIED, add_special_tokens=False)["input_ids"]
        ids = builder.merge_assistant_tokens(ids, [*said, tokenizer.eos_token_id]).token_ids
        ids = builder.merge_context_tokens(replied, answered, ids).token_ids
        whole = builder.build_initial_tokens(answered)
    except Exception as error:  # a template is a program: whatever it raises, it does not work
        raise InputError(
            f"its chat template can't carry a negotiation (system, user, assistant, user): {error}; "
            "take another model, or set cluster.template",
            field=key,
        ) from error
    text = tokenizer.decode(ids)
    places = [text.find(part) for part in (ASKED, REPLIED, ANSWERED)]
    if -1 in places or places != sorted(places):
        raise InputError(f"its chat template loses or moves turns; it makes {text!r}", field=key)
    if ids == whole:
        return []
    return [
        "between turns verl's tokens are not quite those of the chat template "
        f"({len(ids)} for {len(whole)}); rollout and update see the same ones"
    ]


def check_data(config: Any, tokenizer: Any) -> int:
    """verl's own data set reads both files, and no prompt is longer than it keeps. Tokens of the longest."""
    from verl.trainer.ppo.utils import create_rl_dataset

    longest, kept = 0, int(config.data.max_prompt_length)
    template = dict(config.data.get("apply_chat_template_kwargs") or {})
    for key in ("train_files", "val_files"):
        data = create_rl_dataset(list(config.data[key]), config.data, tokenizer, None)
        if key == "train_files" and len(data) < config.data.train_batch_size:
            raise InputError(
                f"found {len(data)} rows, a step takes {config.data.train_batch_size}: "
                "lower it, or make more rows",
                field="data.train_batch_size",
            )
        for place in range(len(data)):
            length = prompt_length(data[place]["raw_prompt"], tokenizer, template)
            longest = max(longest, length)
            if length > kept:
                raise InputError(
                    f"{config.data[key][0]}: row {place} has {length} tokens, {kept} are kept: "
                    "verl would cut its beginning off, the private part of the prompt; raise it",
                    field="data.max_prompt_length",
                )
    return longest


def check_lengths(config: Any, positions: int | None) -> None:
    """A whole sequence fits the model, what vLLM holds, and one pass of each role."""
    rollout = config.actor_rollout_ref.rollout
    longest = rollout.prompt_length + rollout.response_length
    made_of = f"{rollout.prompt_length} of the prompt and {rollout.response_length} behind it"
    limits = {"actor_rollout_ref.model: max_position_embeddings": positions}
    limits["actor_rollout_ref.rollout.max_model_len"] = rollout.max_model_len
    for key, part in _roles(config):
        if part.use_dynamic_bsz:
            limits[f"{key}.ppo_max_token_len_per_gpu"] = part.ppo_max_token_len_per_gpu
    for key, limit in limits.items():
        if limit is not None and limit < longest:
            raise InputError(
                f"found {limit}, a sequence may have {longest} tokens ({made_of}): raise batch_tokens, "
                "or lower cluster.conversation_tokens or generation.max_new_tokens",
                field=key,
            )


def check_batches(config: Any, shape: Shape) -> None:
    """Batches divide into minibatches, over the GPUs, and into micro-batches; the model over its GPUs."""
    gpus, rollout = _gpus(config), config.actor_rollout_ref.rollout
    rows, copies, split = config.data.train_batch_size, rollout.n, rollout.tensor_model_parallel_size
    for key, part in _roles(config):
        mini, field = part.ppo_mini_batch_size, f"{key}.ppo_mini_batch_size"
        if rows % mini:
            raise InputError(f"found {mini}, expected a divisor of {rows}, the rows of a step", field=field)
        sequences = mini * copies
        if sequences % gpus:
            raise InputError(
                f"{mini} rows of {copies} replies are {sequences} sequences, and {gpus} GPUs can't share "
                "them evenly: change training.contexts_per_step, replies_per_context or minibatches",
                field=field,
            )
        micro = part.ppo_micro_batch_size_per_gpu
        if not part.use_dynamic_bsz and (sequences // gpus) % micro:
            raise InputError(
                f"found {micro}, expected a divisor of {sequences // gpus}, a GPU's share of a minibatch",
                field=f"{key}.ppo_micro_batch_size_per_gpu",
            )
    field = "actor_rollout_ref.rollout.tensor_model_parallel_size"
    if gpus % split:
        raise InputError(f"found {split}, expected a divisor of {gpus}, the GPUs", field=field)
    if shape.heads % split or shape.kv_heads % split:
        raise InputError(
            f"found {split}, expected a divisor of the model's heads, {shape.heads} and {shape.kv_heads}",
            field=field,
        )


def check_lora(config: Any) -> list[str]:
    """Adapters that vLLM takes and that really move. Notes on the critic's."""
    notes, rollout = [], config.actor_rollout_ref.rollout
    models = [
        ("actor_rollout_ref.model", config.actor_rollout_ref.model),
        ("critic.model", config.critic.model),
    ]
    engines = (config.actor_rollout_ref.actor.fsdp_config, config.critic.fsdp)
    rates = (config.actor_rollout_ref.actor.optim.lr, config.critic.optim.lr)
    for (key, model), engine, rate in zip(models, engines, rates, strict=True):
        if model.lora_rank > RANKS:
            raise InputError(f"found {model.lora_rank}, vLLM takes {RANKS} at most", field=f"{key}.lora_rank")
        if model.lora_rank and str(engine.model_dtype) not in ("fp32", "float32") and rate < SLOW:
            raise InputError(
                f"found {engine.model_dtype}: verl gives the adapter that type too, and steps of {rate:g} "
                f"round to nothing in it; take fp32, or a rate of {SLOW:g} or more",
                field=f"{key}.fsdp_config.model_dtype",
            )
    if models[0][1].lora_rank and rollout.load_format == "dummy":
        raise InputError(
            "found dummy: with an adapter verl sends vLLM the adapter alone, and the model beneath it would "
            "be random; take safetensors",
            field="actor_rollout_ref.rollout.load_format",
        )
    if config.algorithm.adv_estimator == "gae" and models[1][1].lora_rank:
        notes.append(CRITIC)
    return notes


CRITIC = (
    "the critic's adapter is made by suasion.integrations.verl.critic: verl 0.9.1 gives it the task type "
    "CAUSAL_LM, with which it can't be made; never run on GPUs"
)


def check_imports() -> None:
    """What a run imports once its models are up is there: verl asks for some of it only in its extras."""
    names = ("critic", "manager", "negotiation")
    try:
        for name in ("verl.trainer.ppo.v1", *(f"suasion.integrations.verl.{name}" for name in names)):
            import_module(name)
    except ModuleNotFoundError as error:
        raise InputError(
            f"verl needs {error.name}, which is not installed: pip install 'suasion[verl]' on each node"
        ) from None


def check_memory(found: Memory, gpu_gb: float) -> None:
    """What trains and what writes fit on a GPU, by the model of docs/scale.md."""
    usable, vllm = USABLE * gpu_gb, found.writing["vLLM"]
    for what, parts, sum_ in (
        ("training", found.training, found.trains),
        ("writing", found.writing, found.writes),
    ):
        if sum_ > usable:
            told = ", ".join(f"{name} {gb:.1f}" for name, gb in parts.items())
            raise InputError(
                f"{what} takes {sum_:.1f} GB on each GPU ({told}), {usable:.1f} of {gpu_gb:g} can be used: "
                "take more GPUs, fewer batch_tokens, or a smaller cluster.writing_share",
                field="cluster",
            )
    if found.written > vllm:
        raise InputError(
            f"vLLM has {vllm:.1f} GB of each GPU and needs {found.written:.1f} for weights and one sequence: "
            "raise it, or cluster.tensor_parallel",
            field="cluster.writing_share",
        )


def _gpus(config: Any) -> int:
    return int(config.trainer.n_gpus_per_node * config.trainer.nnodes)


def _roles(config: Any) -> list[tuple[str, Any]]:
    """What learns: the actor, and the critic where there is one."""
    roles = [("actor_rollout_ref.actor", config.actor_rollout_ref.actor)]
    return [*roles, ("critic", config.critic)] if config.algorithm.adv_estimator == "gae" else roles
