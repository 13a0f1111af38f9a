"""The web application: routes, edge, and what starts and stops with it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp

from suasion.serving import completions, conversations, desk, operations, review_routes, trial_routes
from suasion.serving.context import Context, tell_errors
from suasion.serving.edge import PAGES, Edge
from suasion.serving.pages.app import create_pages
from suasion.serving.pages.workshop import Workshop

ABOUT = """Conversations with an agent behind a guard. Write what the counterpart wrote; send what comes back.
Every error is `{"error": ..., "field": ...}`. A request that takes an
`Idempotency-Key` is done once under it, however often it is sent."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    context: Context,
    hosts: frozenset[str] | None = LOOPBACK,
    beside: Lifespan | None = None,
    workshop: Workshop | None = None,
) -> ASGIApp:
    """The application; closing it closes agent and store. `beside` runs while it does.

    `workshop`: what the pages work with. Raises InputError for a secret of the pages that is too short.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        try:
            if beside is None:
                yield
            else:
                async with beside(app):
                    yield
        finally:
            context.service.roster.close()
            context.service.store.close()

    app = FastAPI(
        title="Suasion",
        version=version("suasion"),
        description=ABOUT,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=life,
    )
    app.state.context = context
    tell_errors(app)
    for part in (conversations, completions, desk, trial_routes, review_routes, operations):
        app.include_router(part.routes)
    app.add_api_route("/", _front, include_in_schema=False)
    app.mount(PAGES.rstrip("/"), create_pages(context, workshop or Workshop()))
    return Edge(app, context.metrics, hosts)


async def _front() -> RedirectResponse:
    """For whoever types the name of the host alone."""
    return RedirectResponse(PAGES)
