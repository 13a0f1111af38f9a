"""Keys and values of what was read so far, with room for what will be written."""

from collections.abc import Sequence
from typing import Any, cast

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

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
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


def joined(parts: Sequence[Cache], copies: int, spare: int) -> Cache:
    """One roomy cache of all rows of the parts, each `copies` times over; the parts are empty afterwards.

    What is shorter stands at the right, as in a batch that is padded on its left.
    """
    whole = roomy_cache(len(parts[0].layers), spare)
    for layer, *from_parts in zip(whole.layers, *(part.layers for part in parts), strict=True):
        keys, values = zip(*(cast(RoomyLayer, one).hand_over() for one in from_parts), strict=True)
        layer.update(_stacked(keys, copies), _stacked(values, copies))
    return whole


def _stacked(parts: Sequence[Tensor], copies: int) -> Tensor:
    """(B, K, S, D) of several B and S -> (copies x sum of B, K, greatest S, D)."""
    _, heads, _, size = parts[0].shape
    longest = max(part.shape[2] for part in parts)
    rows = sum(len(part) for part in parts)
    found, start = parts[0].new_zeros(rows, heads, longest, size), 0
    for part in parts:
        found[start : start + len(part), :, longest - part.shape[2] :] = part
        start += len(part)
    return found.repeat_interleave(copies, 0) if copies > 1 else found
