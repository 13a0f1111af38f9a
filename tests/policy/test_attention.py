"""Grouped attention is transformers' eager attention, copies aside: values and gradients."""

import pytest
import torch
from torch import Tensor, nn
from transformers.models.gemma2.modeling_gemma2 import eager_attention_forward

from suasion.policy.attention import grouped_attention


def inputs(groups: int, length: int, known: int) -> tuple[list[Tensor], Tensor]:
    drawn = torch.Generator().manual_seed(5)
    shapes = ((2, 2 * groups, length, 8), (2, 2, known, 8), (2, 2, known, 8))
    found = [torch.randn(shape, generator=drawn).requires_grad_() for shape in shapes]
    closed = torch.rand(2, 1, length, known, generator=drawn) < 0.3
    closed[..., 0] = False
    return found, torch.zeros(closed.shape).masked_fill(closed, torch.finfo(torch.float32).min)


@pytest.mark.parametrize(("groups", "length", "known"), [(1, 5, 5), (3, 5, 5), (3, 1, 7)])
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_it_is_the_eager_one(groups: int, length: int, known: int, softcap: float | None) -> None:
    module = nn.Module().eval()
    module.num_key_value_groups = groups
    results = []
    for attend in (eager_attention_forward, grouped_attention):
        states, mask = inputs(groups, length, known)
        out, _ = attend(module, *states, mask, scaling=0.3, softcap=softcap)
        out.square().sum().backward()
        results.append((out, *(state.grad for state in states)))
    for one, other in zip(*results, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(("groups", "length", "known"), [(1, 5, 5), (3, 5, 5), (3, 1, 7)])
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_it_is_the_eager_one_where_no_gradient_is_wanted(
    groups: int, length: int, known: int, softcap: float | None
) -> None:
    module = nn.Module().eval()
    module.num_key_value_groups = groups
    states, mask = inputs(groups, length, known)
    with torch.no_grad():
        (one, _), (other, weights) = (
            attend(module, *states, mask, scaling=0.3, softcap=softcap)
            for attend in (eager_attention_forward, grouped_attention)
        )
    assert torch.allclose(one, other, atol=1e-5)
    assert (weights is None) == (softcap is None), "torch's own kernel does it, where it can"


def test_sinks_are_refused() -> None:
    states, mask = inputs(1, 5, 5)
    with pytest.raises(NotImplementedError):
        grouped_attention(nn.Module(), *states, mask, s_aux=torch.zeros(2))
