"""One arm in a process of its own: a line on the standard input is a step, its answer a line of JSON.

python benchmarks/bench/arms.py trl|grpo|repo|deep|judged
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from types import SimpleNamespace
from typing import Any, TextIO

import torch
from work import COPIES, GROUPS, PROMPT, RANK, REPLIES, REPLY

from suasion.config import GenerationConfig, ModelConfig, RunConfig, TrainingConfig
from suasion.config.model import PROJECTIONS
from suasion.data.rubric import load_rubric
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone, load_backbone
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.suite import RewardSuite
from suasion.training.trainer import Trainer

LAYERS = list(PROJECTIONS)
DEEP = 1000  # layers: all that there are
TEMPERATURE, RATE, KL = 1.0, 1e-5, 0.05
Seconds = defaultdict[str, float]
THEIRS: dict[str, Any] = {
    "max_steps": 10_000, "per_device_train_batch_size": REPLIES, "num_generations": COPIES,
    "max_completion_length": REPLY, "learning_rate": RATE, "generation_kwargs": {"min_new_tokens": REPLY},
    "temperature": TEMPERATURE, "beta": KL, "lr_scheduler_type": "constant", "num_iterations": 1,
    "use_cpu": not torch.cuda.is_available(), "bf16": False, "gradient_checkpointing": False,
    "report_to": "none", "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True,
}  # fmt: skip
NEVER = "<repo_name>"  # a token that no reply has


class Endless(Backbone):
    """Its replies never end, so that each has as many tokens as are allowed."""

    @property
    def end(self) -> int:
        return int(self.tokenizer.convert_tokens_to_ids(NEVER))


def model_of(arm: str) -> ModelConfig:
    """The policy adapts all layers; critic, RM and judge the top ones, as our runs do, or all (`deep`)."""
    own = {"role_layers": DEEP} if arm == "deep" else {}
    return ModelConfig(lora_rank=RANK, lora_alpha=RANK, **own)


def load(arm: str) -> Backbone:
    """The same weights, dtype, threads and allocator for every arm."""
    found = load_backbone(model_of(arm))
    return Endless(**{field.name: getattr(found, field.name) for field in fields(found)})


def contexts(backbone: Backbone, pack: Pack) -> list[Dialogue]:
    """The contexts whose prompts come nearest to the length that is asked for, each another one."""
    found = [example.dialogue for example in examples_of(synthesize(pack, 120, 0), pack)]
    return sorted(found, key=lambda one: abs(len(backbone.context(one, pack)) - PROMPT))


def timed(seconds: Seconds, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[name] += time.perf_counter() - start

    return call


class Answers:
    """The other end of the pipe."""

    def __init__(self, pipe: TextIO) -> None:
        self.pipe = pipe

    def asked(self) -> bool:
        return bool(sys.stdin.readline())

    def tell(self, **what: Any) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        self.pipe.write(json.dumps(what | {"peak_gib": peak}) + "\n")
        self.pipe.flush()


def ours(arm: str, answers: Answers) -> None:
    """Our trainer's steps, on other contexts each time."""
    pack, backbone = Pack.load("hotel"), load(arm)
    config = RunConfig(
        model=model_of(arm),
        generation=GenerationConfig(max_new_tokens=REPLY, batch_size=REPLIES),
        training=TrainingConfig(
            method="grpo" if arm == "grpo" else "repo", contexts_per_step=GROUPS, replies_per_context=COPIES,
            learning_rate=RATE, kl=KL, temperature=TEMPERATURE, value_warmup_steps=0, warmup_steps=0,
            minibatches=1, schedule="constant", tracker="none",
        ),
    )  # fmt: skip
    seconds: Seconds = defaultdict(float)
    preference = RewardModel(backbone, pack) if arm != "grpo" else Constant()
    judge = LocalJudge(backbone, pack, load_rubric(pack)) if arm == "judged" else None
    suite = RewardSuite(pack, judge, preference, config.rewards)
    preference.score = timed(seconds, "rm", preference.score)  # type: ignore[method-assign]
    suite.rules = SimpleNamespace(check=timed(seconds, "rules", suite.rules.check))  # type: ignore[assignment]
    if judge:
        judge.score = timed(seconds, "judge", judge.score)  # type: ignore[method-assign]
    with value_timed(seconds):
        trainer = Trainer(backbone, suite, pack, config)
        given = contexts(backbone, pack)
        answers.tell(prompt=statistics_of(backbone, pack, given[:GROUPS]), dtype=str(backbone.dtype))
        step = 0
        while answers.asked():
            seconds.clear()
            start = time.perf_counter()
            record = trainer.step(step, given[GROUPS * (step % 4) : GROUPS * (step % 4 + 1)])
            whole = time.perf_counter() - start
            step += 1
            phases = {name: record[f"{name}_s"] for name in ("generate", "reference")} | dict(seconds)
            phases["value"] = record["values_s"]
            phases["update"] = record["update_s"] - seconds["value_update"]
            answers.tell(seconds=whole, phases=phases, tokens=record["reply_tokens"] * REPLIES)


