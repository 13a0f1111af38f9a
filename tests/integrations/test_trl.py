"""The rewards inside TRL: its real trainers are paid what the suite says; nothing missing is a 0."""

import math
import tomllib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from transformers import PreTrainedTokenizerFast

from suasion.config import RewardsConfig
from suasion.errors import InputError
from suasion.integrations.settings import RewardSettings
from suasion.integrations.trl import (
    COMPONENTS,
    REWARD_WEIGHTS,
    Completion,
    reward_functions,
    rewards_of,
    training_rows,
)
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.score import Score, Source, Status, unread
from suasion.rewards.suite import RewardSuite


class Lengthy:
    """R_model: words of the reply."""

    version = "long"

    def __init__(self) -> None:
        self.asked = 0

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        self.asked += 1
        return [float(len((dialogue.reply or "").split())) for dialogue in dialogues]


class Silent:
    """A judge that answers every second question."""

    version = "silent"

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        return [
            Score(Source.JUDGE, Status.READ, 5.0) if place % 2 else unread(Source.JUDGE)
            for place in range(len(dialogues))
        ]


@pytest.fixture
def tokenizer(numbers: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    numbers.chat_template = "{% for m in messages %}{{ m['role'] + ' ' + m['content'] + ' ' }}{% endfor %}"
    return numbers


@pytest.fixture
def contexts(dialogues: list[Dialogue]) -> list[Dialogue]:
    return [one.with_reply("") for one in dialogues]


def test_a_batch_is_scored_once_and_as_the_suite_scores(
    hotel: Pack, contexts: list[Dialogue], tokenizer: PreTrainedTokenizerFast
) -> None:
    model = Lengthy()
    suite = RewardSuite(hotel, None, model)
    rows = training_rows(contexts[:2], hotel, tokenizer)
    said: list[Completion] = [
        "We guarantee you more bookings.",
        [{"role": "assistant", "content": "How low can you go?"}],
    ]
    paid = [
        function(completions=said, dialogue=[row["dialogue"] for row in rows], trainer_state=None)
        for function in reward_functions(suite)
    ]
    assert model.asked == 1
    expected = suite.score(
        [
            contexts[0].with_reply("We guarantee you more bookings."),
            contexts[1].with_reply("How low can you go?"),
        ]
    )
    assert paid == [[getattr(one, name) for one in expected] for name in COMPONENTS]
    assert paid[3][0] is not None
    assert paid[3][0] < 0, "an over-promise costs"


def test_a_reply_without_a_total_has_no_component_either(
    hotel: Pack, contexts: list[Dialogue], tokenizer: PreTrainedTokenizerFast
) -> None:
    suite = RewardSuite(hotel, Silent(), Lengthy(), RewardsConfig(missing="drop"))
    rows = training_rows(contexts, hotel, tokenizer)
    for function in reward_functions(suite):
        paid = function(completions=["Hello there."] * len(rows), dialogue=[row["dialogue"] for row in rows])
        assert [one is None for one in paid] == [True, False] * (len(rows) // 2)


def test_without_a_reward_model_judge_and_rules_can_be_paid(
    hotel: Pack, contexts: list[Dialogue], tokenizer: PreTrainedTokenizerFast
) -> None:
    suite = RewardSuite(hotel, Silent(), None, RewardsConfig(missing="drop"))
    rows = training_rows(contexts, hotel, tokenizer)
    said: list[Completion] = ["We guarantee you more bookings."] * len(rows)
    paid = [
        function(completions=said, dialogue=[row["dialogue"] for row in rows])
        for function in reward_functions(suite, "e_enh")
    ]
    assert [one is None for one in paid[0]] == [True, False] * (len(rows) // 2), "an unread judge is no 0"
    assert paid[0][1] == suite.score([contexts[0], contexts[1].with_reply(str(said[1]))])[1].e_enh
    assert paid[1] == [None] * len(rows), "R_model was not read"
    with pytest.raises(InputError, match="no R_total without a reward model"):
        rewards_of(RewardSettings())


def test_a_row_that_is_no_record_is_named(
    hotel: Pack, contexts: list[Dialogue], tokenizer: PreTrainedTokenizerFast
) -> None:
    total = reward_functions(RewardSuite(hotel, None, Lengthy()))[0]
    good = training_rows(contexts[:1], hotel, tokenizer)[0]["dialogue"]
    with pytest.raises(InputError, match=r"dialogue:2"):
        total(completions=["Hello.", "Hello."], dialogue=[good, '{"id": "x"}'])


@pytest.mark.parametrize("name", ["GRPO", "RLOO"])
def test_a_real_trainer_is_paid_the_total(
    name: str,
    another: Callable[[], Backbone],
    hotel: Pack,
    contexts: list[Dialogue],
    tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    from datasets import Dataset

    trainers, configs = (
        import_module(f"trl.trainer.{name.lower()}_{part}") for part in ("trainer", "config")
    )
    suite = RewardSuite(hotel, Silent(), Lengthy(), RewardsConfig(missing="drop"))
    trainer = getattr(trainers, f"{name}Trainer")(
        model=another().plain.requires_grad_(True),
        reward_funcs=list(reward_functions(suite)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(training_rows(contexts, hotel, tokenizer)),
        args=getattr(configs, f"{name}Config")(
            output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=8, num_generations=4,
            max_completion_length=5, reward_weights=REWARD_WEIGHTS, use_cpu=True, bf16=False,
            gradient_checkpointing=False, report_to="none", save_strategy="no", logging_steps=1,
            disable_tqdm=True, beta=0.0,
        ),
    )  # fmt: skip
    trainer.train()
    logs = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert len(logs) == 2
    for entry in logs:
        assert math.isclose(entry["reward"], entry["rewards/r_total/mean"], rel_tol=1e-5), "nothing was a 0"
        assert math.isfinite(entry["grad_norm"])


def test_a_row_is_what_our_own_policy_reads(
    another: Callable[[], Backbone],
    hotel: Pack,
    contexts: list[Dialogue],
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    said = [Turn(speaker="agent", text="one two"), Turn(speaker="counterpart", text="ok<end>[agreed: 5]")]
    long = contexts[0].model_copy(update={"turns": tuple(said * 20)})
    whole, short = (training_rows([long], hotel, tokenizer, limit)[0]["prompt"] for limit in (10**6, 60))
    assert [one["role"] for one in short[:2]] == ["system", "user"]
    assert short == [whole[0], *whole[len(whole) - len(short) + 1 :]]
    assert len(short) < len(whole) == 42
    assert not any("<end>" in one["content"] or "[agreed" in one["content"] for one in whole)


def test_no_older_trl_is_installed_than_the_one_that_these_tests_run_on() -> None:
    root = Path(__file__).parents[2]
    extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    (asked,) = (one for one in map(Requirement, extras["train"]) if one.name == "trl")
    pins = (root / "constraints.txt").read_text("utf-8").splitlines()
    (tried,) = (pin.partition("==")[2] for pin in pins if pin.startswith("trl=="))
    (least,) = (one.version for one in asked.specifier if one.operator == ">=")
    assert asked.specifier.contains(tried)
    assert tried.split(".")[:2] == least.split("."), "of an older one nobody knows what it makes of a None"
