"""SIGTERM as a request: what changes nothing is abandoned at once, what changes something is finished."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from suasion.errors import InputError

EXIT_CODE = 128 + signal.SIGTERM  # as a shell says it


class StoppedError(InputError):
    """Somebody asked the process to end; what was done is saved, and the message says how to go on."""


class Stopped(BaseException):
    """The way out of work that is abandoned, past all that keeps errors as data; says what was done."""


class Stop:
    """Whether this process was asked to end; until `listen` it never is."""

    def __init__(self) -> None:
        self.asked = False
        self._held = False

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Within it SIGTERM raises Stopped, or waits where it is held. In a thread nothing changes."""
        if threading.current_thread() is not threading.main_thread():
            yield  # no handler can be set there
            return
        before = signal.signal(signal.SIGTERM, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            self.asked = False

    @contextmanager
    def held(self, hold: bool = True) -> Iterator[None]:
        """Within it a request waits; with `hold` false it no longer does, and one that came is heard."""
        outside, self._held = self._held, hold
        try:
            if self.asked and not hold:
                raise Stopped
            yield
        finally:
            self._held = outside

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if not self._held:
            raise Stopped


stop = Stop()  # of the process: a signal has one handler
