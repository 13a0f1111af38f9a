"""Templates to pages. Whatever they are given is escaped; nothing on a page comes from elsewhere."""

import hashlib
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

PREFIX = "/pages"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "cross-origin-opener-policy": "same-origin"}
KINDS = {
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "review.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@cache
def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("suasion.serving.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"clock": clock, "number": number, "words": words}
    made.globals |= {"static": static}
    return made


def render(template: str, **values: object) -> str:
    return environment().get_template(template).render(**values)


def clock(stamped: str) -> str:
    """A stored time to the minute, in UTC."""
    return datetime.fromisoformat(stamped).strftime("%Y-%m-%d %H:%M")


def number(value: float | None, digits: int = 1) -> str:
    """With its sign; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:+.{digits}f}".replace("-", "−") if round(value, digits) else "0"


def words(name: str | None) -> str:
    """A name of ours as it is read: handed_over, handed over."""
    return (name or "–").replace("_", " ")


@cache
def _file(name: str) -> bytes:
    return (files("suasion.serving.pages") / "static" / name).read_bytes()


def static(name: str) -> str:
    """The address of a file of ours; it changes with its content."""
    return f"{PREFIX}/static/{name}?v={hashlib.sha256(_file(name)).hexdigest()[:12]}"


def static_file(name: str) -> Response | None:
    if name not in KINDS:
        return None
    lasting = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(_file(name), media_type=KINDS[name], headers=lasting)
