"""A role that reads numbers off the backbone: an adapter on its top layers and a linear head."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from suasion.errors import InputError
from suasion.files import beside
from suasion.policy.model import Backbone
from suasion.policy.trees import Tree, TreeBatch, batches

MOST_KNOWN = 4096  # replies whose states are kept
REPLY = 5  # states of size H by which a whole reply is read: see `reply_states`


class Reader:
    """Adapter `name` and its head, trained, saved and loaded together. The head starts at zero.

    width: how many hidden states the head takes in at once, 1 (a token) or REPLY.
    adapter: without one it reads the frozen model, and one pass serves all such roles.
    """

    def __init__(
        self, backbone: Backbone, name: str, width: int = 1, outputs: int = 1, adapter: bool = True
    ) -> None:
        self.backbone, self.name = backbone, name
        self.role = name if adapter else None
        if adapter:
            backbone.add_adapter(name, backbone.config.role_layers)
        self.head = nn.Linear(width * backbone.hidden_size, outputs).to(backbone.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def parameters(self) -> list[nn.Parameter]:
        return [*self._adapter().values(), *self.head.parameters()]

    def _adapter(self) -> dict[str, nn.Parameter]:
        return self.backbone.adapter(self.name) if self.role else {}

    def read(self, states: Tensor) -> Tensor:
        """(..., width x H) -> (..., outputs)."""
        values: Tensor = self.head(states.float())
        return values

    def states(self, trees: Sequence[Tree], budget: int) -> list[Tensor]:
        """What the head reads of the branches of each tree: (branches, REPLY x H)."""
        if self.role is not None:
            return self._encode(trees, budget)
        known = self.backbone.known_replies
        new = [tree for tree in trees if not all(path in known for path in paths(tree))]
        if len(new) == len(trees) or len(known) > MOST_KNOWN:
            known.clear()
            new = list(trees)
        for tree, states in zip(new, self._encode(new, budget), strict=True):
            known |= zip(paths(tree), states, strict=True)
        return [torch.stack([known[path] for path in paths(tree)]) for tree in trees]

    @torch.no_grad()
    def _encode(self, trees: Sequence[Tree], budget: int) -> list[Tensor]:
        results = [torch.empty(0)] * len(trees)
        with self.backbone.role(self.role):
            for indices, batch in batches(trees, budget):
                for index, part in zip(indices, _split(self.backbone.encode(batch), batch), strict=True):
                    results[index] = part
        return results

    @torch.no_grad()
    def read_replies(self, trees: Sequence[Tree], budget: int) -> list[Tensor]:
        """The head's numbers for the branches of each tree: (branches, outputs)."""
        return [self.read(states) for states in self.states(trees, budget)]

    def state(self) -> dict[str, Tensor]:
        tensors = {key: value.detach().cpu() for key, value in self._adapter().items()}
        return tensors | {
            f"head.{key}": value.detach().cpu() for key, value in self.head.state_dict().items()
        }

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Raises InputError where the tensors are not of this role."""
        head = {key.removeprefix("head."): value for key, value in tensors.items() if key.startswith("head.")}
        try:
            self.head.load_state_dict(head)
        except RuntimeError as error:
            raise InputError(f"the saved head does not fit: {str(error).splitlines()[-1].strip()}") from None
        if self.role:
            copy_adapter(self.backbone, self.role, tensors)


def remember(backbone: Backbone, trees: Sequence[Tree], hidden: Tensor, batch: TreeBatch) -> None:
    """Keep what the frozen model made of these replies, so that roles without an adapter need no pass."""
    for tree, states in zip(trees, _split(hidden, batch), strict=True):
        backbone.known_replies |= zip(paths(tree), states, strict=True)


def has_adapter(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the saved state of a role has more than a head."""
    return any(not key.startswith("head.") for key in tensors)


def paths(tree: Tree) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The prompt and the reply of each branch."""
    root, *branches = tree
    return [(root.tokens, branch.tokens) for branch in branches]


def _split(hidden: Tensor, batch: TreeBatch) -> Sequence[Tensor]:
    """`reply_states`, tree by tree."""
    parts: tuple[Tensor, ...] = reply_states(hidden, batch).split([len(spans) - 1 for spans in batch.spans])
    return parts


def reply_states(hidden: Tensor, batch: TreeBatch) -> Tensor:
    """Hidden states (B, T, H) -> for each branch what its whole reply is read by: (N, REPLY x H).

    Its last state tells what it comes to, its mean keeps what a token in the middle gave away, the root's
    last lets a head take off what the context is worth by itself, and the products of the first two with
    it let a linear head ask whether this reply suits this context.
    """
    found = []
    for row, (root, *spans) in enumerate(batch.spans):
        for span in spans:
            own = hidden[row, span.start : span.stop]
            end, mean, context = (
                state.float() for state in (own[-1], own.mean(0), hidden[row, root.stop - 1])
            )
            found.append(torch.cat([end, mean, context, end * context, mean * context]))
    return torch.stack(found)


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
    with beside(path) as part:
        save_file({key: value.contiguous() for key, value in tensors.items()}, part)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Raises InputError when the file is missing or broken."""
    try:
        return dict(load_file(path))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
