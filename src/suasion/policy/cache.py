"""Keys and values of what was read so far, with room for what will be written."""

from typing import Any

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


def roomy_cache(layers: int, spare: int) -> Cache:
    """A cache of `layers` layers that makes room for `spare` tokens at a time."""
    return Cache(layers=[RoomyLayer(spare) for _ in range(layers)])
