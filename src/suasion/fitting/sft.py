"""Supervised fine-tuning on whole dialogues (TRL), the loss on the agent's words and their end token."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from suasion.config import FitConfig
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.policy.prompt import Message, messages
from suasion.running.progress import Progress

IGNORED = -100
WINDOW = 420  # tokens of one training row
ROWS = 4  # of one forward pass


def fit_sft(
    backbone: Backbone, adapter: str, dialogues: Sequence[Dialogue], pack: Pack, config: FitConfig, seed: int
) -> list[float]:
    """Train a new adapter to write the agent's turns of `dialogues`; returns the loss at each log."""
    rows = [row for dialogue in dialogues for row in windows(backbone, dialogue, pack)]
    backbone.add_adapter(adapter)
    with TemporaryDirectory() as folder, backbone.role(adapter, train=True), Progress("SFT") as progress:
        trainer = _Trainer(
            backbone,
            model=backbone.model,
            args=_arguments(Path(folder), config, seed, backbone.dtype == torch.bfloat16),
            train_dataset=Dataset.from_list(rows),
            processing_class=backbone.tokenizer,
            callbacks=[_Report(progress)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    backbone.model.eval()
    return [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]


def windows(backbone: Backbone, dialogue: Dialogue, pack: Pack) -> list[dict[str, list[int]]]:
    """Rows of token ids and labels; a long dialogue becomes several, each reply learned once."""
    found = messages(dialogue, pack, backbone.tokenizer.all_special_tokens)
    rows, first, learned = [], 1, 1
    while learned < len(found):
        ids, labels = _row(backbone, found, first, learned)
        last = len(found)
        while len(ids) > WINDOW and last > learned + 1:
            last -= 1
            ids, labels = _row(backbone, found[:last], first, learned)
        if any(label != IGNORED for label in labels):
            rows.append({"input_ids": ids, "labels": labels})
        learned, first = last, max(1, last - 3)
    return rows


def _row(
    backbone: Backbone, found: Sequence[Message], first: int, learned: int
) -> tuple[list[int], list[int]]:
    """Tokens piece by piece, as generation would see them: prompt up to a reply, the reply with its end."""
    ids: list[int] = []
    labels: list[int] = []
    text = ""
    shown = [found[0], *found[first:]]
    for index, message in enumerate(shown):
        if message["role"] != "assistant":
            continue
        before = _render(backbone, shown[:index], True)
        if not before.startswith(text):
            raise InputError(
                "its chat template changes what was said or ends a message with another token than "
                f"{backbone.tokenizer.eos_token!r}",
                backbone.name,
            )
        prompt = backbone.tokenizer(before.removeprefix(text), add_special_tokens=False)["input_ids"]
        reply = backbone.reply_tokens(message["content"])
        ids += [*prompt, *reply]
        new = first + index - 1 >= learned
        labels += [IGNORED] * len(prompt) + (list(reply) if new else [IGNORED] * len(reply))
        text = before + message["content"] + str(backbone.tokenizer.eos_token)
    return ids, labels


def _render(backbone: Backbone, found: Sequence[dict[str, str]], reply: bool) -> str:
    return str(
        backbone.tokenizer.apply_chat_template(list(found), tokenize=False, add_generation_prompt=reply)
    )


def _arguments(folder: Path, config: FitConfig, seed: int, bf16: bool) -> SFTConfig:
    rows = max(size for size in range(1, ROWS + 1) if config.batch_size % size == 0)
    return SFTConfig(
        output_dir=str(folder),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup,
        weight_decay=config.weight_decay,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=config.batch_size // rows,
        train_sampling_strategy="group_by_length",
        dataset_kwargs={"skip_prepare_dataset": True},
        gradient_checkpointing=False,
        bf16=bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        report_to=[],
        logging_steps=5,
        disable_tqdm=True,
        log_level="error",
        remove_unused_columns=False,
    )


class _Trainer(SFTTrainer):
    """TRL's trainer, except that only the learned tokens are projected on the vocabulary.

    Without a GPU, TRL 1.16 projects every position and does so again in the backward pass: a quarter of the
    time with rows of which a third is learned.
    """

    def __init__(self, backbone: Backbone, **settings: Any) -> None:
        super().__init__(**settings)
        self.backbone = backbone

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        hidden = self.backbone.decode(inputs["input_ids"], attention_mask=inputs["attention_mask"])
        logits = self.backbone.project(hidden[:, :-1][learned])
        total = cross_entropy(logits, labels[learned], reduction="sum")
        return total / (learned.sum() if num_items_in_batch is None else num_items_in_batch)


class _Report(TrainerCallback):
    """Hands TRL's progress to ours."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_step_end(self, args, state, control, **kwargs) -> None:  # type: ignore[no-untyped-def]
        loss = next((f"loss {entry['loss']:.2f}" for entry in state.log_history[::-1] if "loss" in entry), "")
        self.progress.at(state.global_step, state.max_steps, loss)

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:  # type: ignore[no-untyped-def]
        control.should_log = False
