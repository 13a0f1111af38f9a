"""Attention for a processor: heads that share keys are multiplied together, nothing is copied for them.

The eager attention of transformers repeats keys and values for every query head and widens the weights to
float32 and back; on a processor those copies cost more than the products. This one gives the same numbers.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

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
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """query: (B, G x K, T, D), key and value: (B, K, S, D), mask: added to the scores, (B, 1, T, S).

    Returns (B, T, G x K, D) and the weights (B, K, G x T, S). Raises NotImplementedError for attention sinks.
    """
    if s_aux is not None:
        raise NotImplementedError("attention sinks")
    batch, heads, length, size = query.shape
    shared = key.shape[1]
    rows = query.reshape(batch, shared, heads // shared * length, size)
    scores = torch.matmul(rows, key.transpose(2, 3)) * (size**-0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if attention_mask is not None:
        each = scores.view(batch, shared, heads // shared, length, -1)
        scores = (each + attention_mask[:, :, None]).view(scores.shape)
    weights = nn.functional.dropout(scores.softmax(-1), dropout, module.training)
    mixed = torch.matmul(weights, value).view(batch, heads, length, size)
    return mixed.transpose(1, 2).contiguous(), weights


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, eager_mask)
