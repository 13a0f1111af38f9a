"""The group-relative method beside TRL's GRPO: same model, contexts, rewards and sizes, like curves."""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from suasion.config import AlarmsConfig, GenerationConfig, RewardsConfig, RunConfig, TrainingConfig
from suasion.config.model import PROJECTIONS
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import Trainer

STEPS, CONTEXTS, COPIES, WORDS, RATE, TEMPERATURE = 24, 4, 8, 4, 2e-3, 0.04
SEEDS = range(5)
END = 2  # the tiny tokenizer's


def even(reply: str) -> float:
    """From -1, where no word is even, to 1, where all are."""
    words = [int(word) for word in reply.split()]
    return 2 * sum(word % 2 == 0 for word in words) / len(words) - 1 if words else -1.0


class LikesEven:
    """R_model: even words."""

    version = "even"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [even(dialogue.reply or "") for dialogue in dialogues]


def ours(backbone: Backbone, contexts: list[Dialogue], folder: Path, seed: int) -> list[float]:
    pack = Pack.load("generic")
    config = RunConfig(
        seed=seed,
        alarms=AlarmsConfig(action="off"),
        generation=GenerationConfig(max_new_tokens=WORDS),
        training=TrainingConfig(
            method="grpo", steps=STEPS, contexts_per_step=CONTEXTS, replies_per_context=COPIES,
            learning_rate=RATE, schedule="constant", warmup_steps=0, temperature=TEMPERATURE, kl=0.0,
            minibatches=1, draw="uniform", checkpoint_every=STEPS, tracker="none",
        ),
    )  # fmt: skip
    suite = RewardSuite(pack, None, LikesEven(), RewardsConfig())
    records = Trainer(backbone, suite, pack, config).run(contexts, folder)
    return [record["r_model"] for record in records]


def theirs(
    backbone: Backbone,
    contexts: list[Dialogue],
    folder: Path,
    seed: int,
    *,
    tokenizer: PreTrainedTokenizerFast,
) -> list[float]:
    from datasets import Dataset
    from peft import LoraConfig
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    pack = Pack.load("generic")
    prompts = [" ".join(map(str, backbone.context(context, pack))) for context in contexts]
    curve: list[float] = []

    def reward(completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        scores = [even(" ".join(str(one) for one in ids if one != END)) for ids in completion_ids]
        curve.append(statistics.mean(scores))
        return list(scores)

    plain = backbone.plain
    plain.generation_config.update(eos_token_id=END, pad_token_id=0)
    trainer = GRPOTrainer(
        model=plain,
        reward_funcs=reward,
        processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"prompt": prompts * 4}),
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules=list(PROJECTIONS), lora_dropout=0.0),
        args=GRPOConfig(
            output_dir=str(folder), seed=seed, max_steps=STEPS, per_device_train_batch_size=CONTEXTS * COPIES,
            num_generations=COPIES, max_completion_length=WORDS, learning_rate=RATE, weight_decay=0.0,
            lr_scheduler_type="constant", temperature=TEMPERATURE, beta=0.0, loss_type="bnpo", epsilon=0.2,
            num_iterations=1, max_grad_norm=1.0, use_cpu=True, bf16=False, gradient_checkpointing=False,
            report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
        ),
    )  # fmt: skip
    trainer.train()
    return curve


def test_its_curve_is_that_of_grpo(
    another: Callable[[], Backbone],
    dialogues: list[Dialogue],
    numbers: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    contexts = [
        one.with_reply("").model_copy(
            update={"id": str(n), "brief": one.brief.model_copy(update={"tickets": ()})}
        )
        for n, one in enumerate(dialogues)
    ]
    curves = {
        name: [run(another(), contexts, tmp_path / f"{name}{seed}", seed) for seed in SEEDS]
        for name, run in (("ours", ours), ("theirs", partial(theirs, tokenizer=numbers)))
    }
    assert all(len(curve) == STEPS for found in curves.values() for curve in found)
    quarter = STEPS // 4
    for part in range(4):  # of the training: means over seeds and six steps each
        at = slice(part * quarter, (part + 1) * quarter)
        means = {name: [statistics.mean(curve[at]) for curve in found] for name, found in curves.items()}
        gap = statistics.mean(means["ours"]) - statistics.mean(means["theirs"])
        assert abs(gap) < 0.15, (part, means)
    assert statistics.mean(curve[-1] for curve in curves["ours"]) > 0.8
