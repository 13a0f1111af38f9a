"""Which models are taken and which are refused, before hours are spent on them; and what an adapter is."""

from collections.abc import Callable
from typing import cast

import pytest
import torch
from peft.tuners.lora import LoraLayer
from transformers import (
    Gemma3TextConfig,
    GraniteConfig,
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
)

from suasion.config import ModelConfig
from suasion.errors import InputError
from suasion.policy.heads import Reader
from suasion.policy.model import Backbone, unsupported


@pytest.mark.parametrize(
    ("architecture", "fault"),
    [
        (LlamaConfig(), None),
        (Qwen3Config(), None),
        (Gemma3TextConfig(sliding_window=4096), None),
        (Gemma3TextConfig(sliding_window=512), "512 tokens"),
        (GraniteConfig(logits_scaling=8.0), "logits_scaling"),
        (GraniteConfig(logits_scaling=1.0), None),
    ],
)
def test_what_would_give_other_numbers_is_refused(architecture: object, fault: str | None) -> None:
    found = unsupported(architecture, ModelConfig())  # type: ignore[arg-type]
    assert (found is None) if fault is None else (fault in str(found))


def with_targets(model: PreTrainedModel, *targets: str) -> Backbone:
    config = ModelConfig(lora_rank=4, role_layers=2, **({"lora_targets": targets} if targets else {}))
    return Backbone(model, cast(PreTrainedTokenizerBase, None), config, "tiny")


def test_adapters_are_float32_on_a_bfloat16_model(bare: Callable[..., PreTrainedModel]) -> None:
    """In bfloat16 the optimizer's small steps would be rounded away."""
    backbone = with_targets(bare("Llama").to(torch.bfloat16))  # type: ignore[arg-type]
    backbone.add_adapter("policy")
    reader = Reader(backbone, "reward")
    assert backbone.dtype == torch.bfloat16
    trained = [*backbone.adapter("policy").values(), *reader.parameters()]
    assert {parameter.dtype for parameter in trained} == {torch.float32}


def test_adapters_sit_on_the_layers_that_are_named(bare: Callable[..., PreTrainedModel]) -> None:
    backbone = with_targets(bare("Llama"), "q_proj", "down_proj")
    backbone.add_adapter("policy")
    adapted = {
        key.rpartition(".")[2] for key, part in backbone.plain.named_modules() if isinstance(part, LoraLayer)
    }
    assert adapted == {"q_proj", "down_proj"}
    backbone.add_adapter("value", layers=1)  # upon layers that have one already
    assert backbone.adapter("value")


def test_layers_that_the_model_has_not_are_refused(bare: Callable[..., PreTrainedModel]) -> None:
    with pytest.raises(InputError, match=r"no linear layer 'c_attn'; it has .*q_proj") as caught:
        with_targets(bare("Llama"), "q_proj", "c_attn").add_adapter("policy")
    assert caught.value.field == "model.lora_targets"
