"""A prompt computed once for everything that continues it.

A tree is a list of token segments, each hanging under a parent: a prompt with its replies, a
context with a chosen and a rejected reply, a reply with the criteria that a judge is asked about.
A token attends to its own path up to the root only, and counts its position along that path, so
every path gives the numbers that it would give alone (tests/policy/test_trees.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Segment:
    """Some tokens and the index of the segment that they continue; None for the root."""

    tokens: tuple[int, ...]
    parent: int | None = None


Tree = tuple[Segment, ...]


def branch(prompt: Sequence[int], branches: Sequence[Sequence[int]]) -> Tree:
    """A prompt and what follows it, each branch without knowledge of the others."""
    return (Segment(tuple(prompt)), *(Segment(tuple(tokens), 0) for tokens in branches))


@dataclass(frozen=True, slots=True)
class TreeBatch:
    """Trees laid out in rows, padded on the right.

    input_ids, position_ids, predecessor: (B, T), the last being the column whose state predicts the
    token (the parent's last token at a segment's start; 0 for the root's first token and padding).
    mask: (B, 1, T, T), True where a token may look.
    spans: for each tree the columns of each of its segments.
    """

    input_ids: Tensor
    position_ids: Tensor
    predecessor: Tensor
    mask: Tensor
    spans: tuple[tuple[range, ...], ...]


def lay_out(trees: Sequence[Tree], pad: int = 0) -> TreeBatch:
    """Put trees into one padded batch."""
    width = max(sum(len(segment.tokens) for segment in tree) for tree in trees)
    shape = (len(trees), width)
    ids = torch.full(shape, pad)
    positions, predecessor = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    mask = torch.zeros(len(trees), 1, width, width, dtype=torch.bool)
    mask[:, 0].diagonal(dim1=1, dim2=2).fill_(True)  # padding sees itself: a row of nothing gives NaN
    spans = []
    for row, tree in enumerate(trees):
        places: list[range] = []
        for segment in tree:
            start = places[-1].stop if places else 0
            here = range(start, start + len(segment.tokens))
            depth, before = 0, 0
            if segment.parent is not None:
                parent = places[segment.parent]
                before = parent.stop - 1
                depth = int(positions[row, before]) + 1
                mask[row, 0, start : here.stop] |= mask[row, 0, before] & (torch.arange(width) <= before)
            size = len(here)
            ids[row, start : here.stop] = torch.tensor(segment.tokens)
            positions[row, start : here.stop] = torch.arange(depth, depth + size)
            predecessor[row, start : here.stop] = torch.tensor([before, *range(start, here.stop - 1)][:size])
            mask[row, 0, start : here.stop, start : here.stop] = torch.ones(
                size, size, dtype=torch.bool
            ).tril()
            places.append(here)
        spans.append(tuple(places))
    return TreeBatch(ids, positions, predecessor, mask, tuple(spans))


def batches(trees: Sequence[Tree], budget: int) -> Iterator[tuple[list[int], TreeBatch]]:
    """Indices and layouts of batches of at most about `budget` padded tokens, similar lengths together."""
    sizes = [sum(len(segment.tokens) for segment in tree) for tree in trees]
    group: list[int] = []
    for index in sorted(range(len(trees)), key=lambda i: (-sizes[i], i)):
        if group and sizes[group[0]] * (len(group) + 1) > budget:
            yield group, lay_out([trees[i] for i in group])
            group = []
        group.append(index)
    if group:
        yield group, lay_out([trees[i] for i in group])


Encode = Callable[[TreeBatch], Tensor]  # -> hidden states (B, T, H)
