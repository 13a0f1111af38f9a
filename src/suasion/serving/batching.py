"""Requests in flight share a batch: one thread speaks for all."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from suasion.agents.guarded import GuardedReply
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.tracker import State
from suasion.serving.groups import groups

Answers = Callable[[Sequence[Dialogue], int, Sequence[State | None]], Sequence[GuardedReply]]


class BusyError(Exception):
    """More requests wait than can be served soon: come back later."""


@dataclass(frozen=True, slots=True)
class _Job:
    dialogue: Dialogue
    state: State | None
    done: "Future[GuardedReply]"


class Batcher:
    """A queue before an agent. What came in while a batch was written is the next batch.

    Args:
        answers: the agent's `answer`; only ever called from the one thread.
        largest: dialogues in a batch.
        linger: seconds for which a first request waits for company; for agents that take far longer.
        waiting: dialogues in the queue beyond which `submit` raises BusyError.
        on_batch: told the size of each batch.
    """

    def __init__(
        self,
        answers: Answers,
        seed: int = 0,
        largest: int = 64,
        waiting: int = 2048,
        linger: float = 0.0,
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._answers, self._seed, self._largest, self._on_batch = answers, seed, largest, on_batch
        self._linger = linger
        self._jobs: queue.Queue[_Job | None] = queue.Queue(waiting)
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="suasion-agent", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._closed

    def submit(self, dialogue: Dialogue, state: State | None = None) -> "Future[GuardedReply]":
        """The guarded reply to come; `state` is where the dialogue stands, if that is known.

        Raises BusyError when too many wait, or after `close`.
        """
        job: Future[GuardedReply] = Future()
        with self._gate:
            if self._closed:
                raise BusyError("stopping")
            try:
                self._jobs.put_nowait(_Job(dialogue, state, job))
            except queue.Full:
                raise BusyError("too many requests wait") from None
        return job

    def close(self) -> None:
        """Answer what waits, then stop."""
        with self._gate:
            closed, self._closed = self._closed, True
        if not closed:
            self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        for jobs in groups(self._jobs, self._largest, self._linger):
            self._on_batch(len(jobs))
            self._answer(jobs)

    def _answer(self, jobs: list[_Job]) -> None:
        try:
            dialogues, states = [job.dialogue for job in jobs], [job.state for job in jobs]
            replies = self._answers(dialogues, self._seed, states)
            for job, reply in zip(jobs, replies, strict=True):
                job.done.set_result(reply)
        except Exception as error:  # noqa: BLE001 - told to whoever waits; the thread goes on
            if len(jobs) > 1:  # one dialogue takes nothing of the others with it
                for job in jobs:
                    if not job.done.done():
                        self._answer([job])
            elif not jobs[0].done.done():
                jobs[0].done.set_exception(error)
