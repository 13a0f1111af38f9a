"""`suasion train repo --engine verl` up to its start: composed and validated by verl's code, and checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from suasion.cli import main
from suasion.errors import InputError

pytestmark = pytest.mark.verl
Planned = Callable[[Path, Path], Any]


def command(config: Path, output: Path, *more: str) -> Result:
    words = ["train", "repo", "--engine", "verl", "--config", str(config), "--output", str(output), *more]
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize("credit", ["trajectory", "reply"])
def test_a_dry_run_composes_validates_and_prints(cluster_file: Any, tmp_path: Path, credit: str) -> None:
    from omegaconf import OmegaConf

    result = command(cluster_file(credit), tmp_path / "out", "--dry-run")
    assert result.exit_code == 0, result.output
    for words in ("GPUs        2 on 1 machine(s)", "training", "writing", "paid r_total", "CAUSAL_LM"):
        assert words in result.stdout
    assert "nothing was submitted" in result.stdout
    made = OmegaConf.load(tmp_path / "out" / "verl.yaml")
    loop = "suasion_negotiation" if credit == "trajectory" else "single_turn_agent"
    assert made.actor_rollout_ref.rollout.agent.default_agent_loop == loop
    assert made.reward.reward_manager.name == "SuasionRewardManager"
    assert made.critic.model.lora_rank == made.actor_rollout_ref.model.lora_rank == 4
    assert json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["engine"]["verl"].startswith("0.9.")


def test_verls_data_set_reads_the_rows(planned: Planned, cluster_file: Any, tmp_path: Path) -> None:
    from verl.trainer.ppo.utils import create_rl_dataset
    from verl.utils import hf_tokenizer

    made = planned(cluster_file(), tmp_path / "out")
    tokenizer = hf_tokenizer(made.config.actor_rollout_ref.model.path)
    data = create_rl_dataset(list(made.config.data.train_files), made.config.data, tokenizer, None)
    assert len(data) == made.written.train == 4, "two steps of two briefs, twice over"
    rows = [data[place] for place in range(len(data))]
    assert {row["agent_name"] for row in rows} == {"suasion_negotiation"}
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert json.loads(rows[0]["extra_info"]["brief"])["tickets"]


@pytest.mark.parametrize(
    ("overrides", "field", "words"),
    [
        (("critic.nonsense=1",), "cluster.overrides", "nonsense"),
        (("actor_rollout_ref.actor.ppo_mini_batch_size=0.5",), "", "ppo_mini_batch_size|unsound|Value"),
        (("actor_rollout_ref.actor.loss_agg_mode=oops",), "cluster", "Invalid loss_agg_mode"),
        (("trainer.n_gpus_per_node=8",), "actor_rollout_ref.actor.ppo_mini_batch_size", "can't share"),
        (("actor_rollout_ref.rollout.tensor_model_parallel_size=4",), "tensor_model_parallel_size",
         "divisor of 2"),
        (("data.max_prompt_length=64",), "data.max_prompt_length", "row 0 has .* tokens, 64 are kept"),
        (("actor_rollout_ref.rollout.max_model_len=512",), "max_model_len", "a sequence may have"),
        (("critic.ppo_max_token_len_per_gpu=512",), "critic.ppo_max_token_len_per_gpu", "found 512"),
        (
            ("actor_rollout_ref.actor.use_dynamic_bsz=false",
             "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=3",
             "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=1",
             "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=1",
             "critic.ppo_micro_batch_size_per_gpu=1"),
            "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu", "divisor of 2, a GPU's share",
        ),
        (("actor_rollout_ref.rollout.load_format=dummy",), "load_format", "would be random"),
        (
            ("actor_rollout_ref.actor.fsdp_config.model_dtype=bf16", "actor_rollout_ref.actor.optim.lr=1e-6"),
            "model_dtype", "round to nothing",
        ),
        (("actor_rollout_ref.rollout.gpu_memory_utilization=0.99",), "cluster", "writing takes"),
        (("actor_rollout_ref.rollout.gpu_memory_utilization=0.01",), "cluster.writing_share",
         "vLLM has 0.8 GB"),
        (("actor_rollout_ref.actor.ppo_max_token_len_per_gpu=90000000",), "cluster", "training takes"),
    ],
)  # fmt: skip
def test_what_would_fail_later_is_said_now(
    planned: Planned, cluster_file: Any, tmp_path: Path, overrides: tuple[str, ...], field: str, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        planned(cluster_file(overrides=overrides), tmp_path / "out")
    assert field in (caught.value.field or "")


def test_a_model_without_a_tokenizer_is_named(cluster_file: Any, tmp_path: Path) -> None:
    config = cluster_file()
    config.write_text(config.read_text("utf-8").replace('/long"', '/nowhere"'), "utf-8")
    result = command(config, tmp_path / "out", "--dry-run")
    assert result.exit_code == 2
    assert "nowhere: has no tokenizer" in result.output


def test_a_chat_template_that_does_not_work_is_named(long_model: Path) -> None:
    from transformers import AutoTokenizer

    from suasion.integrations.verl.checks import check_template

    tokenizer = AutoTokenizer.from_pretrained(long_model)
    check_template(tokenizer, "llama", {})
    good = tokenizer.chat_template
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(InputError, match=r"can't carry a negotiation .*roles must alternate"):
        check_template(tokenizer, "llama", {})
    tokenizer.chat_template = good.replace("{% for m in messages %}", "{% for m in messages[-1:] %}")
    with pytest.raises(InputError, match="chat template"):
        check_template(tokenizer, "llama", {})


def test_without_gpus_nothing_is_submitted(cluster_file: Any, tmp_path: Path) -> None:
    small = "ray_kwargs.ray_init.num_cpus=2"
    result = command(cluster_file(overrides=[small]), tmp_path / "out")
    assert result.exit_code == 2
    assert "found 0 GPUs in Ray, the run asks for 2" in result.output
