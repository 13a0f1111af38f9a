"""A cache with room knows what transformers' own knows, whatever comes or leaves; a prompt is held once."""

import pytest
import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

from suasion.policy.cache import Prefixes, RoomyLayer, roomy_cache


def test_it_knows_what_the_dynamic_layer_knows() -> None:
    drawn = torch.Generator().manual_seed(0)
    ours, theirs = RoomyLayer(spare=3), DynamicLayer()
    for length, then in ((5, None), (1, None), (1, None), (1, "select"), (1, None), (4, None), (1, None)):
        rows = theirs.keys.shape[0] if theirs.is_initialized else 4
        keys, values = (torch.randn(rows, 2, length, 4, generator=drawn) for _ in range(2))
        for one, other in zip(ours.update(keys, values), theirs.update(keys, values), strict=True):
            assert torch.equal(one, other)
        for layer in (ours, theirs):
            if then == "select":
                layer.batch_select_indices(torch.tensor([3, 0]))
        assert ours.get_seq_length() == theirs.get_seq_length()


def known(parts: list[Tensor], copies: int) -> tuple[Prefixes, Tensor, Tensor]:
    """Prompts of several lengths, and keys and values of each as (K, S, D), with nothing for padding."""
    caches = []
    for part in parts:
        caches.append(roomy_cache(1, spare=0))
        caches[-1].update(part, 10 * part, 0)
    lengths = [part.shape[2] for part in parts for _ in part]
    longest = max(lengths)
    rows = [row for part in parts for row in part for _ in range(copies)]
    keys = torch.stack([torch.cat([torch.zeros(2, longest - row.shape[1], 4), row], 1) for row in rows])
    found = Prefixes(caches, lengths, copies)
    assert caches[0].get_seq_length() == 0, "what was handed over is held once"
    return found, keys, 10 * keys


def test_prompts_are_read_by_each_reply_as_if_each_had_its_own() -> None:
    """Whoever leaves: replies first, then prompts that nobody answers any more."""
    drawn = torch.Generator().manual_seed(0)
    parts = [torch.randn(size, generator=drawn) for size in ((2, 2, 3, 4), (1, 2, 5, 4), (1, 2, 4, 4))]
    prefixes, keys, values = known(parts, copies=3)
    rows = torch.arange(12)
    for going, prompts in (([*range(12)], 4), ([0, 2, 3, 4, 5, 6, 9, 11], 4), ([3, 4, 7], 2), ([2], 1)):
        places = torch.tensor(going)
        rows = rows[places]
        prefixes.keep(places, crowded=0.75)
        assert len(prefixes.mask) == prompts
        queries = torch.randn(len(rows), 2, 6, 4, generator=drawn)
        scores = queries @ keys[rows].transpose(2, 3)
        assert torch.allclose(prefixes.scores(0, queries), scores, atol=1e-5)
        weights = (scores + prefixes.closed()).softmax(-1)
        assert (weights[keys[rows, :, None, :, 0].expand_as(weights) == 0] == 0).all(), "nobody sees padding"
        assert torch.allclose(prefixes.mixed(0, weights), weights @ values[rows], atol=1e-4)


def test_what_read_nothing_has_nothing_to_hand_over() -> None:
    with pytest.raises(ValueError, match="nothing to hand over"):
        Prefixes([roomy_cache(1, spare=0)], [1], copies=1)
