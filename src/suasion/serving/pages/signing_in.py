"""Signing in with an API key, and out."""

import math
from dataclasses import replace
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from suasion.serving.pages.navigation import items_for
from suasion.serving.pages.rendering import PREFIX
from suasion.serving.pages.sessions import Session
from suasion.serving.pages.visit import Anybody, SignedIn

routes = APIRouter()


@routes.get("/")
async def front(visit: SignedIn) -> Response:
    """The first page that the key opens."""
    assert visit.caller is not None
    items = items_for(visit.caller.scope)
    return visit.go(items[0].path) if items else visit.page("nothing.html.j2")


@routes.get("/sign-in")
async def ask(visit: Anybody, next: str = "") -> Response:
    return visit.page("sign_in.html.j2", next=_own(next), wrong=False)


@routes.post("/sign-in")
async def sign_in(visit: Anybody) -> Response:
    """The session of a key that works; its nonce is new, so that nobody else's form fits it."""
    if wait := visit.here.limit.wait("sign-in"):
        raise HTTPException(429, "too many requests", {"Retry-After": str(math.ceil(wait))})
    to, caller = _own(visit.form.get("next")), visit.here.gate.caller(visit.form.get("key"))
    if caller is None:
        return visit.page("sign_in.html.j2", 401, next=to, wrong=True)
    session = Session.new(datetime.now(UTC), caller.id)
    visit = replace(visit, session=session, caller=caller, is_new=True)
    await visit.note("signed in")
    return visit.keep(RedirectResponse(to or f"{PREFIX}/", 303))


@routes.post("/sign-out")
async def sign_out(visit: Anybody) -> Response:
    return replace(visit, session=Session.new(datetime.now(UTC)), is_new=True).go("/sign-in")


def _own(path: str) -> str:
    """An address of these pages, nothing for any other."""
    plain = path.isprintable() and "\\" not in path and "//" not in path
    return path if plain and path.startswith(f"{PREFIX}/") else ""
