"""A cache with room knows what transformers' own knows, whatever comes, leaves or is repeated."""

import pytest
import torch
from transformers.cache_utils import DynamicLayer

from suasion.policy.cache import RoomyLayer, joined, roomy_cache


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


def test_parts_are_joined_at_the_right_each_row_several_times() -> None:
    short, long = roomy_cache(1, spare=0), roomy_cache(1, spare=0)
    short.update(torch.full((2, 1, 1, 1), 1.0), torch.full((2, 1, 1, 1), 2.0), 0)
    long.update(torch.full((1, 1, 3, 1), 3.0), torch.full((1, 1, 3, 1), 4.0), 0)
    whole = joined([short, long], copies=2, spare=5)
    keys, values = whole.layers[0].keys, whole.layers[0].values
    assert keys.squeeze().tolist() == [[0, 0, 1]] * 4 + [[3, 3, 3]] * 2
    assert values.squeeze().tolist() == [[0, 0, 2]] * 4 + [[4, 4, 4]] * 2
    assert whole.get_seq_length() == 3
    assert short.get_seq_length() == 0, "what was handed over is held once"
    with pytest.raises(ValueError, match="nothing to hand over"):
        joined([short], copies=1, spare=5)