class Constant:
    """R_model for a bench of GRPO, as TRL's arm has it: costs nothing."""

    version = "constant"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [float(index % COPIES) for index in range(len(dialogues))]


@contextmanager
def value_timed(seconds: Seconds) -> Iterator[None]:
    """The update of the value model counted by itself."""
    import suasion.training.learner as module

    plain = module.value_gradient
    module.value_gradient = timed(seconds, "value_update", plain)
    try:
        yield
    finally:
        module.value_gradient = plain


def statistics_of(backbone: Backbone, pack: Pack, given: Sequence[Dialogue]) -> float:
    """Mean tokens of the prompts."""
    return sum(len(backbone.context(one, pack)) for one in given) / len(given)


def theirs(answers: Answers) -> None:
    """TRL's GRPOTrainer on the same prompts, as its own loop runs: it waits before each step."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    pack, backbone = Pack.load("hotel"), load("trl")
    given = contexts(backbone, pack)[: 4 * GROUPS]
    texts = [backbone.tokenizer.decode(backbone.context(one, pack)) for one in given]
    seconds: Seconds = defaultdict(float)

    def reward(completion_ids: list[list[int]], **_: Any) -> list[float | None]:
        assert {len(ids) for ids in completion_ids} == {REPLY}, "replies are as long as ours"
        return [float(index % COPIES) for index in range(len(completion_ids))]

    class Waits(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if not answers.asked():
                os._exit(0)
            seconds.clear()
            self.start = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            whole = time.perf_counter() - self.start
            phases = {name: seconds[name] for name in ("generate", "reference")}
            phases["update"] = whole - sum(phases.values())
            answers.tell(seconds=whole, phases=phases, tokens=REPLIES * REPLY)

    plain = backbone.plain
    plain.generation_config.update(eos_token_id=None, pad_token_id=0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=plain, reward_funcs=reward, processing_class=backbone.tokenizer,
            train_dataset=Dataset.from_dict({"prompt": texts}),
            peft_config=LoraConfig(r=RANK, lora_alpha=RANK, target_modules=LAYERS, lora_dropout=0.0),
            callbacks=[Waits()],
            args=GRPOConfig(output_dir=folder, **THEIRS),
        )  # fmt: skip
        trainer._generate = timed(seconds, "generate", trainer._generate)
        read = trainer._get_per_token_logps_and_entropies

        def logps(*args: Any, **kwargs: Any) -> Any:
            known = torch.is_grad_enabled()
            return read(*args, **kwargs) if known else timed(seconds, "reference", read)(*args, **kwargs)

        trainer._get_per_token_logps_and_entropies = logps
        answers.tell(prompt=statistics_of(backbone, pack, given[:GROUPS]), dtype=str(plain.dtype))
        trainer.train()


if __name__ == "__main__":
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    if sys.argv[1] == "trl":
        theirs(Answers(pipe))
    else:
        ours(sys.argv[1], Answers(pipe))
