"""Our norm, gate and LoRA are transformers' and PEFT's, values and gradients; nothing else is replaced."""

from collections.abc import Callable

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel

from suasion.policy.lean import LeanGate, LeanLora, LeanNorm, lean_lora, make_lean

Make = Callable[..., PreTrainedModel]


@pytest.fixture
def small(bare: Make) -> Make:
    """Tiny models whose norms do something."""

    def make(name: str, **changes: object) -> PreTrainedModel:
        model = bare(name, **changes)
        for key, parameter in model.named_parameters():
            if "norm" in key:
                nn.init.normal_(parameter, mean=1, std=0.3)
        return model

    return make


def gradients(model: nn.Module, trained: Callable[[str], bool]) -> dict[str, Tensor]:
    for key, parameter in model.named_parameters():
        parameter.requires_grad_(trained(key))
    ids = torch.arange(3, 27).view(2, 12)
    loss = model(input_ids=ids).logits.float().log_softmax(-1)[:, :, 5].sum()
    loss.backward()
    found = {key: value.grad for key, value in model.named_parameters() if value.grad is not None}
    return {"loss": loss.detach()} | {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize("name", ["Llama", "Qwen3", "Mistral"])
def test_a_lean_model_has_the_same_values_and_gradients(name: str, small: Make) -> None:
    """The embedding's gradient has come through every part."""
    expected = gradients(small(name), lambda key: "embed_tokens" in key)
    model = small(name)
    assert make_lean(model) == 3 * (3 if name != "Qwen3" else 5) + 1
    assert {LeanNorm, LeanGate} <= {type(part) for part in model.modules()}
    assert model.state_dict().keys() == small(name).state_dict().keys()
    found = gradients(model, lambda key: "embed_tokens" in key)
    assert len(found) == len(expected) == 2
    for key, value in expected.items():
        assert torch.allclose(found[key], value, rtol=1e-4, atol=1e-5), key


@pytest.mark.parametrize(
    ("name", "changes", "left"),
    [("Gemma", {}, "all"), ("Llama", {"hidden_act": "gelu"}, "gates"), ("Qwen2", {}, None)],
)
def test_what_would_give_other_numbers_stays(
    name: str, changes: dict[str, str], left: str | None, small: Make
) -> None:
    """Gemma's norm multiplies by 1 + weight and its gate is another."""
    model = small(name, **changes)
    make_lean(model)
    kinds = {type(part) for part in model.modules()}
    assert (LeanNorm in kinds) == (left != "all")
    assert (LeanGate in kinds) == (left is None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lora_is_pefts(dtype: torch.dtype, small: Make) -> None:
    results = []
    for ours in (False, True):
        model = small("Llama").to(dtype)
        config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
        adapted = get_peft_model(model, lean_lora(config) if ours else config)
        torch.manual_seed(1)
        for key, parameter in adapted.named_parameters():
            if "lora_" in key:
                parameter.data = 0.3 * torch.randn(parameter.shape)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            results.append(gradients(adapted, lambda key: "lora_" in key))
        assert any(isinstance(part, LeanLora) for part in adapted.modules()) == ours
    expected, found = results
    assert found.keys() == expected.keys()
    assert len(found) == 1 + 3 * 2 * 2
    for key, value in expected.items():
        assert found[key].dtype == value.dtype
        close = 1e-4 if dtype == torch.float32 else 4e-2
        assert (found[key] - value).norm() <= close * value.norm(), key


def test_what_is_not_plain_lora_is_left_to_peft(small: Make) -> None:
    """Dropout and DoRA; an adapter that is switched off; two at once."""
    ids = torch.arange(3, 15)[None]
    for changes in ({"lora_dropout": 0.5}, {"use_dora": True}, {}):
        config = LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False, **changes)
        torch.manual_seed(2)
        theirs = get_peft_model(small("Llama"), config)
        torch.manual_seed(2)
        ours = get_peft_model(small("Llama"), lean_lora(config))
        for model in (theirs, ours):
            model.train()
        logits = []
        for model in (theirs, ours):
            torch.manual_seed(3)
            logits.append(model(input_ids=ids).logits)
        assert torch.allclose(*logits, atol=1e-5)
        with ours.disable_adapter(), theirs.disable_adapter():
            assert torch.equal(theirs(input_ids=ids).logits, ours(input_ids=ids).logits)
