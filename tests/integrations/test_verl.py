"""verl's real reward workers under Ray on a processor, in verl's own environment (docs/integrations.md)."""

import json
import shlex
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.negotiation.dialogue import Dialogue, write_dialogues

pytestmark = pytest.mark.verl
NUMBERS = ("r_total", "r_model", "e_judge", "e_func", "e_enh")


@pytest.fixture(scope="module")
def ray() -> "Iterator[Any]":
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def exported(run_folder: Path, replies: list[Dialogue], tmp_path: Path) -> Path:
    """What `suasion export verl` makes of the contexts of the replies."""
    source, output = tmp_path / "contexts.jsonl", tmp_path / "verl"
    write_dialogues(source, replies)
    words = [
        "export",
        "verl",
        "--dialogues",
        str(source),
        "--preference",
        str(run_folder),
        "--judge",
        "local",
    ]
    result = CliRunner().invoke(main, [*words, "--output", str(output)])
    assert result.exit_code == 0, result.output
    return output


def configuration(folder: Path, *more: str) -> Any:
    """verl's own configuration under the overrides of the exported script."""
    from hydra import compose, initialize_config_module

    script = (folder / "train.sh").read_text(encoding="utf-8")
    command = script.split("verl.trainer.main_ppo", 1)[1].replace("\\\n", " ").replace('"$@"', "")
    overrides = [word.replace("$HERE", str(folder)) for word in shlex.split(command)]
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=[*overrides, *more])


def batch_of(config: Any, said: dict[str, str]) -> Any:
    """As verl's rollout leaves it: the exported files by verl's own data set, and a reply to each row."""
    import torch
    from verl import DataProto
    from verl.utils import hf_tokenizer
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

    tokenizer = hf_tokenizer(config.actor_rollout_ref.model.path)
    rows = []
    for file in (config.data.train_files, config.data.val_files):
        data = RLHFDataset(file, tokenizer, config.data)
        rows += [data[place] for place in range(len(data))]
    assert len(rows) == len(said)
    prompts = [
        tokenizer.apply_chat_template(row["raw_prompt"], add_generation_prompt=True, tokenize=False)
        for row in rows
    ]
    texts = [said[row["reward_model"]["ground_truth"]] + tokenizer.eos_token for row in rows]
    left = tokenizer(
        prompts, add_special_tokens=False, padding=True, padding_side="left", return_tensors="pt"
    )
    right = tokenizer(
        texts, add_special_tokens=False, padding=True, padding_side="right", return_tensors="pt"
    )
    whole = {
        "prompts": left["input_ids"],
        "responses": right["input_ids"],
        "attention_mask": torch.cat([left["attention_mask"], right["attention_mask"]], dim=1),
    }
    found = collate_fn(rows)
    kept = {key: found[key] for key in ("data_source", "reward_model", "extra_info", "raw_prompt")}
    return DataProto.from_dict(tensors=whole, non_tensors=kept)


def test_the_workers_give_the_numbers_of_suasion_score(
    ray: Any,
    exported: Path,
    run_folder: Path,
    replies: list[Dialogue],
    score_lines: Callable[..., list[dict[str, Any]]],
) -> None:
    from verl.experimental.reward_loop import RewardLoopManager

    config = configuration(exported)
    data = batch_of(config, {one.id: one.reply or "" for one in replies})
    expected = {line["id"]: line for line in score_lines(replies, run_folder)}
    scored = RewardLoopManager(config).compute_rm_score(data)
    rewards = scored.batch["rm_scores"]
    assert ((rewards != 0).sum(dim=1) <= 1).all(), "the last token alone is paid"
    names = [row["ground_truth"] for row in data.non_tensor_batch["reward_model"]]
    assert len({expected[name]["r_total"] for name in names}) > len(names) // 2
    for place, name in enumerate(names):
        line, info = expected[name], {key: values[place] for key, values in scored.non_tensor_batch.items()}
        assert float(rewards[place].sum()) == pytest.approx(line["r_total"], abs=1e-6)
        for number in NUMBERS:
            assert info[number] == pytest.approx(line[number], rel=1e-6, abs=1e-6), (name, number)
        assert {key: info[f"status_{key}"] for key in line["status"]} == line["status"]
        assert info["suite_version"] == line["suite_version"]
        assert info["read"] == 1.0


def test_verls_own_manager_takes_compute_score(
    ray: Any,
    exported: Path,
    run_folder: Path,
    replies: list[Dialogue],
    score_lines: Callable[..., list[dict[str, Any]]],
) -> None:
    """A worker of its own, asked a sample at a time as verl's rollouts ask."""
    from verl.experimental.reward_loop import RewardLoopWorker

    config = configuration(
        exported,
        "reward.reward_manager.source=register",
        "reward.reward_manager.name=naive",
        "reward.custom_reward_function.path=pkg://suasion.integrations.verl",
        f"+reward.custom_reward_function.reward_kwargs.settings={exported / 'reward.json'}",
    )
    data = batch_of(config, {one.id: one.reply or "" for one in replies})
    expected = {line["id"]: line for line in score_lines(replies, run_folder)}
    worker = ray.remote(RewardLoopWorker).remote(config)
    found = ray.get([worker.compute_score.remote(data[place : place + 1]) for place in range(len(data))])
    for row, result in zip(data.non_tensor_batch["reward_model"], found, strict=True):
        line = expected[row["ground_truth"]]
        assert result["reward_score"] == pytest.approx(line["r_total"], abs=1e-6)
        for number in NUMBERS:
            assert result["reward_extra_info"][number] == pytest.approx(line[number], rel=1e-6, abs=1e-6)


def test_a_broken_row_stops_verl_and_is_named(ray: Any, exported: Path, replies: list[Dialogue]) -> None:
    from verl.experimental.reward_loop import RewardLoopManager

    config = configuration(exported)
    data = batch_of(config, {one.id: one.reply or "" for one in replies})
    data.non_tensor_batch["extra_info"][0] = {"index": 41, "dialogue": json.dumps({"id": "x"})}
    with pytest.raises(
        ray.exceptions.RayTaskError, match=r"extra_info.dialogue:41: brief: required, but missing"
    ):
        RewardLoopManager(config).compute_rm_score(data)


def test_this_is_the_version_that_the_export_was_written_for() -> None:
    assert find_spec("verl.experimental.reward_loop")
    assert version("verl").startswith("0.9.")
