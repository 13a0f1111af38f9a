"""What leaves the house does elsewhere what it does here: in plain PEFT, and in plain transformers."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel
from torch import Tensor

from suasion.errors import InputError
from suasion.policy.heads import save_tensors
from suasion.policy.model import Backbone
from suasion.policy.portable import save_adapter, save_merged

TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10]])


class Paper:
    """A tokenizer that can be saved."""

    def save_pretrained(self, folder: str) -> None:
        (Path(folder) / "tokenizer.txt").write_text("words", encoding="utf-8")


def trained(backbone: Backbone, name: str, path: Path) -> None:
    """An adapter that does something, saved as a run does it."""
    backbone.add_adapter(name)
    drawn = torch.Generator().manual_seed(len(name))
    for key, parameter in backbone.adapter(name).items():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.3, generator=drawn)
    save_tensors(path, {key: value.detach() for key, value in backbone.adapter(name).items()})


@pytest.fixture
def untouched(backbone: Backbone, tmp_path: Path) -> Path:
    """The model before anything was trained."""
    backbone.plain.save_pretrained(str(tmp_path / "untouched"))
    return tmp_path / "untouched"


def ours(backbone: Backbone, tmp_path: Path) -> Tensor:
    """Logits after SFT and what was learnt upon it."""
    trained(backbone, "sft", tmp_path / "sft.safetensors")
    backbone.bake("sft")
    trained(backbone, "policy", tmp_path / "policy.safetensors")
    with torch.no_grad(), backbone.role("policy"):
        return backbone.project(backbone.decode(TOKENS))


def loaded(folder: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder).eval()


def test_plain_peft_loads_it_as_one_adapter(backbone: Backbone, untouched: Path, tmp_path: Path) -> None:
    expected = ours(backbone, tmp_path)
    parts = [tmp_path / "sft.safetensors", tmp_path / "policy.safetensors"]
    save_adapter(backbone, parts, tmp_path / "adapter")
    model = PeftModel.from_pretrained(loaded(untouched), str(tmp_path / "adapter"))
    with torch.no_grad():
        assert torch.allclose(model(TOKENS).logits, expected, atol=1e-4)
        assert not torch.allclose(loaded(untouched)(TOKENS).logits, expected, atol=1e-2)
        assert torch.allclose(model.merge_and_unload()(TOKENS).logits, expected, atol=1e-4)


def test_plain_transformers_loads_it_merged(backbone: Backbone, tmp_path: Path) -> None:
    expected = ours(backbone, tmp_path)
    backbone.tokenizer = Paper()  # type: ignore[assignment]
    save_merged(backbone, "policy", tmp_path / "merged")
    with torch.no_grad():
        assert torch.allclose(loaded(tmp_path / "merged")(TOKENS).logits, expected, atol=1e-4)
        with backbone.role("policy"):
            assert torch.allclose(backbone.project(backbone.decode(TOKENS)), expected, atol=1e-5)
    assert (tmp_path / "merged" / "tokenizer.txt").exists()


def test_what_is_no_adapter_is_refused(backbone: Backbone, tmp_path: Path) -> None:
    save_tensors(tmp_path / "head.safetensors", {"head.weight": torch.zeros(1, 2)})
    with pytest.raises(InputError, match=r"no adapter of ours: head\.weight"):
        save_adapter(backbone, [tmp_path / "head.safetensors"], tmp_path / "adapter")
