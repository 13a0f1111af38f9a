"""`suasion train repo --engine verl`: files, verl's configuration, checks, resources, start under Ray."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from suasion.config import RewardsConfig, RunConfig
from suasion.errors import InputError
from suasion.integrations.export import load_tokenizer, resolved
from suasion.integrations.model_shape import Shape, shape_of
from suasion.integrations.settings import RewardSettings
from suasion.integrations.verl.checks import (
    check_batches,
    check_data,
    check_imports,
    check_lengths,
    check_lora,
    check_memory,
    check_template,
)
from suasion.integrations.verl.memory import Memory, memory
from suasion.integrations.verl.overrides import ACTOR, SETTINGS, cluster_of, overrides, refuse
from suasion.integrations.verl.rows import Written, write_data
from suasion.negotiation.pack import Pack
from suasion.running.folder import load_run_config, write_text

TRIED = "0.9."  # verl's versions that this was written for
COMPOSED = "verl.yaml"
PLUGIN = "suasion.integrations.verl.critic"  # which every process of the run loads with verl
_UNSOUND = (AssertionError, AttributeError, ImportError, NotImplementedError, TypeError, ValueError)
REWARDS = ("n", "operator", "missing", "max_unread")  # of the run's rewards; they must be what is asked for


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that was composed and found sound. config: verl's own, as it is submitted."""

    config: Any
    folder: Path
    written: Written
    memory: Memory
    longest: int
    paid: str
    reward_gpus: int
    notes: tuple[str, ...]


def plan(config: RunConfig, folder: Path, file: str) -> Plan:
    """Write the run's files to `folder`, compose verl's configuration, and check it.

    file: of the configuration, which errors name. Raises InputError for whatever would not run.
    """
    _needs_verl()
    refuse(config, file)
    cluster, pack = cluster_of(config), Pack.load(config.pack)
    model, tokenizer = load_tokenizer(config.model.name)
    settings, notes = _rewards(config, file)
    settings = resolved(settings, tokenizer)
    folder = folder.resolve()
    written = write_data(config, pack, settings.pack, tokenizer, folder)
    write_text(folder / SETTINGS, settings.model_dump_json(indent=1) + "\n")
    with _quiet():
        check_imports()
        composed = compose(overrides(config, written.sizes, model, folder))
        notes += validate(composed)
        shape, positions, kind = _model(composed)
        own = _tokenizer(composed)
        template = composed.data.get("apply_chat_template_kwargs") or {}
        notes += check_template(own, kind, dict(template))
        check_lengths(composed, positions)
        check_batches(composed, shape)
        notes += check_lora(composed)
        longest = check_data(composed, own)
    needs = memory(composed, shape, cluster.gpu_gb)
    check_memory(needs, cluster.gpu_gb)
    _write_composed(composed, folder)
    return Plan(composed, folder, written, needs, longest, settings.paid, cluster.reward_gpus, tuple(notes))


def versions() -> dict[str, str]:
    """Of what runs it, for the record of the run."""
    return {name: version(name) for name in ("verl", "ray", "torch", "transformers")}


def _needs_verl() -> None:
    try:
        found = version("verl")
    except PackageNotFoundError:
        raise InputError(
            "--engine verl needs verl 0.9.1 and Ray, which want an environment of their own: "
            "`make install-verl` makes it, .venv-verl/bin/suasion is the command there (docs/integrations.md)"
        ) from None
    if not found.startswith(TRIED):
        raise InputError(f"found verl {found}, this was written for 0.9.1: pip install verl==0.9.1")


def _rewards(config: RunConfig, file: str) -> tuple[RewardSettings, list[str]]:
    """The reward settings, and what has to be said of them."""
    cluster, judge, notes = cluster_of(config), config.rewards.judge, list[str]()
    if cluster.preference == "none":
        notes.append("no reward model (cluster.preference): judge and rules alone are paid, not R_total")
        if judge == "local":
            judge = "none"
            notes.append("no judge: the local one is part of a run (cluster.preference)")
        theirs = RewardsConfig()
    else:
        theirs = load_run_config(Path(cluster.preference)).rewards
    for name in REWARDS:
        asked, there = getattr(config.rewards, name), getattr(theirs, name)
        if asked != there:
            raise InputError(
                f"found {asked}, the rewards of cluster.preference ({cluster.preference}) have {there}: "
                "write the same, or take a run that was made with it",
                file,
                field=f"rewards.{name}",
            )
    paid = "e_enh" if cluster.preference == "none" else "r_total"
    return RewardSettings(
        pack=config.pack, preference=cluster.preference, judge=judge, paid=paid, unread=cluster.unread
    ), notes  # fmt: skip


