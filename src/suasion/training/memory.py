"""Micro-batches that halve when memory runs out."""

import gc
import sys
from collections.abc import Callable
from typing import TypeVar

import torch

from suasion.errors import InputError
from suasion.policy.processor import release_memory

T = TypeVar("T")
LEAST = 64  # tokens; below it a single reply's pass is what does not fit


class Budget:
    """Padded tokens of a micro-batch: as configured, and half of it each time that memory ran out."""

    def __init__(self, tokens: int) -> None:
        self.asked = self.tokens = tokens

    def scaled(self, count: int) -> int:
        """As much less of something else, at least 1."""
        return max(1, count * self.tokens // self.asked)

    def within(self, work: Callable[[int], T], undo: Callable[[], None] = lambda: None) -> T:
        """Do the work with as many tokens as fit; `undo` what it left halfway, before it is tried again.

        Raises InputError where not even the smallest micro-batch fits.
        """
        while True:
            try:
                return work(self.tokens)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
            undo()
            if self.tokens // 2 < LEAST:
                raise InputError(
                    f"out of memory, even with {self.tokens} tokens in a pass: shorten "
                    "model.max_context_tokens or generation.max_new_tokens, or take a smaller model",
                    field="batch_tokens",
                )
            self.tokens //= 2
            sys.stderr.write(f"\nout of memory: micro-batches halve, to {self.tokens} tokens\n")
            gc.collect()
            release_memory()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """On a GPU torch has an error of its own for it; on a processor a RuntimeError by its words."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)
