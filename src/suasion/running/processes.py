"""The processes that train together (`accelerate launch`), or the only one; what is sent is plain bytes."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor

T = TypeVar("T")
PATIENCE = timedelta(hours=12)  # the others wait while the first one fits SFT and rewards


@dataclass(frozen=True, slots=True)
class Team:
    """`rank` of this process among `size`. Alone, nothing is sent and everything stays as it is."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a sequence; the parts in order of rank are the sequence."""
        begin, end = (len(items) * number // self.size for number in (self.rank, self.rank + 1))
        return items[begin:end]

    def gather(self, data: bytes) -> list[bytes]:
        """What each process has, in order of rank."""
        if self.size == 1:
            return [data]
        import torch
        from torch import distributed

        device = _device()
        length = torch.tensor([len(data)], device=device)
        lengths = [torch.zeros_like(length) for _ in range(self.size)]
        distributed.all_gather(lengths, length)
        longest = max(int(one) for one in lengths)
        own = torch.zeros(longest, dtype=torch.uint8, device=device)
        own[: len(data)] = torch.frombuffer(bytearray(data or b"\0"), dtype=torch.uint8)[: len(data)]
        found = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(found, own)
        return [one[: int(size)].cpu().numpy().tobytes() for one, size in zip(found, lengths, strict=True)]

    def add_up(self, tensors: Sequence["Tensor"]) -> None:
        """Put the sum over all processes into each tensor."""
        if self.size == 1 or not tensors:
            return
        import torch
        from torch import distributed

        whole = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(whole)
        for tensor, part in zip(tensors, whole.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Whether it is so for one of them."""
        return any(one == b"1" for one in self.gather(b"1" if flag else b"0"))

    @contextmanager
    def in_turn(self) -> Iterator[bool]:
        """The first process works, then the others, who are told that it is done: they use what it wrote."""
        if not self.first:
            self.any(False)
        yield not self.first
        if self.first:
            self.any(False)

    def least(self, number: int) -> int:
        """The smallest of all processes' numbers."""
        return min(int(one) for one in self.gather(str(number).encode()))


ALONE = Team()


@contextmanager
def team() -> Iterator[Team]:
    """Those whom `accelerate launch` or `torchrun` started together; who was started alone is alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    from accelerate import PartialState
    from torch import distributed

    state = PartialState(timeout=PATIENCE)
    try:
        yield Team(state.process_index, state.num_processes)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


def _device() -> "torch.device":
    """Where tensors have to be that are sent."""
    import torch
    from torch import distributed

    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
