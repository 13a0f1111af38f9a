"""Parts of a decoder with gradients written by hand: a training step passes over memory less often.

On a processor half of a step's time is arithmetic, half the reading and writing of what lies between the
products. These give the numbers of transformers' and PEFT's modules (tests/policy/test_lean.py), and take the
place only of those that do so on random input.
"""

from typing import Any, cast

import torch
from peft import LoraConfig
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn.functional import linear, silu
from transformers import PreTrainedModel

EPSILONS = ("variance_epsilon", "eps")  # RMSNorm's, as transformers' models name it


def make_lean(model: PreTrainedModel) -> int:
    """Replace each part of a frozen model that one of ours equals; returns how many were."""
    count = 0
    for parent in list(model.modules()):
        for name, part in list(parent.named_children()):
            ours = _norm(part) or _gated(part)
            if ours is not None:
                setattr(parent, name, ours)
                count += 1
    return count


def lean_lora(config: LoraConfig) -> LoraConfig:
    """The same adapter, its linear layers with our gradients."""
    config._register_custom_module({nn.Linear: LeanLora})
    return config


class LeanNorm(nn.Module):
    """x / sqrt(mean of x^2 + eps) * weight, over the last dimension."""

    def __init__(self, weight: nn.Parameter, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = weight, epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        return _apply(_Norm, hidden, self.weight, self.epsilon)


class LeanGate(nn.Module):
    """down(silu(gate(x)) * up(x))."""

    def __init__(self, gate: nn.Module, up: nn.Module, down: nn.Module) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = gate, up, down

    def forward(self, hidden: Tensor) -> Tensor:
        return cast(Tensor, self.down_proj(_apply(_Gate, self.gate_proj(hidden), self.up_proj(hidden))))


class LeanLora(LoraLinear):
    """PEFT's LoRA of a linear layer; what is not plain LoRA with one adapter is left to PEFT."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        name = str(self.active_adapters[0]) if len(self.active_adapters) == 1 else ""
        plain = name in self.lora_A and name not in self.lora_variant and not args and not kwargs
        if not plain or self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)
        if not isinstance(self.lora_dropout[name], nn.Identity):
            return super().forward(x)
        base = self.get_base_layer()
        down, up = self.lora_A[name].weight, self.lora_B[name].weight
        return _apply(_Lora, x, base.weight, base.bias, down, up, self.scaling[name])


def _apply(function: type[Function], *given: object) -> Tensor:
    return cast(Tensor, function.apply(*given))


class _Norm(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, hidden: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        wide = hidden.float()
        square = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        scale = square.div_(hidden.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(hidden, weight, scale)
        found: Tensor = (wide * scale).to(hidden.dtype) * weight
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, found: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, scale = ctx.saved_tensors
        wide = hidden.float()
        back = found.float() * weight.float()
        along = (back * wide).sum(-1, keepdim=True).mul_(scale.square()).div_(hidden.shape[-1])
        return back.addcmul_(wide, along, value=-1).mul_(scale).to(hidden.dtype), None, None


class _Gate(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return silu(gate).mul_(up)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, found: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        return torch.ops.aten.silu_backward(found * up, gate), silu(gate).mul_(found)


class _Lora(Function):
    """x W' + b + scale (x A') B', of which only x, A and B have gradients."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, down: Tensor, up: Tensor, scale: float
    ) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            rows, down, up = (
                x.reshape(-1, x.shape[-1]).to(weight.dtype),
                down.to(weight.dtype),
                up.to(weight.dtype),
            )
            low = rows @ down.t()
            found: Tensor = linear(rows, weight, bias).addmm_(low, up.t(), alpha=scale)
        ctx.save_for_backward(rows, weight, down, up, low)
        ctx.scale, ctx.shape, ctx.dtype = scale, x.shape, x.dtype
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, found: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, down, up, low = ctx.saved_tensors
        found = found.reshape(-1, found.shape[-1])
        back = (found @ up).mul_(ctx.scale)
        of_down, of_up = (back.t() @ rows).float(), (found.t() @ low).float().mul_(ctx.scale)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (found @ weight).addmm_(back, down).view(ctx.shape).to(ctx.dtype)
        return of_x, None, None, of_down, of_up, None


def _norm(part: nn.Module) -> nn.Module | None:
    weight = getattr(part, "weight", None)
    epsilon = next((getattr(part, name) for name in EPSILONS if hasattr(part, name)), None)
    if not type(part).__name__.endswith("RMSNorm") or weight is None or epsilon is None:
        return None
    ours = LeanNorm(weight, float(epsilon))
    return ours if _same(part, ours, len(weight), weight) else None


def _gated(part: nn.Module) -> nn.Module | None:
    gate, up, down = (getattr(part, name, None) for name in ("gate_proj", "up_proj", "down_proj"))
    between, points = getattr(part, "act_fn", None), torch.linspace(-4, 4, 41)
    if not (isinstance(gate, nn.Linear) and isinstance(up, nn.Linear) and isinstance(down, nn.Linear)):
        return None
    if between is None or not torch.allclose(between(points), silu(points)):
        return None
    ours = LeanGate(gate, up, down)
    return ours if _same(part, ours, gate.in_features, gate.weight) else None


@torch.no_grad()
def _same(theirs: nn.Module, ours: nn.Module, size: int, like: Tensor) -> bool:
    """Whether both make the same of random input, but for what rounding does."""
    drawn = torch.Generator().manual_seed(0)
    given = (3 * torch.randn(4, size, generator=drawn)).to(like)
    expected, found = theirs(given), ours(given)
    close = 1e-4 if like.dtype == torch.float32 else 1e-2
    return found.dtype == expected.dtype and bool((found - expected).norm() <= close * expected.norm())
