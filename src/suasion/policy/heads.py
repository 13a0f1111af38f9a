"""A role that reads one number off the backbone: an adapter on its top layers and a linear head."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from suasion.errors import InputError
from suasion.policy.model import Backbone
from suasion.policy.trees import Tree, batches


class ScalarRole:
    """Adapter `name` and its head, trained, saved and loaded together. The head starts at zero."""

    def __init__(self, backbone: Backbone, name: str) -> None:
        self.backbone, self.name = backbone, name
        backbone.add_adapter(name, backbone.config.role_layers)
        self.head = nn.Linear(backbone.hidden_size, 1).to(backbone.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def parameters(self) -> list[nn.Parameter]:
        return [*self.backbone.adapter(self.name).values(), *self.head.parameters()]

    def read(self, hidden: Tensor) -> Tensor:
        """(..., H) -> (...)."""
        value: Tensor = self.head(hidden.float()).squeeze(-1)
        return value

    @torch.no_grad()
    def read_ends(self, trees: Sequence[Tree], budget: int) -> list[list[float]]:
        """The number at the last token of each segment but the root, tree by tree."""
        results: list[list[float]] = [[] for _ in trees]
        with self.backbone.role(self.name):
            for indices, batch in batches(trees, budget):
                values = self.read(self.backbone.encode(batch))
                for row, index in enumerate(indices):
                    results[index] = [float(values[row, span.stop - 1]) for span in batch.spans[row][1:]]
        return results

    def state(self) -> dict[str, Tensor]:
        tensors = {key: value.detach().cpu() for key, value in self.backbone.adapter(self.name).items()}
        return tensors | {
            f"head.{key}": value.detach().cpu() for key, value in self.head.state_dict().items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        head = {key.removeprefix("head."): value for key, value in tensors.items() if key.startswith("head.")}
        self.head.load_state_dict(head)
        copy_adapter(self.backbone, self.name, tensors)


def copy_adapter(backbone: Backbone, name: str, tensors: dict[str, Tensor]) -> None:
    """Put saved tensors into the adapter of that name. Raises InputError where one does not fit."""
    for key, parameter in backbone.adapter(name).items():
        if key not in tensors or tensors[key].shape != parameter.shape:
            raise InputError(f"the saved adapter does not fit: {key} is missing or has another shape")
        parameter.data.copy_(tensors[key])


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Ten hexadecimal digits that change whenever a tensor does."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:10]


def save_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write safetensors beside `path`, then move them there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    save_file({key: value.contiguous() for key, value in tensors.items()}, part)
    part.replace(path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Raises InputError when the file is missing or broken."""
    try:
        return dict(load_file(path))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
