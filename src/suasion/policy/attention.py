"""Attention for a processor: heads that share keys are multiplied together, nothing is copied for them.

The eager attention of transformers repeats keys and values for every query head and widens the weights to
float32 and back; on a processor those copies cost more than the products. This one gives the same numbers.
Where no gradient is wanted torch's own kernel is faster still; with one it is mostly slower.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import eager_mask

from suasion.policy.cache import Prefixes

GROUPED = "grouped"


def grouped_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    prefixes: Prefixes | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor | None]:
    """query: (B, G x K, T, D), key and value: (B, K, S, D), mask: added to the scores, (B, 1, T, S).

    All of it comes after what `prefixes` hold, where there are some, of P tokens. Returns (B, T, G x K, D)
    and the weights (B, K, G x T, P + S), or none of them. Raises NotImplementedError for attention sinks.
    """
    if s_aux is not None:
        raise NotImplementedError("attention sinks")
    dropped = module.training and dropout > 0
    if not torch.is_grad_enabled() and prefixes is None and softcap is None and not dropped:
        read = nn.functional.scaled_dot_product_attention(
            query, key, value, attention_mask, scale=scaling, enable_gqa=True
        )
        return read.transpose(1, 2).contiguous(), None
    batch, heads, length, size = query.shape
    shared = key.shape[1]
    rows = query.reshape(batch, shared, heads // shared * length, size)
    rows = rows * (size**-0.5 if scaling is None else scaling)
    scores = _capped(torch.matmul(rows, key.transpose(2, 3)), softcap)
    if attention_mask is not None:
        each = scores.view(batch, shared, heads // shared, length, -1)
        each += attention_mask[:, :, None]
    layer = int(getattr(module, "layer_idx", 0))
    if prefixes is not None:
        before = _capped(prefixes.scores(layer, rows), softcap) + prefixes.closed()
        scores = torch.cat([before, scores], dim=-1)
    weights = nn.functional.dropout(scores.softmax(-1), dropout, module.training)
    mixed = torch.matmul(weights[..., -key.shape[2] :], value)
    if prefixes is not None:
        mixed = mixed + prefixes.mixed(layer, weights[..., : -key.shape[2]])
    return mixed.view(batch, heads, length, size).transpose(1, 2).contiguous(), weights


def _capped(scores: Tensor, softcap: float | None) -> Tensor:
    return torch.tanh(scores / softcap) * softcap if softcap is not None else scores


@contextmanager
def attending_by_groups(model: PreTrainedModel) -> Iterator[None]:
    """Within it the model attends as above, whatever it attends by otherwise."""
    config = model.config.get_text_config()
    before, config._attn_implementation = config._attn_implementation, GROUPED
    try:
        yield
    finally:
        config._attn_implementation = before


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, eager_mask)
