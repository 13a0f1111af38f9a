"""The model behind docs/scale.md counts what transformers and PEFT count, and scales as it says."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, Qwen3Config

from suasion.config.model import PROJECTIONS

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
scale = importlib.import_module("scale")
SMALL = scale.Shape(layers=3, hidden=64, heads=4, kv_heads=2, head=32, inner=96, vocabulary=500)


@pytest.mark.parametrize("shape", [SMALL, scale.Shape()])
def test_weights_are_counted_as_transformers_and_peft_count_them(shape: "scale.Shape") -> None:
    config = Qwen3Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head,
        tie_word_embeddings=False,
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        assert sum(one.numel() for one in model.parameters()) == shape.all
        lora = LoraConfig(r=8, target_modules=list(PROJECTIONS), task_type="CAUSAL_LM")
        adapted = get_peft_model(model, lora, low_cpu_mem_usage=True)
    found = sum(one.numel() for name, one in adapted.named_parameters() if "lora_" in name)
    assert found == shape.lora(8)


def test_qwen3_32b_is_what_its_name_says() -> None:
    assert scale.Shape().all == pytest.approx(32.8e9, rel=0.01)


def test_more_gpus_hold_less_each_and_never_take_longer() -> None:
    shape, given = scale.Shape(), scale.Assumed()
    sizes = (8, 16, 32, 64)
    for part in (scale.memory, scale.writes, scale.seconds):
        totals = [sum(part(shape, given, gpus).values()) for gpus in sizes]
        assert totals == sorted(totals, reverse=True)
    assert scale.seconds(shape, given, 64)["between"] == given.launch, "what does not scale stays"


def test_serving_twice_as_many_takes_twice_as_much_and_a_cache_saves_reading() -> None:
    once, twice = (scale.serving(scale.Shape(), many, 4.8, 0.0, scale.Assumed()) for many in (1e6, 2e6))
    for key, value in once.items():
        assert twice[key] == pytest.approx(2 * value)
    cached = scale.serving(scale.Shape(), 1e6, 4.8, 0.6, scale.Assumed())
    assert cached["GPUs that read"] == pytest.approx(0.4 * once["GPUs that read"])
