"""Routes for those who run the service: is it alive, is it ready, what does it count."""

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from suasion.serving.context import ERRORS, ForOperators, Here
from suasion.serving.records import Status

routes = APIRouter(tags=["operations"])


@routes.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@routes.get("/readyz", responses={503: ERRORS[503]})
async def ready(here: Here, response: Response) -> dict[str, str]:
    """Store and agent answer; 503 while they don't, or the service is stopping."""
    is_ready = here.service.roster.alive and await asyncio.to_thread(_store_is_ready, here)
    response.status_code = 200 if is_ready else 503
    return {"status": "ready"} if is_ready else {"error": "not ready"}


def _store_is_ready(here: Here) -> bool:
    try:
        return here.service.store.ready
    except Exception:  # noqa: BLE001 - whatever the store says, it is not ready
        return False


@routes.get(
    "/metrics", response_class=PlainTextResponse, responses={key: ERRORS[key] for key in (401, 403, 429)}
)
async def metrics(here: Here, caller: ForOperators) -> Response:
    """Prometheus text format."""
    here.metrics.waiting.set(await asyncio.to_thread(here.service.store.count, Status.HANDED_OVER))
    return Response(here.metrics.text(), media_type=CONTENT_TYPE_LATEST)
