"""Who asks what, and how it is answered: once for each idempotency key."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from suasion.serving.records import Answer

KEY_CHARACTERS = 200  # of an idempotency key, at most


@dataclass(slots=True)
class RefusedError(Exception):
    """A request that can't be served; becomes an answer with that status."""

    status: int
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, under which idempotency key, and what (as a hash: a key answers one request only)."""

    caller: str
    key: str | None = None
    fingerprint: str = ""
    key_id: str | None = None

    @classmethod
    def of(cls, caller: str, key: str | None, path: str, body: Any, key_id: str | None = None) -> "Asked":
        written = json.dumps([path, body], sort_keys=True, default=str)
        return cls(caller, key, hashlib.sha256(written.encode("utf-8", "replace")).hexdigest(), key_id)

    def answer(self, status: int, body: dict[str, Any]) -> Answer | None:
        return Answer(self.caller, self.key, self.fingerprint, status, body) if self.key else None

    def again(self, found: Answer) -> "Answered":
        """What was answered before under the key. Raises RefusedError (422) if it was another request."""
        if found.fingerprint != self.fingerprint:
            raise RefusedError(422, "this key was used for another request", "Idempotency-Key")
        return Answered(found.status, found.body, replayed=True)


@dataclass(frozen=True, slots=True)
class Answered:
    """`replayed`: it was answered before, and nothing was done now."""

    status: int
    body: dict[str, Any]
    replayed: bool = False
