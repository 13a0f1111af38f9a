"""A line that says how far a stage is and how long it still takes."""

import sys
import time
from types import TracebackType
from typing import Self


class Progress:
    """`with Progress("SFT") as p: p.at(3, 40)`: a live line on a terminal, a few lines elsewhere."""

    def __init__(self, name: str, shown: bool = True) -> None:
        self.name, self.shown = name, shown
        self.start = time.monotonic()
        self.live = shown and sys.stderr.isatty()

    def at(self, done: int, total: int, note: str = "") -> None:
        if not self.shown:
            return
        spent = time.monotonic() - self.start
        left = spent / max(done, 1) * (total - done)
        line = f"{self.name:<18} {done:>4}/{total}  {spent:5.0f} s, about {left:4.0f} s left  {note}"
        if self.live:
            sys.stderr.write(f"\r{line:<100}")
        elif done == total or done % max(1, total // 8) == 0:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            sys.stderr.write("\n")
