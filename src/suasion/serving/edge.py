"""The edge: every request passes here first. Ids, limits, headers, log line and metrics; plain ASGI."""

import asyncio
import itertools
import json
import re
import time
import uuid
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suasion.serving import body
from suasion.serving.logs import LOG, conversation_id, request_id
from suasion.serving.metrics import Metrics

PAGES = "/pages/"  # below it people's forms are taken, and nothing else
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODY_SECONDS = 30.0  # in which a body has to arrive
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}
_PROCESS, _NUMBERS = uuid.uuid4().hex[:12], itertools.count(1)  # together a request's id
_CONVERSATION = re.compile(r"/(?:v1|pages)/conversations/([\w-]{1,80})")


class _RefusedError(Exception):
    def __init__(self, fault: body.Fault) -> None:
        self.fault = fault


class Edge:
    """`hosts`: names by which the service may be asked for; None for any.

    On loopback without keys they keep web pages out: those come under another name, or without JSON.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, hosts: frozenset[str] | None) -> None:
        self.app, self.metrics, self.hosts = app, metrics, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        mine, began, status = f"{_PROCESS}-{next(_NUMBERS)}", time.perf_counter(), 0
        request_id.set(mine)
        found = _CONVERSATION.match(scope["path"])
        conversation_id.set(found.group(1) if found else None)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, mine)
            await send(message)

        try:
            headers = {
                key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]
            }
            self._check(scope, headers)
            given = None
            if scope["method"] in ("POST", "PUT", "PATCH"):
                given = await _read(receive, headers, FORM if scope["path"].startswith(PAGES) else JSON)
            await self.app(scope, _replay(given, receive), answer)
        except _RefusedError as refused:
            await _refuse(refused.fault, answer)
        except Exception:  # noqa: BLE001 - the outermost boundary: logged, and told without its words
            LOG.exception("failed")
            if not status:
                await _refuse(body.Fault(500, f"internal error; request {mine}"), answer)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - began
            self.metrics.asked(route, _method(scope), status, seconds)
            if route not in ("/healthz", "/readyz", "/metrics"):
                fields = {"method": _method(scope), "route": route, "status": status}
                fields |= {"ms": round(1000 * seconds, 1), "caller": scope.get("suasion_caller")}
                LOG.info("request", extra={"fields": fields})

    def _check(self, scope: Scope, headers: Mapping[str, str]) -> None:
        if self.hosts is not None and _name(headers.get("host", "")) not in self.hosts:
            raise _RefusedError(body.Fault(421, "not a name of this service"))


def _name(host: str) -> str:
    """The host without its port."""
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    return scope["method"] if scope["method"] in known else "OTHER"


async def _read(receive: Receive, headers: Mapping[str, str], kind: str) -> bytes:
    """The whole body, checked; a form is looked at where it is read."""
    if headers.get("content-length", "").isdigit() and int(headers["content-length"][:18]) > body.MAX_BYTES:
        raise _RefusedError(_too_large())
    if headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise _RefusedError(body.Fault(415, f"expected Content-Type: {kind}"))
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _RefusedError(body.Fault(400, "the body broke off"))
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > body.MAX_BYTES:
                    raise _RefusedError(_too_large())
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise _RefusedError(body.Fault(408, f"the body took over {BODY_SECONDS:g} seconds")) from None
    raw = b"".join(parts)
    if kind == JSON and (fault := body.fault_of(raw)):
        raise _RefusedError(fault)
    return raw


def _too_large() -> body.Fault:
    return body.Fault(413, f"at most {body.MAX_BYTES // 1024} KiB are taken")


def _replay(raw: bytes | None, receive: Receive) -> Receive:
    """What was read once more, then what comes after it."""
    if raw is None:
        return receive
    left = [raw]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again


def _add_headers(message: Message, mine: str) -> None:
    """Those that the response does not set itself: a page has a policy of its own."""
    own, given = {**HEADERS, "x-request-id": mine}, list(message.get("headers", []))
    there = {key.lower() for key, _ in given}
    more = ((key.encode(), value.encode()) for key, value in own.items())
    message["headers"] = [*given, *(one for one in more if one[0] not in there)]


async def _refuse(fault: body.Fault, send: Send) -> None:
    content = {"error": fault.message} | ({"field": fault.field} if fault.field else {})
    raw = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
    if fault.status in (408, 413, 415):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})
