"""The one thread that writes to the store: jobs that wait together are committed together."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from suasion.serving.database import WRITES
from suasion.serving.groups import groups

T = TypeVar("T")
GROUP = 128  # jobs in one transaction


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: "Future[Any]"


class Writer:
    """Runs jobs in order. A job's future is done when its transaction is committed, never before.

    A job that fails takes nothing of the others with it: then the group is done again, one by one.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(**WRITES)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="suasion-writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._closed

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """Raises RuntimeError after `close`."""
        job: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise RuntimeError("the store is closed")
            self._jobs.put(_Job(work, job))
        return job

    def run(self, work: Callable[[Connection], T]) -> T:
        """The same, waiting for it."""
        return self.submit(work).result()

    def close(self) -> None:
        """Commit what was handed in, then stop."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        for jobs in groups(self._jobs, GROUP):
            self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        """All in one transaction; where a job fails, each of them in its own."""
        try:
            with self._engine.begin() as connection:
                results = [job.work(connection) for job in jobs]
        except Exception as error:  # noqa: BLE001 - told to whoever waits; nothing of it is in the store
            if len(jobs) == 1:
                jobs[0].done.set_exception(error)
            else:
                for job in jobs:
                    self._commit([job])
            return
        for job, result in zip(jobs, results, strict=True):
            job.done.set_result(result)
