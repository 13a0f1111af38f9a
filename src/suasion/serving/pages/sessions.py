"""Who is signed in: a signed cookie that names a key, and the tokens that its forms carry."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from suasion.errors import InputError
from suasion.serving import schema
from suasion.serving.records import stamp
from suasion.serving.store import Store

SECRET = "SUASION_PAGES_SECRET"  # of the environment, if it is to sign rather than one that the store keeps
SHORTEST = 32
COOKIE = "suasion_session"
HOURS = 12
_NAME = "pages_secret"


@dataclass(frozen=True, slots=True)
class Session:
    """`key_id` None: nobody is signed in. `nonce` makes it one of its own; `began` are seconds since 1970."""

    key_id: str | None
    nonce: str
    began: int

    @classmethod
    def new(cls, now: datetime, key_id: str | None = None) -> "Session":
        return cls(key_id, secrets.token_urlsafe(18), int(now.timestamp()))


class Signer:
    """Signs sessions and the tokens of their forms by HMAC-SHA256; each use has a prefix of its own."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def seal(self, session: Session) -> str:
        """What stands in the cookie."""
        fields = [session.key_id, session.nonce, session.began]
        text = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
        return f"{text}.{self._sign('session', text)}"

    def open(self, cookie: str, now: datetime) -> Session | None:
        """The session of a cookie, None for one that is not ours or too old."""
        text, _, signature = cookie.partition(".")
        expected = self._sign("session", text)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
            return None
        key_id, nonce, began = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        fresh = began <= now.timestamp() + 60 and now.timestamp() < began + HOURS * 3600
        return Session(key_id, nonce, began) if fresh else None

    def token(self, session: Session) -> str:
        """What every form of the session carries."""
        return self._sign("form", session.nonce)

    def fits(self, session: Session, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token(session).encode())

    def _sign(self, use: str, text: str) -> str:
        written = f"{use}:{text}".encode("utf-8", "replace")
        return hmac.new(self._secret, written, hashlib.sha256).hexdigest()


def signer_of(store: Store, environment: Mapping[str, str] = os.environ) -> Signer:
    """By the secret of the environment, else by the store's, made now if it has none.

    Raises InputError for one of the environment that is too short.
    """
    given = environment.get(SECRET)
    if given is None:
        return Signer(_kept(store))
    if len(given) < SHORTEST:
        raise InputError(f"needs {SHORTEST} characters or more, found {len(given)}", field=SECRET)
    return Signer(given)


def _kept(store: Store) -> str:
    table, at = schema.settings, stamp(datetime.now(UTC))

    def make(connection: Connection) -> str:
        query = select(table.c.value).where(table.c.name == _NAME)
        found = connection.execute(query).scalar()
        if found is None:
            found = secrets.token_urlsafe(32)
            connection.execute(insert(table).values(name=_NAME, value=found, at=at))
        return str(found)

    return store.writer.run(make)
