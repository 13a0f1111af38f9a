"""Telling another system what happened: signed, at least once, again and again until it is taken."""

import asyncio
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from suasion.errors import InputError
from suasion.serving import schema
from suasion.serving.logs import LOG
from suasion.serving.metrics import Metrics
from suasion.serving.records import stamp
from suasion.serving.store import Store

SECRET = "SUASION_WEBHOOK_SECRET"
TIMEOUT, AT_ONCE = 10.0, 32
FIRST_WAIT, LONGEST_WAIT, ATTEMPTS = 10.0, 6 * 3600.0, 16  # seconds; about two days in all
SIGNATURE = "Suasion-Signature"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, and the secret that both sides know."""

    url: str
    secret: str

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InputError("expected an address that starts with http", field="--webhook")
        if len(self.secret) < 16:
            raise InputError(
                f"set ${SECRET} to at least 16 characters: the events are signed with it", field="--webhook"
            )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is signed for one address is not carried to another."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


def sign(secret: str, at: int, body: bytes) -> str:
    """The signature's header: HMAC-SHA256 over `time.body`. Refuse what is minutes old, or does not match."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Webhook:
    """Sends what the store has queued; each failure waits twice as long as the one before."""

    def __init__(
        self,
        store: Store,
        target: Target,
        metrics: Metrics,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_seconds: float = 1.0,
    ) -> None:
        self._store, self._target, self._metrics, self._clock = store, target, metrics, clock
        self._every = every_seconds
        self._opener = urllib.request.build_opener(_NoRedirect())
        # its own threads: an address that hangs keeps nobody from reading the store
        self._threads = ThreadPoolExecutor(8, "suasion-webhook")

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            sent = 0
            try:
                sent = await self.round()
            except Exception:  # noqa: BLE001 - logged; what is queued stays queued
                LOG.exception("webhook round failed")
            if sent < AT_ONCE:
                await asyncio.sleep(self._every)

    async def round(self) -> int:
        """Try what is due; how many were tried."""
        due = await asyncio.to_thread(self._due)
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, self._deliver, row) for row in due))
        return len(due)

    def _due(self) -> list[Row[Any]]:
        queued, events = schema.deliveries, schema.events
        query = select(events, queued.c.attempts).join(queued, queued.c.event_id == events.c.id)
        query = query.where(queued.c.next_at <= stamp(self._clock())).order_by(events.c.id).limit(AT_ONCE)
        with self._store.engine.connect() as connection:
            return list(connection.execute(query))

    def _deliver(self, row: Row[Any]) -> None:
        content = {"id": row.id, "at": row.at, "kind": row.kind, "data": row.data}
        content["conversation_id"] = row.conversation_id
        fault = self._post(row.id, json.dumps(content, ensure_ascii=False).encode())
        now, tried = self._clock(), row.attempts + 1
        values: dict[str, Any] = {"attempts": tried, "error": fault, "next_at": None}
        if fault is None:
            values["delivered_at"] = stamp(now)
        elif tried < ATTEMPTS:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tried - 1))
            values["next_at"] = stamp(now + timedelta(seconds=wait))
        self._metrics.webhook.labels("delivered" if fault is None else "failed").inc()
        if fault is not None:
            fields = {"event_id": row.id, "attempts": tried, "fault": fault, "given_up": tried >= ATTEMPTS}
            LOG.warning("webhook not taken", extra={"fields": fields})
        here = schema.deliveries.c.event_id == row.id
        self._store.writer.run(
            lambda connection: connection.execute(update(schema.deliveries).where(here).values(values))
        )

    def _post(self, number: int, body: bytes) -> str | None:
        """What went wrong, without what was sent; None where it was taken."""
        headers = {
            "Content-Type": "application/json",
            "Suasion-Event": str(number),
            SIGNATURE: sign(self._target.secret, int(time.time()), body),
        }
        request = urllib.request.Request(  # noqa: S310 - http or https: Target has looked
            self._target.url, body, headers, method="POST"
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return None if 200 <= answer.status < 300 else f"status {answer.status}"
        except urllib.error.HTTPError as error:
            return f"status {error.code}"
        except (OSError, ValueError) as error:
            return type(error).__name__
