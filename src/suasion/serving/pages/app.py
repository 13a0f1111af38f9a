"""The pages as an application of their own below /pages: errors are pages too, without a stack trace."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from suasion.errors import InputError
from suasion.serving.asked import RefusedError
from suasion.serving.batching import BusyError
from suasion.serving.context import Context, lacks
from suasion.serving.logs import LOG, request_id
from suasion.serving.pages import (
    conversations,
    experiments,
    incidents,
    negotiate,
    patches,
    review,
    signing_in,
)
from suasion.serving.pages.backtests import Backtests
from suasion.serving.pages.rendering import HEADERS, render, static_file
from suasion.serving.pages.sessions import signer_of
from suasion.serving.pages.visit import SignInError, Visit, sign_in_path
from suasion.serving.pages.workshop import Workshop

PARTS = (signing_in, negotiate, conversations, experiments, review, incidents, patches)


def create_pages(context: Context, workshop: Workshop) -> FastAPI:
    """Raises InputError for a secret of the environment that is too short."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context, app.state.workshop = context, workshop
    app.state.backtests = Backtests(workshop.patches)
    app.state.signer = signer_of(context.service.store)
    for part in PARTS:
        app.include_router(part.routes)
    app.add_api_route("/static/{name}", _static, methods=["GET"])
    _tell_errors(app)
    return app


async def _static(name: str) -> Response:
    found = static_file(name)
    if found is None:
        raise HTTPException(404, "there is no such page")
    return found


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(SignInError)
    async def signed_out(request: Request, error: SignInError) -> Response:
        return RedirectResponse(sign_in_path(request), 303)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        detail = "there is no such page" if error.status_code == 404 else str(error.detail)
        return _problem(request, error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return _problem(
            request, error.status, f"{error.field}: {error.message}" if error.field else error.message
        )

    @app.exception_handler(InputError)
    async def input_error(request: Request, error: InputError) -> Response:
        return _problem(request, 422, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _problem(request, 422, f"{first['loc'][-1]}: {first['msg']}")

    @app.exception_handler(ModuleNotFoundError)
    async def lacking(request: Request, error: ModuleNotFoundError) -> Response:
        return _problem(request, 503, lacks(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        return _problem(request, 503, f"{error}; try again")

    @app.exception_handler(DBAPIError)
    async def database(request: Request, error: DBAPIError) -> Response:
        LOG.error("store failed", exc_info=error)
        return _problem(request, 503, "the store does not answer; try again")

    @app.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> Response:
        return _problem(request, 500, f"internal error; request {request_id.get()}")  # the edge logs it


def _problem(request: Request, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is not None:
        response = visit.page("error.html.j2", status, code=status, message=message)
        response.headers.update(headers or {})
        return response
    return HTMLResponse(
        render(
            "error.html.j2", code=status, message=message, visit=None, items=(), path="", token="", note=None
        ),
        status,
        {**HEADERS, **(headers or {})},
    )
