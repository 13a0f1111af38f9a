"""Who may do what: API keys with a scope, kept as hashes, and how often each may ask."""

import base64
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from suasion.serving import schema
from suasion.serving.records import stamp
from suasion.serving.store import Store, add_audit

PREFIX = "suasion"
REMEMBERED = 10.0  # seconds for which a key is not looked up again: a revoked one works as long
LOCAL = "local"  # the caller of a service on loopback that has no keys


class Scope(StrEnum):
    AGENT = "agent"  # holds conversations
    RATER = "rater"  # judges dialogues, on the pages
    OPERATOR = "operator"  # and starts, searches, takes over, exports
    ADMIN = "admin"  # and reads the audit log


AGENTS = frozenset((Scope.AGENT, Scope.OPERATOR, Scope.ADMIN))
REVIEWERS = frozenset((Scope.RATER, Scope.OPERATOR, Scope.ADMIN))
OPERATORS = frozenset((Scope.OPERATOR, Scope.ADMIN))
ADMINS = frozenset((Scope.ADMIN,))


@dataclass(frozen=True, slots=True)
class Caller:
    id: str
    scope: Scope

    @property
    def key_id(self) -> str | None:
        return None if self.id == LOCAL else self.id

    @property
    def rates(self) -> bool:
        """Operators see the raters' marks, so that theirs would not be blind. Alone at home one is both."""
        return self.scope == Scope.RATER or self.id == LOCAL


def create_key(store: Store, scope: Scope, label: str = "") -> str:
    """A new key, to be shown once: the store keeps its id and the SHA-256 of its 32 random bytes."""
    secret, key_id = os.urandom(32), secrets.token_hex(6)
    at = stamp(datetime.now(UTC))
    values = {"id": key_id, "hash": _digest(secret), "scope": scope.value, "label": label, "at": at}

    def add(connection: Connection) -> None:
        connection.execute(insert(schema.keys).values(values))
        add_audit(connection, at, "key created", None, detail=f"{key_id} {scope}")

    store.writer.run(add)
    return f"{PREFIX}_{key_id}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def revoke_key(store: Store, key_id: str) -> bool:
    """Whether there was such a key that worked."""
    at = stamp(datetime.now(UTC))

    def revoke(connection: Connection) -> bool:
        here = (schema.keys.c.id == key_id) & schema.keys.c.revoked_at.is_(None)
        found = connection.execute(update(schema.keys).where(here).values(revoked_at=at)).rowcount
        if found:
            add_audit(connection, at, "key revoked", None, detail=key_id)
        return bool(found)

    return store.writer.run(revoke)


def list_keys(store: Store) -> list[str]:
    """A line for each key: id, scope, when it was made, whether it works, label."""
    table = schema.keys
    with store.engine.connect() as connection:
        rows = connection.execute(select(table).order_by(table.c.at)).all()
    lines = []
    for row in rows:
        state = "revoked" if row.revoked_at else "works"
        lines.append(f"{row.id}  {row.scope:<8}  {row.at[:10]}  {state:<7}  {row.label}".rstrip())
    return lines


def label_of(store: Store, key_id: str) -> str:
    """Whose key it is, its id where nobody said so."""
    with store.engine.connect() as connection:
        query = select(schema.keys.c.label).where(schema.keys.c.id == key_id)
        return connection.execute(query).scalar() or key_id


def has_keys(store: Store) -> bool:
    """Whether any key of the store works."""
    with store.engine.connect() as connection:
        query = select(schema.keys.c.id).where(schema.keys.c.revoked_at.is_(None)).limit(1)
        return connection.execute(query).first() is not None


class Gate:
    """Checks keys against the store, remembering each for a few seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._seen: dict[str, tuple[float, bytes | None, Scope]] = {}

    def caller(self, token: str) -> Caller | None:
        """Whose key it is, or None for one that does not work."""
        prefix, _, rest = token.partition("_")
        key_id, _, text = rest.partition("_")
        secret = _decode(text)
        if prefix != PREFIX or secret is None or not key_id.isalnum() or len(key_id) > 40:
            return None
        known, scope = self._look_up(key_id)
        # compared even where there is no such key, so that the time tells nothing
        fits = hmac.compare_digest(_digest(secret), known or bytes(32))
        return Caller(key_id, scope) if fits and known is not None else None

    def scope_of(self, key_id: str) -> Scope | None:
        """What a key opens, None for one that does not work (any more)."""
        known, scope = self._look_up(key_id)
        return None if known is None else scope

    def _look_up(self, key_id: str) -> tuple[bytes | None, Scope]:
        now = self._clock()
        until, known, scope = self._seen.get(key_id, (0.0, None, Scope.RATER))
        if now < until:
            return known, scope
        with self._store.engine.connect() as connection:
            table = schema.keys
            query = select(table.c.hash, table.c.scope).where(
                table.c.id == key_id, table.c.revoked_at.is_(None)
            )
            row = connection.execute(query).first()
        known, scope = (bytes(row.hash), Scope(row.scope)) if row else (None, Scope.RATER)
        if len(self._seen) > 10_000:  # made-up ids must not fill the memory
            self._seen.clear()
        self._seen[key_id] = (now + REMEMBERED, known, scope)
        return known, scope


class RateLimit:
    """A bucket of requests per caller that refills evenly; a rate of 0 limits nothing."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = per_second, max(1.0, 2 * per_second), clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, caller: str) -> float:
        """Seconds until the caller may ask again; 0 where it may now, and one request is counted."""
        if self._rate <= 0:
            return 0.0
        now = self._clock()
        left, since = self._buckets.get(caller, (self._size, now))
        left = min(self._size, left + (now - since) * self._rate)
        if left < 1:
            self._buckets[caller] = (left, now)
            return (1 - left) / self._rate
        if len(self._buckets) > 10_000:
            self._buckets.clear()
        self._buckets[caller] = (left - 1, now)
        return 0.0


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _decode(text: str) -> bytes | None:
    """The 32 bytes of a key, or None for what is none."""
    if len(text) != 43:
        return None
    try:
        return base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except ValueError:
        return None
