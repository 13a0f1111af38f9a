"""One request of a page: who asks, by which session, and how it is answered. Every page begins here."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import quote

from fastapi import Depends
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from suasion.serving.access import ADMINS, AGENTS, LOCAL, OPERATORS, REVIEWERS, Caller, Scope, label_of
from suasion.serving.context import Context
from suasion.serving.pages.forms import Form, read_form
from suasion.serving.pages.navigation import items_for
from suasion.serving.pages.rendering import HEADERS, PREFIX, render
from suasion.serving.pages.sessions import COOKIE, HOURS, Session, Signer
from suasion.serving.pages.workshop import Workshop
from suasion.serving.records import stamp
from suasion.serving.store import add_audit

R = TypeVar("R", bound=Response)
TOKEN = "token"  # the field of every form that says which session made it
# What a page says after something was done; an address names one, never the words.
NOTES = {
    "applied": "Applied. What it guards by now is unchanged until the service is started again.",
    "ended": "Ended: nobody is drawn any more.",
    "drafted": "Drafted from the incident. Read it, mend it, check it.",
    "filed": "Incident filed.",
    "reverted": "Reverted. What it guards by now is unchanged until the service is started again.",
    "saved": "Saved.",
    "sent": "Sent.",
    "settled": "Settled.",
    "stopped": "Stopped: no word of this arm leaves any more.",
}


# What may be wrong with a reply, for those who don't want to write it.
REASONS = (
    "says what is not so",
    "gives away what is internal",
    "names a wrong price",
    "promises what nobody can promise",
    "is rude or presses too hard",
    "does not answer what was said",
)


class SignInError(Exception):
    """Nobody is signed in where somebody has to be."""


@dataclass(frozen=True, slots=True)
class Visit:
    """`caller` None: nobody is signed in. `form` has what was posted, its token checked."""

    request: Request
    here: Context
    workshop: Workshop
    signer: Signer
    session: Session
    caller: Caller | None
    is_new: bool  # the session: its cookie has to be set
    form: Form = field(default_factory=Form)

    @property
    def who(self) -> str:
        """The name under which something is done."""
        if self.caller is None or self.caller.id == LOCAL:
            return LOCAL
        return label_of(self.here.service.store, self.caller.id)

    @property
    def key_id(self) -> str | None:
        return self.caller.key_id if self.caller else None

    def may(self, scopes: frozenset[Scope]) -> bool:
        return self.caller is not None and self.caller.scope in scopes

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """A template with what every page needs, and its own values."""
        path = self.request.scope["path"].removeprefix(PREFIX)
        shared = {
            "visit": self,
            "items": items_for(self.caller.scope) if self.caller else (),
            "path": path,
            "token": self.signer.token(self.session),
            "reasons": REASONS,
            "other": _other(self.here),
            "note": NOTES.get(self.request.query_params.get("note", "")),
        }
        return self.keep(HTMLResponse(render(template, **shared, **values), status, HEADERS))

    def go(self, path: str, note: str | None = None) -> Response:
        """On to another page, as a GET."""
        return self.keep(RedirectResponse(f"{PREFIX}{path}" + (f"?note={note}" if note else ""), 303))

    def keep(self, response: R) -> R:
        """With the session's cookie, if it is new."""
        if self.is_new:
            response.set_cookie(
                COOKIE,
                self.signer.seal(self.session),
                max_age=HOURS * 3600,
                path=PREFIX,
                secure=self.request.url.scheme == "https",
                httponly=True,
                samesite="lax",
            )
        return response

    async def note(self, action: str, conversation_id: str | None = None, detail: str | None = None) -> None:
        """Into the audit log."""
        at = stamp(self.here.service.clock())

        def add(connection: Connection) -> None:
            add_audit(connection, at, action, self.key_id, conversation_id, detail)

        await asyncio.wrap_future(self.here.service.store.writer.submit(add))


def _other(here: Context) -> str:
    """What the pack calls whom it writes to: the first field that every brief has."""
    fields = here.service.pack.manifest.brief
    return next((name for name, one in fields.items() if one.required), "contact")


async def arrive(request: Request) -> Visit:
    """Whoever it is. A form that another site or session made is refused (403)."""
    state = request.app.state
    here: Context = state.context
    signer: Signer = state.signer
    now = datetime.now(UTC)
    found = signer.open(request.cookies.get(COOKIE, ""), now)
    session = found or Session.new(now)
    visit = Visit(request, here, state.workshop, signer, session, _caller(here, session), found is None)
    request.state.visit = visit  # for the page of an error
    return await _posted(visit) if request.method == "POST" else visit


def _caller(here: Context, session: Session) -> Caller | None:
    if session.key_id is None:
        return None if here.needs_keys else Caller(LOCAL, Scope.ADMIN)
    scope = here.gate.scope_of(session.key_id)
    return None if scope is None else Caller(session.key_id, scope)


async def _posted(visit: Visit) -> Visit:
    site = visit.request.headers.get("sec-fetch-site", "same-origin")
    form = await read_form(visit.request)
    if site not in ("same-origin", "none") or not visit.signer.fits(visit.session, form.get(TOKEN)):
        raise HTTPException(403, "this form is not from your session: open the page again and send it anew")
    return replace(visit, form=form)


def _by(scopes: frozenset[Scope]) -> Callable[..., Awaitable[Visit]]:
    async def check(request: Request) -> Visit:
        visit = await arrive(request)
        if visit.caller is None:
            raise SignInError
        request.scope["suasion_caller"] = visit.caller.id
        if wait := visit.here.limit.wait(visit.caller.id):
            raise HTTPException(429, "too many requests", {"Retry-After": str(math.ceil(wait))})
        if visit.caller.scope not in scopes:
            raise HTTPException(403, f"a key of scope {visit.caller.scope.value} does not open this page")
        return visit

    return check


Anybody = Annotated[Visit, Depends(arrive)]
SignedIn = Annotated[Visit, Depends(_by(frozenset(Scope)))]
Agents = Annotated[Visit, Depends(_by(AGENTS))]
Reviewers = Annotated[Visit, Depends(_by(REVIEWERS))]
Operators = Annotated[Visit, Depends(_by(OPERATORS))]
Admins = Annotated[Visit, Depends(_by(ADMINS))]


def sign_in_path(request: Request) -> str:
    """Where to sign in and come back from; what was posted is not sent again."""
    asked = request.scope["path"] + (f"?{request.url.query}" if request.url.query else "")
    return f"{PREFIX}/sign-in" + (f"?next={quote(asked)}" if request.method == "GET" else "")
