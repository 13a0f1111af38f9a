"""What waits in a queue, taken together: one thread answers or commits it as a group."""

import queue
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar


class Waiting(Protocol):
    """A job, and whoever waits for it."""

    @property
    def done(self) -> "Future[Any]": ...


J = TypeVar("J", bound=Waiting)


def groups(
    jobs: "queue.Queue[J | None] | queue.SimpleQueue[J | None]", largest: int, linger: float = 0.0
) -> Iterator[list[J]]:
    """Groups of at most `largest` jobs until a None comes; those that nobody waits for any more are left out.

    linger: seconds that the first of a group waits for others.
    """
    going = True
    while going:
        group = [jobs.get()]
        if linger and group[0] is not None:
            time.sleep(linger)
        while len(group) < largest:
            try:
                group.append(jobs.get_nowait())
            except queue.Empty:
                break
        going = None not in group
        wanted = [job for job in group if job is not None and job.done.set_running_or_notify_cancel()]
        if wanted:
            yield wanted
