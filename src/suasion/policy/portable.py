"""A trained policy as others load it: a PEFT adapter over the untouched model, or a whole model."""

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import LoraConfig
from torch import Tensor

from suasion.errors import InputError
from suasion.policy.heads import load_tensors, save_tensors
from suasion.policy.model import Backbone

LOADED_BY = "adapter_model.safetensors"


def save_adapter(backbone: Backbone, parts: Sequence[Path], folder: Path) -> None:
    """The adapters that were trained upon one another, as one that does what they do together.

    A sum of low-rank products is a low-rank product: B1 A1 + B2 A2 = [B1 B2] [A1; A2], and their scale is the
    same, so nothing is approximated. `parts` are files of one adapter each; `folder` becomes what
    `PeftModel.from_pretrained(model, folder)` loads. Raises InputError for a file that is none.
    """
    loaded = [_named(path) for path in parts]
    for path, tensors in zip(parts, loaded, strict=True):
        if set(tensors) != set(loaded[0]):
            raise InputError("is an adapter of other layers than the first", str(path))
    joined = {
        key: torch.cat([tensors[key] for tensors in loaded], dim=0 if "lora_A" in key else 1)
        for key in loaded[0]
    }
    rank = backbone.config.lora_rank * len(parts)
    lora = LoraConfig(
        r=rank,
        lora_alpha=backbone.config.lora_alpha * len(parts),  # the same alpha / r
        target_modules=list(backbone.config.lora_targets),
        task_type="CAUSAL_LM",
        base_model_name_or_path=backbone.name,
        inference_mode=True,
    )
    folder.mkdir(parents=True, exist_ok=True)
    lora.save_pretrained(str(folder))
    save_tensors(folder / LOADED_BY, joined)


def _named(path: Path) -> dict[str, Tensor]:
    """The adapter's tensors under the names that PEFT has them by in a file: without that of the adapter."""
    tensors = load_tensors(path)
    found = {}
    for key, value in tensors.items():
        start, kind, rest = key.partition(".lora_A." if ".lora_A." in key else ".lora_B.")
        if not kind or not rest.endswith(".weight"):
            raise InputError(f"is no adapter of ours: {key}", str(path))
        found[f"{start}{kind}weight"] = value
    return found


def save_merged(backbone: Backbone, adapter: str, folder: Path) -> None:
    """The model with the adapter in its weights, and its tokenizer: `from_pretrained(folder)` loads both."""
    with backbone.merged(adapter) as model:
        weights = {
            key.replace(".base_layer", ""): value.detach().cpu()
            for key, value in model.state_dict().items()
            if ".lora_" not in key
        }
        model.save_pretrained(str(folder), state_dict=weights)
    backbone.tokenizer.save_pretrained(str(folder))
