"""Keys and values of what was read so far, with room for what will be written."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):
    """A layer of the cache that copies a new token alone; transformers' own copies everything each time."""

    def __init__(self, spare: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spare = spare
        self.room: tuple[Tensor, Tensor] | None = None  # keys and values, longer than what is known

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Take in (B, K, T, D) each; returns all that is known, (B, K, S, D)."""
        known = self.get_seq_length()
        length = known + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self.room is None or self.room[0].shape[-2] < length:
            self.room = self._make_room(key_states, self.keys), self._make_room(value_states, self.values)
        keys, values = self.room
        keys[:, :, known:length], values[:, :, known:length] = key_states, value_states
        self.keys, self.values = keys[:, :, :length], values[:, :, :length]
        return self.keys, self.values

    def _make_room(self, new: Tensor, known: Tensor | None) -> Tensor:
        batch, heads, length, size = new.shape
        before = known.shape[-2] if known is not None and known.numel() else 0
        room = new.new_empty(batch, heads, before + length + self.spare, size)
        if before and known is not None:
            room[:, :, :before] = known
        return room

    def batch_select_indices(self, indices: Tensor) -> None:
        super().batch_select_indices(indices)
        self.room = None

    def hand_over(self) -> tuple[Tensor, Tensor]:
        """Keys and values, (B, K, S, D) each; the layer forgets them. Only where it has taken some in."""
        if self.keys is None or self.values is None:
            raise ValueError("there is nothing to hand over: no token was read")
        known = self.keys, self.values
        self.keys = self.values = self.room = None
        self.is_initialized = False
        return known


def roomy_cache(layers: int, spare: int) -> Cache:
    """A cache of `layers` layers that makes room for `spare` tokens at a time."""
    return Cache(layers=[RoomyLayer(spare) for _ in range(layers)])


class Prefixes:
    """Keys and values of prompts, held once for all replies to each: what a token reads is what costs time.

    Rows are replies, `copies` to each of the P prompts in order; those that ended may have left. What is
    shorter than the longest prompt, of S tokens, stands at the right, as in a batch padded on its left.
    """

    def __init__(self, parts: Sequence[Cache], lengths: Sequence[int], copies: int) -> None:
        """`lengths` of the prompts; `parts` are caches that took them in, some each, and are empty after."""
        self.copies = copies
        self.keys: list[Tensor] = []  # a layer: (P, K, D, S), as they are multiplied
        self.values: list[Tensor] = []  # a layer: (P, K, S, D)
        for layer in zip(*(part.layers for part in parts), strict=True):
            keys, values = zip(*(cast(RoomyLayer, one).hand_over() for one in layer), strict=True)
            self.keys.append(_stacked(keys).transpose(2, 3).contiguous())
            self.values.append(_stacked(values))
        first = self.values[0]
        longest, ends = first.shape[2], torch.tensor(lengths, device=first.device)
        padding = torch.arange(longest, device=first.device) < longest - ends[:, None]
        self.mask = torch.zeros(padding.shape, dtype=first.dtype, device=first.device)
        self.mask = self.mask.masked_fill(padding, torch.finfo(first.dtype).min)[
            :, None, None
        ]  # (P, 1, 1, S)
        self.rows = torch.arange(len(lengths) * copies, device=first.device)  # present, of P x copies

    def scores(self, layer: int, queries: Tensor) -> Tensor:
        """(R, K, Q, D) of the rows present -> their products with the prompts' keys, (R, K, Q, S)."""
        return self._by_row(self._by_prompt(queries) @ self.keys[layer])

    def closed(self) -> Tensor:
        """What is added to scores, so that nobody looks at padding: (R, 1, 1, S)."""
        return self.mask[self.rows // self.copies]

    def mixed(self, layer: int, weights: Tensor) -> Tensor:
        """(R, K, Q, S) -> the prompts' values by these weights, (R, K, Q, D)."""
        return self._by_row(self._by_prompt(weights) @ self.values[layer])

    def keep(self, places: Tensor, crowded: float) -> None:
        """Of the rows present only those at `places` (n,) stay.

        Prompts that nobody answers any more leave once fewer than the share `crowded` is left: it copies.
        """
        self.rows = self.rows[places]
        prompts = (self.rows // self.copies).unique()
        if len(prompts) >= crowded * len(self.mask):
            return
        self.rows = (
            torch.searchsorted(prompts, self.rows // self.copies) * self.copies + self.rows % self.copies
        )
        self.mask = self.mask[prompts]
        for layer, (keys, values) in enumerate(zip(self.keys, self.values, strict=True)):
            self.keys[layer], self.values[layer] = keys[prompts], values[prompts]

    def _by_prompt(self, given: Tensor) -> Tensor:
        """(R, K, Q, F) -> (P, K, copies x Q, F), with nothing where a row has left."""
        _, heads, queries, size = given.shape
        prompts, whole = len(self.mask), given
        if len(given) < prompts * self.copies:
            whole = given.new_zeros(prompts * self.copies, heads, queries, size)
            whole[self.rows] = given
        each = whole.view(prompts, self.copies, heads, queries, size).transpose(1, 2)
        return each.reshape(prompts, heads, self.copies * queries, size)

    def _by_row(self, given: Tensor) -> Tensor:
        """The way back."""
        prompts, heads, queries, size = given.shape
        each = given.view(prompts, heads, self.copies, queries // self.copies, size).transpose(1, 2)
        rows = each.reshape(prompts * self.copies, heads, queries // self.copies, size)
        return rows if len(self.rows) == len(rows) else rows[self.rows]


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    """(B, K, S, D) of several B and S -> (sum of B, K, greatest S, D)."""
    _, heads, _, size = parts[0].shape
    longest = max(part.shape[2] for part in parts)
    found, start = parts[0].new_zeros(sum(map(len, parts)), heads, longest, size), 0
    for part in parts:
        found[start : start + len(part), :, longest - part.shape[2] :] = part
        start += len(part)
    return found
