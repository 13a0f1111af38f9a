"""verl's agent loop, reward loop, GAE and adapters, as a run on a cluster uses them, on a processor."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suasion.counterpart.credit import worth
from suasion.integrations.scorer import scorer_of
from suasion.integrations.verl.story import Story

pytestmark = pytest.mark.verl
Planned = Callable[[Path, Path], Any]
LINES = (
    "Hello! Could we talk about the price for these dates?",
    "Thank you. Could you make it lower? What is your best price?",
    "I understand. Let me think about it and come back to you.",
)


@pytest.fixture(scope="module")
def ray() -> "Iterator[Any]":
    import ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


class Server:
    """Stands for verl's LLM client: writes the lines one after the other, to each conversation its own."""

    def __init__(self, tokenizer: Any, longest: int | None = None) -> None:
        self.tokenizer, self.longest = tokenizer, longest
        self.asked: list[tuple[str, list[int], int]] = []

    async def generate(self, request_id: str, *, prompt_ids: list[int], **given: Any) -> Any:
        from verl.workers.rollout.replica import TokenOutput

        most = given["sampling_params"]["max_tokens"]
        before = sum(name == request_id for name, _, _ in self.asked)
        self.asked.append((request_id, list(prompt_ids), most))
        text = LINES[min(before, len(LINES) - 1)]
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = [*ids, self.tokenizer.eos_token_id][: min(most, self.longest or most)]
        return TokenOutput(token_ids=ids, log_probs=[-0.5] * len(ids), stop_reason="completed")


def held(
    made: Any, copies: int = 2, handles: Any = None, longest: int | None = None
) -> tuple[Any, Server, Any]:
    """verl's own agent loop worker over the first rows, with a server that is a stub."""
    import numpy as np
    from verl import DataProto
    from verl.experimental.agent_loop.agent_loop import AgentLoopWorker
    from verl.trainer.ppo.utils import create_rl_dataset
    from verl.utils.dataset.rl_dataset import collate_fn

    tokenizer = made_tokenizer(made)
    data = create_rl_dataset(list(made.config.data.train_files), made.config.data, tokenizer, None)
    found = collate_fn([data[place] for place in (0, 1) for _ in range(copies)])
    names = ("raw_prompt", "agent_name", "extra_info", "index", "data_source", "reward_model")
    batch = DataProto.from_dict(non_tensors={key: np.array(found[key], dtype=object) for key in names})
    server = Server(tokenizer, longest)
    worker = AgentLoopWorker(made.config, server, None, handles)
    return asyncio.run(worker.generate_sequences(batch)), server, tokenizer


def made_tokenizer(made: Any) -> Any:
    from verl.utils import hf_tokenizer

    return hf_tokenizer(made.config.actor_rollout_ref.model.path)


def spans(mask: list[int]) -> list[tuple[int, int]]:
    """Where the agent's replies begin and end."""
    edges = [place for place in range(len(mask)) if place == 0 or mask[place] != mask[place - 1]]
    edges.append(len(mask))
    return [(a, b) for a, b in itertools.pairwise(edges) if mask[a]]


def test_the_agent_loop_holds_whole_negotiations(planned: Planned, cluster_file: Any, tmp_path: Path) -> None:
    batch, server, tokenizer = held(planned(cluster_file(), tmp_path / "out"))
    stories = [Story.model_validate_json(text) for text in batch.non_tensor_batch["negotiation"]]
    assert len(stories) == 4
    assert max(len(story.replies) for story in stories) > 1, "several turns"
    assert stories[0] == stories[1], "the same brief meets the same counterpart, who hears the same words"
    assert stories[2] == stories[3]
    for row, story in enumerate(stories):
        said = int(batch.batch["attention_mask"][row, -batch.batch["responses"].shape[1] :].sum())
        mask = batch.batch["response_mask"][row, :said].tolist()
        ids = batch.batch["responses"][row, :said].tolist()
        assert mask[-1] == 1, "the last token is the agent's, so that verl's GAE sees the reward"
        texts = [tokenizer.decode(ids[a:b], skip_special_tokens=True) for a, b in spans(mask)]
        assert texts == list(story.replies) == [*LINES, *LINES[-1:] * 99][: len(texts)]
        logprobs = batch.batch["rollout_log_probs"][row, :said]
        assert ((logprobs != 0).long().tolist()) == mask
        last = json.loads(story.contexts[-1])["turns"]
        heard = [turn["text"] for turn in last if turn["speaker"] == "counterpart" and turn.get("text")]
        whole = tokenizer.decode(ids)
        assert all(text.split("\n")[0] in whole for text in heard), "what the counterpart said is in it"
    prompts = [ids for _, ids, _ in server.asked]
    assert max(map(len, prompts)) > min(map(len, prompts))


