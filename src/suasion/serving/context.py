"""What the routes share: the service, who asks, and how errors are told."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from suasion.serving.access import ADMINS, AGENTS, LOCAL, OPERATORS, REVIEWERS, Caller, Gate, RateLimit, Scope
from suasion.serving.asked import KEY_CHARACTERS, Answered, RefusedError
from suasion.serving.batching import BusyError
from suasion.serving.contracts import Problem
from suasion.serving.logs import LOG, request_id
from suasion.serving.metrics import Metrics
from suasion.serving.results import Results
from suasion.serving.service import Service
from suasion.yaml_files import describe

RETRY_SECONDS = 2
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        400: "not JSON in UTF-8",
        401: "no key, or one that does not work",
        403: "the key's scope does not allow it",
        404: "there is none",
        409: "can't be done as things stand",
        413: "too large",
        415: "not application/json",
        421: "not a name of this service",
        422: "understood, and refused: `field` says where",
        429: "too many requests: see Retry-After",
        503: "busy or stopping: try again",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Context:
    """`needs_keys`: nobody is served without one."""

    service: Service
    gate: Gate
    limit: RateLimit
    metrics: Metrics
    needs_keys: bool
    results: Results


async def context(request: Request) -> Context:  # not in a thread: requests would overtake each other
    found: Context = request.app.state.context
    return found


Here = Annotated[Context, Depends(context)]
ConversationId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,40}$", examples=["c-0123456789abcdef"])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_CHARACTERS,
        pattern=r"^[\x21-\x7e]+$",
        description="send the same again after a failure: it is done once, and answered alike",
    ),
]
_bearer = HTTPBearer(auto_error=False, description="`suasion key create` makes one")


def _caller(scopes: frozenset[Scope]) -> Callable[..., Awaitable[Caller]]:
    async def check(
        request: Request, here: Here, token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:
        found = here.gate.caller(token.credentials) if token else None
        if found is None and (here.needs_keys or token is not None):
            raise HTTPException(401, "no key, or one that does not work", {"WWW-Authenticate": "Bearer"})
        caller = found or Caller(LOCAL, Scope.ADMIN)
        request.scope["suasion_caller"] = caller.id
        if wait := here.limit.wait(caller.id):
            raise HTTPException(429, "too many requests", {"Retry-After": str(math.ceil(wait))})
        if caller.scope not in scopes:
            raise HTTPException(403, f"a key of scope {caller.scope.value} does not allow this")
        return caller

    return check


ForAgents = Annotated[Caller, Depends(_caller(AGENTS))]
ForReviewers = Annotated[Caller, Depends(_caller(REVIEWERS))]
ForOperators = Annotated[Caller, Depends(_caller(OPERATORS))]
ForAdmins = Annotated[Caller, Depends(_caller(ADMINS))]


def told(answered: Answered, response: Response) -> dict[str, Any]:
    """The body, its status set; a replay says so."""
    response.status_code = answered.status
    if answered.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return answered.body


def tell_errors(app: FastAPI) -> None:
    """Every error is a `Problem`; none holds what was sent, or where in the code it came from."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = dict(error.errors()[0])
        extra = next((one for one in error.errors() if one["type"] == "extra_forbidden"), first)
        loc = [str(part) for part in extra["loc"] if part not in ("body", "query", "path", "header")]
        message = describe({**extra, "input": None}).removesuffix(" (found None)")
        return _problem(422, message, ".".join(loc)[:300] or None)

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_SECONDS)} if error.status == 503 else None
        return _problem(error.status, error.message[:300], error.field and error.field[:300], headers)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail), None, dict(error.headers or {}))

    @app.exception_handler(ModuleNotFoundError)
    async def lacking(request: Request, error: ModuleNotFoundError) -> JSONResponse:
        return _problem(503, lacks(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> JSONResponse:
        return _problem(503, f"{error}; try again", None, {"Retry-After": str(RETRY_SECONDS)})

    @app.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> JSONResponse:
        return _problem(500, f"internal error; request {request_id.get()}")  # the edge logs it

    @app.exception_handler(DBAPIError)
    async def database(request: Request, error: DBAPIError) -> JSONResponse:
        LOG.error("store failed", exc_info=error)
        return _problem(
            503, "the store does not answer; try again", None, {"Retry-After": str(RETRY_SECONDS)}
        )


def lacks(error: ModuleNotFoundError) -> str:
    """What to install: statistics are of another extra than the service."""
    LOG.error("a package is missing", exc_info=error)
    return f"this needs {error.name}: the operator has to install 'suasion[serve,train]'"


def _problem(
    status: int, message: str, field: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    content = Problem(error=message, field=field).model_dump(exclude_none=True)
    return JSONResponse(content, status, headers)
