"""What runs beside the requests: writing first, ending experiments, and telling the webhook."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from suasion.serving.context import Context
from suasion.serving.hours import Reach
from suasion.serving.outbound import Outbound
from suasion.serving.stop_rule import StopRules
from suasion.serving.webhook import Target, Webhook


def alongside(
    context: Context, reach: Reach, target: Target | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Starts with the application and stops before its store is closed."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        runs = [Outbound(context.service, reach).run(), StopRules(context.service, context.results).run()]
        if target is not None:
            runs.append(Webhook(context.service.store, target, context.metrics).run())
        tasks = [asyncio.create_task(run) for run in runs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return life
