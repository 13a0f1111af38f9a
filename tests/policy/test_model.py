"""Which models are taken and which are refused, before hours are spent on them."""

import pytest
from transformers import Gemma3TextConfig, GraniteConfig, LlamaConfig, Qwen3Config

from suasion.config import ModelConfig
from suasion.policy.model import unsupported


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
