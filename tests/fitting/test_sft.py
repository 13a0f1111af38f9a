"""SFT: a message's end is learned though it is the padding too, and the loss is TRL's own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from trl.trainer.sft_trainer import SFTTrainer

from suasion.config import FitConfig, ModelConfig
from suasion.data.synthesize import synthesize
from suasion.fitting import sft
from suasion.fitting.sft import IGNORED, fit_sft, windows
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.lean import make_lean
from suasion.policy.model import Backbone

TEMPLATE = (
    "{% for one in messages %}{{ one['role'] }} : {{ one['content'] }}<end> {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)


@pytest.fixture
def chatting(bare: Callable[..., PreTrainedModel], numbers: PreTrainedTokenizerFast) -> Backbone:
    """A tiny model whose end token pads as well, as SmolLM2's might."""
    numbers.chat_template = TEMPLATE
    numbers.pad_token = numbers.eos_token
    model = bare("Llama")
    make_lean(model)
    return Backbone(model, numbers, ModelConfig(lora_rank=4, lora_alpha=8, role_layers=2), "tiny")


@pytest.fixture
def talks(hotel: Pack) -> list[Dialogue]:
    return list(synthesize(hotel, 4, 0, "train"))


def replies_in(dialogue: Dialogue) -> int:
    return sum(turn.speaker == "agent" and turn.text is not None for turn in dialogue.turns)


def test_each_reply_is_learned_once_with_its_end(
    chatting: Backbone, talks: list[Dialogue], hotel: Pack
) -> None:
    for dialogue in talks:
        rows = windows(chatting, dialogue, hotel)
        learned = [label for row in rows for label in row["labels"] if label != IGNORED]
        assert learned.count(chatting.end) == replies_in(dialogue)
        for row in rows:
            assert all(label in (IGNORED, token) for token, label in zip(*row.values(), strict=True))


def test_ends_are_in_the_loss_that_trl_would_have(
    chatting: Backbone, talks: list[Dialogue], hotel: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches as TRL's collator makes them: the padding is ignored, the same token as an end is not."""
    seen: list[tuple[dict[str, Tensor], Tensor, Tensor]] = []
    ours = sft._Trainer.compute_loss

    def both(self: Any, model: Any, inputs: dict[str, Tensor], *args: Any, **named: Any) -> Tensor:
        theirs = SFTTrainer.compute_loss(self, model, dict(inputs), *args, **named)
        found = ours(self, model, inputs, *args, **named)
        seen.append((inputs, found.detach(), theirs.detach()))
        return found

    monkeypatch.setattr(sft._Trainer, "compute_loss", both)
    fit_sft(chatting, "sft", talks, hotel, FitConfig(batch_size=4), seed=0)
    padded, ends = 0, 0
    for inputs, found, theirs in seen:
        padding = inputs["attention_mask"] == 0
        assert (inputs["labels"][padding] == IGNORED).all()
        assert (inputs["input_ids"][padding] == chatting.end).all()
        padded += int(padding.sum())
        ends += int((inputs["labels"] == chatting.end).sum())
        assert torch.allclose(found, theirs, rtol=1e-4)
    assert padded > 0
    assert ends == sum(map(replies_in, talks))