def compose(found: list[str]) -> Any:
    """verl's own configuration under these overrides. Raises InputError naming the one that it refuses."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    with initialize_config_module("verl.trainer.config", version_base=None):
        try:
            return hydra_compose("ppo_trainer", overrides=found)
        except (HydraException, OmegaConfBaseException) as error:
            reason = str(error.__cause__ or error).splitlines()[0]
            raise InputError(
                f"verl's configuration refuses an override: {reason}", field="cluster.overrides"
            ) from None


def validate(composed: Any) -> list[str]:
    """By verl's own `validate_config` and data classes. Raises InputError with verl's words; notes."""
    from hydra.errors import InstantiationException
    from verl.trainer.ppo.reward import resolve_reward_manager_cls
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import omega_conf_to_dataclass, validate_config

    notes = []
    try:
        for part in (composed.actor_rollout_ref.rollout, composed.algorithm):
            omega_conf_to_dataclass(part)
        resolve_reward_manager_cls(composed)
        validate_config(composed, need_reference_policy(composed), need_critic(composed))
    except (InstantiationException, *_UNSOUND) as error:
        if find_spec("vllm") is not None or "vllm" not in str(error).lower():
            raise InputError(f"verl finds the configuration unsound: {error}", field="cluster") from error
        # the last thing that validate_config does, and only with adapters, imports vLLM
        notes.append("vLLM is not installed here: verl's last check, of the LoRA rank, was left to ours")
    return notes


def _model(composed: Any) -> tuple[Shape, int | None, str]:
    """Its shape, the positions that it knows, and its type."""
    from transformers import AutoConfig

    path = composed.actor_rollout_ref.model.path
    try:
        found = AutoConfig.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise InputError(f"has no configuration: {str(error).splitlines()[0]}", path) from None
    positions = getattr(found.get_text_config(), "max_position_embeddings", None)
    return shape_of(found), positions, str(found.model_type)


def _tokenizer(composed: Any) -> Any:
    from verl.utils import hf_tokenizer

    return hf_tokenizer(composed.actor_rollout_ref.model.path)


def _write_composed(composed: Any, folder: Path) -> None:
    from omegaconf import OmegaConf

    write_text(folder / COMPOSED, OmegaConf.to_yaml(composed))


@contextmanager
def _quiet() -> Iterator[None]:
    """What verl prints goes to standard error: the plan alone is the command's answer."""
    with redirect_stdout(sys.stderr):
        yield


def describe(made: Plan) -> str:
    """The resources that the run asks for, as somebody reads them who has to find the machines."""
    c, sizes, needs = made.config, made.written.sizes, made.memory
    gpus = c.trainer.nnodes * c.trainer.n_gpus_per_node
    trained = ", ".join(f"{name} {gb:.1f}" for name, gb in needs.training.items())
    written = ", ".join(f"{name} {gb:.1f}" for name, gb in needs.writing.items())
    extra = f" and {made.reward_gpus} for the rewards" if made.reward_gpus else ""
    rollout = c.actor_rollout_ref.rollout
    lines = [
        f"GPUs        {gpus} on {c.trainer.nnodes} machine(s){extra}",
        f"training    {needs.trains:.1f} GB on each ({trained})",
        f"writing     {needs.writes:.1f} GB on each ({written}); vLLM needs {needs.written:.1f}",
        f"processors  {rollout.agent.num_workers} agent loops, {c.reward.num_workers} reward workers, "
        "1 that has the rewards",
        f"memory      {needs.host:.0f} GB of each machine while models are read",
        f"a step      {sizes.rows} rows x {sizes.replies} = {sizes.rows * sizes.replies} sequences "
        f"of at most {sizes.prompt} + {sizes.response} tokens (the longest prompt has {made.longest})",
        f"in all      {c.trainer.total_training_steps} steps over {made.written.train} rows, "
        f"{made.written.validation} to validate, paid {made.paid}",
        *(f"note        {one}" for one in made.notes),
    ]
    return "\n".join(lines)


def submit(made: Plan) -> None:
    """Run it under Ray: the cluster of $RAY_ADDRESS, one that this machine belongs to, or this machine.

    Raises InputError where Ray has fewer GPUs than are asked for, or the rewards can't be read.
    """
    import ray
    from omegaconf import OmegaConf
    from verl.trainer.constants_ppo import get_ppo_ray_runtime_env
    from verl.trainer.main_ppo import TaskRunnerV1, run_ppo

    from suasion.integrations.verl.rewards import start_keeper

    asked = made.config.trainer.nnodes * made.config.trainer.n_gpus_per_node + made.reward_gpus
    given = OmegaConf.to_container(made.config.ray_kwargs.ray_init, resolve=True)
    assert isinstance(given, dict)
    environment = OmegaConf.merge(get_ppo_ray_runtime_env(made.config), given.pop("runtime_env", None) or {})
    variables = environment.setdefault("env_vars", {})
    variables["TRANSFER_QUEUE_ENABLE"] = "1"
    variables["VERL_USE_EXTERNAL_MODULES"] = PLUGIN
    ray.init(**given, runtime_env=OmegaConf.to_container(environment))
    try:
        there = int(ray.cluster_resources().get("GPU", 0))
        if there < asked:
            raise InputError(
                f"found {there} GPUs in Ray, the run asks for {asked}: start Ray on all machines and set "
                "RAY_ADDRESS, or lower cluster.nodes and gpus_per_node; --dry-run checks without any",
                field="cluster",
            )
        keeper = start_keeper(ACTOR, made.folder / SETTINGS, made.reward_gpus)
        ray.get(keeper.version.remote())  # a run that can't be read fails here, not after the models are up
        run_ppo(made.config, TaskRunnerV1)
    finally:
        ray.shutdown()
