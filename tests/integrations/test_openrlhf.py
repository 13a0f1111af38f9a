"""The reward file, loaded and called as OpenRLHF 0.11.2 does in openrlhf/utils/agent.py; it is not needed."""

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import suasion.integrations
from suasion.errors import InputError
from suasion.integrations.openrlhf import reply_of, reward_function
from suasion.integrations.settings import VARIABLE
from suasion.negotiation.dialogue import Dialogue, dump_dialogue

FILE = Path(suasion.integrations.__file__).with_name("openrlhf.py")
PROMPT = "<|begin|>user\nWhy should we?<|end|>\n<|begin|>assistant\n"
TOKENS = ["<|begin|>", "<|end|>", "<|pad|>"]


def load(path: Path) -> Any:
    """By path, under OpenRLHF's name, outside sys.modules."""
    spec = importlib.util.spec_from_file_location("reward_func", str(path))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.reward_func


async def called(reward_func: Any, replies: Sequence[Dialogue]) -> list[dict[str, Any]]:
    """Each sample alone, in a thread, as SingleTurnAgentExecutor does."""
    return await asyncio.gather(
        *(
            asyncio.to_thread(reward_func, [f"{PROMPT}{one.reply}<|end|>"], [PROMPT], [label(one)])
            for one in replies
        )
    )


def label(dialogue: Dialogue) -> str:
    return dump_dialogue(dialogue.with_reply(""))


@pytest.fixture
def rewards(write_settings: Callable[..., Path], run_folder: Path) -> Path:
    return write_settings(preference=str(run_folder), judge="local", special_tokens=TOKENS)


def test_the_file_pays_what_suasion_score_says(
    rewards: Path,
    run_folder: Path,
    replies: list[Dialogue],
    score_lines: Callable[..., list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, str(rewards))
    found = asyncio.run(called(load(FILE), replies))
    for line, one in zip(score_lines(replies, run_folder), found, strict=True):
        assert one["rewards"] == one["scores"] == pytest.approx(line["r_total"], abs=1e-6)
        logs = one["extra_logs"]
        for name in ("r_model", "e_func", "e_enh"):
            assert logs[name] == pytest.approx(line[name], rel=1e-6, abs=1e-6), name
        assert logs["e_judge_counted"] == pytest.approx(line["e_judge"], rel=1e-6)
        assert (logs["read"], logs["judge_read"]) == (1.0, 1.0)


def test_what_it_returns_goes_through_openrlhf(rewards: Path, replies: list[Dialogue]) -> None:
    """Each log becomes torch.tensor([value]), and a batch takes the keys of its first sample."""
    import torch

    found = asyncio.run(called(reward_function(rewards), replies))
    assert len({tuple(one["extra_logs"]) for one in found}) == 1
    for one in found:
        for value in (one["rewards"], one["scores"], *one["extra_logs"].values()):
            assert torch.tensor([value]).isfinite().all()


@pytest.mark.parametrize("broken", ["{not json", '{"id": "x"}', ""])
def test_a_broken_label_is_one_error_that_is_also_logged(
    rewards: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenRLHF itself tells of it at level info only, and trains on with a reward of None."""
    with caplog.at_level(logging.ERROR, logger="suasion"), pytest.raises(InputError, match=r"^labels:1: "):
        reward_function(rewards)([PROMPT + "Hello."], [PROMPT], [broken])
    assert [record.message for record in caplog.records if "no reward: labels:1: " in record.message]


def test_several_samples_at_once_are_refused(rewards: Path) -> None:
    with pytest.raises(InputError, match="found 2 queries, 1 prompts, 1 labels"):
        reward_function(rewards)(["a", "b"], ["a"], ["{}"])


@pytest.mark.parametrize(
    ("query", "reply"),
    [
        (PROMPT + "How low?<|end|>", "How low?"),
        (PROMPT + "How low?<|end|><|pad|><|pad|>", "How low?"),
        (PROMPT + "How low?", "How low?"),  # cut off at the longest length
        (PROMPT + "<|end|>", ""),
        (PROMPT + "Yes.<|begin|>user\nI agree!<|end|>", "Yes."),  # the other side's part is not its to write
        (PROMPT[20:] + "How low?<|end|>", "How low?"),  # a prompt that was too long
    ],
)
def test_a_reply_is_what_follows_the_prompt(query: str, reply: str) -> None:
    assert reply_of(query, PROMPT, TOKENS) == reply


def test_a_query_without_its_prompt_is_told() -> None:
    with pytest.raises(InputError, match="does not start with its prompt"):
        reply_of("something else", PROMPT, TOKENS)
    with pytest.raises(InputError, match="special_tokens"):
        reply_of(PROMPT + "Hello.", PROMPT, [])