def test_a_negotiation_ends_where_its_tokens_end(planned: Planned, cluster_file: Any, tmp_path: Path) -> None:
    batch, _, _ = held(planned(cluster_file(tokens=400), tmp_path / "out"))
    stories = [Story.model_validate_json(text) for text in batch.non_tensor_batch["negotiation"]]
    assert "conversation_tokens" in {story.ending for story in stories}
    for row in range(len(stories)):
        said = int(batch.batch["attention_mask"][row, -400:].sum())
        assert said <= 400
        assert batch.batch["response_mask"][row, said - 1] == 1


def test_a_reply_that_was_cut_off_is_closed_but_not_paid_for_it(
    planned: Planned, cluster_file: Any, tmp_path: Path
) -> None:
    batch, server, tokenizer = held(planned(cluster_file(), tmp_path / "out"), longest=10)
    second = next(ids for name, ids, _ in server.asked[4:])
    assert LINES[0][:10] + tokenizer.eos_token in tokenizer.decode(second)
    mask = batch.batch["response_mask"][0].tolist()
    assert all(b - a == 10 for a, b in spans(mask)), "ten tokens each, the end token is not among them"


@contextmanager
def rewarded(ray: Any, made: Any) -> Iterator[tuple[Any, Any]]:
    """The actor that has the rewards, and verl's manager of the workers that ask it; all end with it."""
    from verl.experimental.reward_loop import RewardLoopManager

    from suasion.integrations.verl.overrides import ACTOR
    from suasion.integrations.verl.rewards import start_keeper

    keeper = start_keeper(ACTOR, made.folder / "reward.json", 0)
    ray.get(keeper.version.remote(), timeout=120)
    workers = RewardLoopManager(made.config)
    try:
        yield keeper, workers
    finally:
        for actor in (keeper, *workers.reward_loop_worker_handles):
            ray.kill(actor)
        deadline = time.monotonic() + 30
        while ray.util.list_named_actors() and time.monotonic() < deadline:
            time.sleep(0.1)


def expected(made: Any, story: Story) -> float:
    """By the suite itself, without verl and Ray."""
    scorer = scorer_of(made.folder / "reward.json")
    pairs = zip(story.contexts, story.replies, strict=True)
    totals = [scorer.submit(record, reply, "x", 1).result().value for record, reply in pairs]
    paid = worth(totals, story.moved, story.won, story.outcome)
    assert paid is not None
    return paid


def test_negotiations_are_paid_in_verls_reward_loop(
    planned: Planned, ray: Any, cluster_file: Any, tmp_path: Path
) -> None:
    made = planned(cluster_file(), tmp_path / "out")
    with rewarded(ray, made) as (_, workers):
        batch, _, _ = held(made, handles=workers.reward_loop_worker_handles)
    rewards = batch.batch["rm_scores"]
    for row, text in enumerate(batch.non_tensor_batch["negotiation"]):
        said = int(batch.batch["attention_mask"][row, -rewards.shape[1] :].sum())
        assert rewards[row, said - 1] == pytest.approx(
            expected(made, Story.model_validate_json(text)), abs=1e-5
        )
        assert (rewards[row] != 0).sum() == 1
    assert set(batch.non_tensor_batch["read"]) == {1.0}


def test_a_killed_keeper_of_the_rewards_costs_nothing(
    planned: Planned, ray: Any, cluster_file: Any, tmp_path: Path
) -> None:
    """Killed by the system in the middle of scoring: Ray starts it anew, and asks it again."""
    made = planned(cluster_file(), tmp_path / "out")
    told = Story.model_validate_json(held(made)[0].non_tensor_batch["negotiation"][0])
    pairs = [*zip(told.contexts, told.replies, strict=True)]
    samples = [(record, f"{reply} {n}") for n in range(40) for record, reply in pairs]
    with rewarded(ray, made) as (keeper, workers):
        process = ray.get(keeper.process.remote())
        asked = [keeper.score.remote(record, reply, "x", n) for n, (record, reply) in enumerate(samples)]
        ray.wait(asked, num_returns=1)
        os.kill(process, signal.SIGKILL)
        found = [one.value for one in ray.get(asked, timeout=240)]
        assert ray.get(keeper.process.remote()) != process
        batch, _, _ = held(
            made, handles=workers.reward_loop_worker_handles
        )  # verl's workers find the new one
    scorer = scorer_of(made.folder / "reward.json")
    alone = [scorer.submit(record, reply, "x", 1) for record, reply in samples]
    assert found == pytest.approx([one.result().value for one in alone], abs=1e-5)
    assert len(set(found)) > 1
    assert set(batch.non_tensor_batch["read"]) == {1.0}


