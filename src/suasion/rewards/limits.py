"""How much may be asked of an endpoint in a minute: requests and tokens."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from threading import Lock

MINUTE = 60.0


class Window:
    """At most `limit` units in any 60 seconds (None: any number), for all threads together."""

    def __init__(self, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.clock = limit, clock
        self._taken = deque[tuple[float, float]]()  # when and how much, oldest first
        self._sum = 0.0
        self._lock = Lock()

    def take(self, amount: float) -> float:
        """0 where there was enough left and it was taken; else the seconds after which to ask again.

        An amount above the whole limit waits for an empty minute, not for ever.
        """
        if self.limit is None:
            return 0.0
        with self._lock:
            now = self.clock()
            while self._taken and self._taken[0][0] <= now - MINUTE:
                self._sum -= self._taken.popleft()[1]
            left = self.limit - self._sum
            if amount <= left or not self._taken:
                self._add(now, amount)
                return 0.0
            until = now
            for when, freed in self._taken:
                until, left = when + MINUTE, left + freed
                if amount <= left:
                    break
            return max(1e-3, until - now)

    def correct(self, amount: float) -> None:
        """Count more (or, below 0, less) than was taken: what a call cost is known when it is answered."""
        if self.limit is not None and amount:
            with self._lock:
                self._add(self.clock(), amount)

    def _add(self, now: float, amount: float) -> None:
        self._taken.append((now, amount))
        self._sum += amount


class Limits:
    """Both windows of one endpoint; they last from batch to batch."""

    def __init__(self, requests: int | None, tokens: int | None) -> None:
        self.requests, self.tokens = Window(requests), Window(tokens)

    async def admit(self, tokens: float) -> None:
        """Wait until one more request of about so many tokens may be sent."""
        for window, amount in ((self.tokens, tokens), (self.requests, 1.0)):
            while wait := window.take(amount):
                await asyncio.sleep(wait)
