"""What a run on a cluster is made of, as far as it needs no verl: settings, rows, payment, memory."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.config import RunConfig, load_config
from suasion.counterpart.credit import worth
from suasion.errors import InputError
from suasion.integrations.model_shape import Shape
from suasion.integrations.scorer import Payment
from suasion.integrations.verl.memory import memory
from suasion.integrations.verl.overrides import Sizes, overrides, refuse, rows_of_a_step
from suasion.integrations.verl.story import Story, story_info, story_of
from suasion.rewards.score import Score, Source, Status, unread
from suasion.rewards.suite import Reading

CONFIGS = Path(__file__).parents[2] / "configs"
SIZES = Sizes(rows=8, replies=4, prompt=1024, response=3072, steps_an_epoch=100)


def changed(**training: Any) -> RunConfig:
    config = load_config(CONFIGS / "qwen3-32b.toml")
    return config.model_copy(update={"training": config.training.model_copy(update=training)})


def test_the_papers_settings_reach_verl(tmp_path: Path) -> None:
    config = load_config(CONFIGS / "qwen3-32b.toml")
    found = dict(one.split("=", 1) for one in overrides(config, SIZES, "Qwen/Qwen3-32B", tmp_path))
    expected = {
        "algorithm.adv_estimator": '"gae"',
        "actor_rollout_ref.model.path": '"Qwen/Qwen3-32B"',
        "actor_rollout_ref.model.lora_rank": "64",
        "actor_rollout_ref.model.lora_alpha": "64",
        "actor_rollout_ref.actor.optim.lr": "1e-06",
        "actor_rollout_ref.actor.optim.lr_warmup_steps": "2",
        "actor_rollout_ref.rollout.n": "4",
        "actor_rollout_ref.rollout.agent.default_agent_loop": '"suasion_negotiation"',
        "critic.model.lora_rank": "64",
        "trainer.total_epochs": "2",
        "+data.apply_chat_template_kwargs.enable_thinking": "false",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert rows_of_a_step(config) * config.training.replies_per_context * 4 == 128
    assert config.generation.max_new_tokens == 512


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "ppo"),
        ("centring", "context"),
        ("kl_target", 0.4),
        ("kl_in", "loss"),
        ("schedule", "linear"),
        ("value_adapter", False),
        ("minibatches", 3),
    ],
)
def test_what_verl_would_not_keep_is_refused(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"run.toml: training.{field}: found .*, verl needs"):
        refuse(changed(**{field: value}), "run.toml")
    refuse(changed(), "run.toml")


def test_without_a_cluster_table_it_says_what_is_missing() -> None:
    with pytest.raises(InputError, match=r"cluster: --engine verl needs a \[cluster\] table"):
        refuse(RunConfig(), "run.toml")


def payment(value: float, read: bool = True, judge: float | None = 10.0) -> Payment:
    scores = {
        Source.MODEL: Score(Source.MODEL, Status.READ, 1.0),
        Source.RULES: Score(Source.RULES, Status.READ, 0.0),
        Source.JUDGE: unread(Source.JUDGE) if judge is None else Score(Source.JUDGE, Status.READ, judge),
    }
    reading = Reading("greet", scores, judge, value if read else None, False, "v", "p")
    return Payment(value, read, reading)


STORY = Story(
    contexts=("a", "b", "c"), replies=("x", "y", "z"), moved=(True, False, True),
    won=0.5, outcome=2.0, ending="agreed",
)  # fmt: skip


def test_a_negotiation_is_paid_what_our_trainer_pays() -> None:
    info = story_info(STORY, [payment(1.0), payment(-1.0), payment(3.0, judge=None)])
    assert info["score"] == pytest.approx(2.0 - 3.0 / 24 + 2.0 * 0.5), "mean of what moved, idle, outcome"
    assert info["score"] == worth([1.0, -1.0, 3.0], STORY.moved, 0.5, 2.0)
    assert (info["read"], info["replies"], info["share_idle"]) == (1.0, 3.0, pytest.approx(1 / 3))
    assert info["e_judge"] == 10.0, "an unread judge is left out of the mean"


def test_an_unread_reply_is_left_out_and_an_unread_negotiation_is_paid_what_was_declared() -> None:
    info = story_info(STORY, [payment(1.0), payment(-9.0, read=False), payment(3.0)])
    assert info["score"] == pytest.approx(2.0 + 1.0)
    assert info["read"] == pytest.approx(2 / 3)
    none = story_info(STORY, [payment(-9.0, read=False)] * 3)
    assert (none["score"], none["read"]) == (-9.0, 0.0)


def test_a_story_travels_as_text() -> None:
    assert story_of({"negotiation": STORY.model_dump_json()}) == STORY
    assert story_of({"turn_scores": []}) is None
    assert story_of(None) is None


def composed(gpus: int = 8, offload: bool = False) -> Any:
    """The keys of verl's configuration that the model of memory reads."""
    engine = SimpleNamespace(model_dtype="fp32", param_offload=offload, optimizer_offload=offload)
    model = SimpleNamespace(lora_rank=64)
    actor = SimpleNamespace(fsdp_config=engine, use_dynamic_bsz=True, ppo_max_token_len_per_gpu=8192)
    rollout = SimpleNamespace(
        prompt_length=1024, response_length=3072, tensor_model_parallel_size=4, gpu_memory_utilization=0.4
    )
    return SimpleNamespace(
        trainer=SimpleNamespace(n_gpus_per_node=gpus, nnodes=1),
        algorithm=SimpleNamespace(adv_estimator="gae"),
        actor_rollout_ref=SimpleNamespace(actor=actor, rollout=rollout, model=model),
        critic=SimpleNamespace(fsdp=engine, model=model),
    )


def test_memory_by_hand() -> None:
    """32.76 billion weights twice in float32 over eight GPUs, two adapters of 537 million at 16 bytes."""
    found = memory(composed(), Shape(), 80)
    assert found.training["weights"] == pytest.approx(2 * 32.76e9 * 4 / 8 / 1e9, rel=1e-3)
    assert found.training["adapters"] == pytest.approx(2 * 0.537e9 * 16 / 8 / 1e9, rel=1e-3)
    assert found.training["logits"] == pytest.approx(8192 * 151_936 * 6 / 1e9)
    assert found.writing["vLLM"] == pytest.approx(32)
    assert found.written == pytest.approx(32.76e9 * 2 / 4 / 1e9 + 1.5 + 4096 * 262_144 / 4 / 1e9, rel=1e-3)
    assert memory(composed(16), Shape(), 80).training["weights"] < found.training["weights"]
    assert set(memory(composed(offload=True), Shape(), 80).writing) == {"vLLM"}
    tied = replace(Shape(), tied=True)
    assert Shape().all - tied.all == 151_936 * 5120


def test_the_command_says_which_options_go_together(tmp_path: Path) -> None:
    words = ["train", "repo", "--config", str(CONFIGS / "one-gpu.toml"), "--output", str(tmp_path / "x")]
    result = CliRunner().invoke(main, [*words, "--dry-run"])
    assert result.exit_code == 2
    assert "--dry-run goes with --engine verl" in result.output
    result = CliRunner().invoke(
        main, ["train", "repo", "--from", "runs/x", "--suite", "y", "--engine", "verl", "--output", "z"]
    )
    assert result.exit_code == 2
    assert "our own trainer" in result.output
