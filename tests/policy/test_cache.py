"""A cache with room knows what transformers' own knows, whatever comes, leaves or is repeated."""

import torch
from transformers.cache_utils import DynamicLayer

from suasion.policy.cache import RoomyLayer


def test_it_knows_what_the_dynamic_layer_knows() -> None:
    drawn = torch.Generator().manual_seed(0)
    ours, theirs = RoomyLayer(spare=3), DynamicLayer()
    for length, then in ((5, "repeat"), (1, None), (1, None), (1, "select"), (1, None), (4, None), (1, None)):
        rows = theirs.keys.shape[0] if theirs.is_initialized else 2
        keys, values = (torch.randn(rows, 2, length, 4, generator=drawn) for _ in range(2))
        for one, other in zip(ours.update(keys, values), theirs.update(keys, values), strict=True):
            assert torch.equal(one, other)
        for layer in (ours, theirs):
            if then == "repeat":
                layer.batch_repeat_interleave(2)
            elif then == "select":
                layer.batch_select_indices(torch.tensor([3, 0]))
        assert ours.get_seq_length() == theirs.get_seq_length()