def test_a_killed_worker_of_verls_is_an_error_and_never_a_zero(
    planned: Planned, ray: Any, cluster_file: Any, tmp_path: Path
) -> None:
    made = planned(cluster_file(), tmp_path / "out")
    with rewarded(ray, made) as (_, workers):
        for handle in workers.reward_loop_worker_handles:
            ray.kill(handle)
        with pytest.raises(ray.exceptions.RayActorError):
            held(made, handles=workers.reward_loop_worker_handles)


def test_verls_gae_steps_over_what_the_counterpart_said() -> None:
    """Five tokens, 100 of the other side, five tokens, 1 at the end, values 0.5, lambda 0.95: +0.387."""
    import torch
    from verl.trainer.ppo.core_algos import compute_gae_advantage_return

    mask = torch.tensor([[1.0] * 5 + [0.0] * 100 + [1.0] * 5])
    values, rewards = torch.full_like(mask, 0.5), torch.zeros_like(mask)
    rewards[0, -1] = 1.0
    _, returns = compute_gae_advantage_return(rewards, values, mask, 1.0, 0.95)
    assert float(returns[0, 4] - 0.5) == pytest.approx(0.387, abs=1e-3)
    longer = torch.cat([mask, torch.zeros(1, 1)], dim=1)  # the counterpart has the last word
    lost = torch.zeros_like(longer)
    lost[0, -1] = 1.0
    _, without = compute_gae_advantage_return(lost, torch.full_like(longer, 0.5), longer, 1.0, 0.95)
    assert float(without[0, -2]) == 0.0, "a reward on a token that is not the agent's is never seen"


def adapted(model: Path, kind: str, dtype: str) -> Any:
    """The adapter that verl's own engine puts on an actor, or on a critic."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForTokenClassification
    from verl.workers.engine.fsdp.transformer_impl import FSDPEngine

    maker = AutoModelForTokenClassification if kind == "critic" else AutoModelForCausalLM
    more = {"num_labels": 1} if kind == "critic" else {}
    bare = maker.from_pretrained(model, dtype=getattr(torch, dtype), **more)
    asked = SimpleNamespace(
        lora_adapter_path=None, lora_rank=4, lora_alpha=8, target_modules="all-linear",
        target_parameters=None, exclude_modules=None,
    )  # fmt: skip
    return FSDPEngine._build_lora_module(SimpleNamespace(model_config=asked), bare)


def test_verl_itself_can_not_make_a_critic_with_an_adapter(long_model: Path) -> None:
    """What the note of each start says. If it fails, verl mended it: verl/critic.py can go."""
    with pytest.raises(AttributeError, match="prepare_inputs_for_generation"):
        adapted(long_model, "critic", "float32")


def test_our_critic_learns_with_adapter_and_head(long_model: Path) -> None:
    import torch
    from transformers import AutoModelForTokenClassification
    from verl.workers.engine.base import EngineRegistry

    from suasion.integrations.verl import critic as verl_critic

    bare = AutoModelForTokenClassification.from_pretrained(long_model, num_labels=1, dtype=torch.float32)
    asked = SimpleNamespace(lora_rank=4, lora_alpha=8, target_modules="all-linear")
    critic = verl_critic.adapted(bare, asked)
    ids = torch.arange(3, 23)[None]
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "position_ids": torch.arange(20)[None]}
    before = critic(**given, use_cache=False).logits
    assert before.shape == (1, 20, 1)
    before.square().mean().backward()
    learns = {name: one.grad for name, one in critic.named_parameters() if one.requires_grad}
    assert {"lora_" in name or "score" in name for name in learns} == {True}
    assert any("score" in name and "lora_" not in name for name in learns), "the head itself"
    assert not any("score" in name and "lora_" in name for name in learns)
    assert all(grad is not None for grad in learns.values())
    registered = EngineRegistry._engines["value_model"]["fsdp"]
    assert registered["cuda", "nvidia"] is verl_critic.AdaptedValueEngine


def test_a_bfloat16_adapter_does_not_move_at_the_papers_rate(long_model: Path) -> None:
    import torch

    for dtype, moves in (("bfloat16", False), ("float32", True)):
        actor = adapted(long_model, "actor", dtype)
        part = next(one for name, one in actor.named_parameters() if "lora_A" in name)
        assert part.dtype == getattr(torch, dtype)
        before, step = part.detach().clone(), torch.optim.AdamW([part], lr=1e-6, weight_decay=0.0)
        part.grad = torch.ones_like(part)
        step.step()
        assert ((part != before).float().mean() > 0.5) == moves
