"""The one Ray actor that has the rewards: verl's reward workers ask it, Ray starts it anew when it dies."""

import asyncio
import os
from pathlib import Path
from typing import Any

from suasion.integrations.scorer import Payment, scorer_of

AT_ONCE = 1000  # samples that may wait for it; the scorer makes batches of them


class RewardKeeper:
    """Reads the suite once, at its start, on the GPU that it was given or on the processor.

    Raises InputError at the start where the settings or the run that they name are not sound.
    """

    def __init__(self, settings: str) -> None:
        self.scorer = scorer_of(settings)

    async def score(self, record: str, reply: str, file: str, row: int) -> Payment:
        """As `Scorer.submit`, and raises as that does."""
        return await asyncio.wrap_future(self.scorer.submit(record, reply, file, row))

    async def process(self) -> int:
        """Its number in the machine's list."""
        return os.getpid()

    async def version(self) -> str:
        """Of the suite."""
        return self.scorer.suite.version


def start_keeper(name: str, settings: Path, gpus: int) -> Any:
    """The actor's handle; it lives as long as the process that called this."""
    import ray

    # What was asked of an actor that died is asked of its successor; a reading has no side effect.
    return (
        ray.remote(RewardKeeper)
        .options(
            name=name,
            num_cpus=1,
            num_gpus=gpus,
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=AT_ONCE,
        )
        .remote(str(settings))
    )
