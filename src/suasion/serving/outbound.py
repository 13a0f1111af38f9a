"""Writing first: conversations from a list of briefs, and reminders when the SOP's time is up."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from suasion.errors import InputError, json_fault
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import parse_dialogue
from suasion.negotiation.pack import Pack
from suasion.serving import schema
from suasion.serving.asked import Answered, Asked, RefusedError
from suasion.serving.batching import BusyError
from suasion.serving.contracts import NewConversation, Queued
from suasion.serving.hours import Reach
from suasion.serving.logs import LOG, conversation_id
from suasion.serving.once import once
from suasion.serving.records import Status, contact_key, contact_of, moment, stamp
from suasion.serving.service import Service
from suasion.serving.store import Store, is_opted_out

CALLER, FROM_FILES = "outbound", "outbound file"
AT_ONCE = 64  # briefs or reminders of one round


def read_briefs(path: Path, pack: Pack) -> list[Brief]:
    """A file of briefs, one JSON a line. Raises InputError naming the first line and field that is wrong."""
    briefs = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.dumps({"id": f"line-{number}", "brief": json.loads(line)})
        except (ValueError, RecursionError) as error:
            raise InputError(json_fault(error), str(path), number) from None
        briefs.append(parse_dialogue(record, str(path), number, pack.check_brief).brief)
    return briefs


def enqueue(store: Store, pack: Pack, briefs: list[Brief], now: datetime, asked: Asked) -> Answered:
    """Put briefs into the line, all or none, and once under a key: the answer is a `Queued`.

    A running service begins them as its `Reach` allows. Raises RefusedError (422) where the key was used for
    others.
    """
    at = stamp(now)

    def row(brief: Brief) -> dict[str, Any]:
        contact = contact_of(brief, pack)
        content = brief.model_dump(mode="json", exclude_none=True)
        about = {"at": at, "contact": contact, "contact_key": contact_key(contact), "brief": content}
        return about | {"status": "waiting", "next_at": at, "key_id": asked.key_id}

    def add(connection: Connection) -> dict[str, Any]:
        rows = [one for one in map(row, briefs) if not is_opted_out(connection, one["contact_key"])]
        if rows:
            connection.execute(insert(schema.waiting), rows)
        return Queued(queued=len(rows), refused=len(briefs) - len(rows)).model_dump()

    return once(store, asked, 202, now, add)


def of_a_file(briefs: list[Brief], pack: Pack, key: str | None = None) -> Asked:
    """The request that a file of briefs is: under that key, else under one that its content makes."""
    content = [brief.model_dump(mode="json", exclude_none=True) for brief in briefs]
    asked = Asked.of(FROM_FILES, key, f"outbound/{pack.id}", content)
    return replace(asked, key=key or asked.fingerprint)


class Outbound:
    """One round after the other, in a running service."""

    def __init__(self, service: Service, reach: Reach, every_seconds: float = 5.0) -> None:
        self.service, self.reach, self.every_seconds = service, reach, every_seconds

    async def run(self) -> None:
        """Until cancelled. A round that fails is logged, and the next one tries again."""
        while True:
            try:
                await self.round()
            except Exception:  # noqa: BLE001 - logged; what was due stays due
                LOG.exception("outbound round failed")
            await asyncio.sleep(self.every_seconds)

    async def round(self) -> int:
        """Begin what may begin and remind who is to be reminded; how many were written to."""
        now = self.service.clock()
        if self.reach.quiet is not None and self.reach.quiet.holds(now):
            return 0
        return await self._begin(now) + await self._remind(now)

    async def _begin(self, now: datetime) -> int:
        begun = 0
        for row in await asyncio.to_thread(self._waiting, stamp(now)):
            if not await asyncio.to_thread(self._may_begin, row.contact_key, now):
                later = {"next_at": stamp(now + self.reach.look_again)}  # others are not kept waiting
                await asyncio.to_thread(self._set, row.id, later)
                continue
            try:
                new = NewConversation(brief=Brief.model_validate(row.brief), follow_up=True)
                # the key makes it happen once, though the process may die before the line is marked
                asked = Asked.of(CALLER, f"waiting-{row.id}", "outbound", row.id, row.key_id)
                await self.service.begin(new, asked, waiting_id=row.id)
                begun += 1
            except BusyError:
                break
            except RefusedError as error:
                await asyncio.to_thread(self._set, row.id, {"status": "refused", "reason": error.message})
        return begun

    async def _remind(self, now: datetime) -> int:
        reminded = 0
        for row in await asyncio.to_thread(self._due, stamp(now)):
            conversation_id.set(row.conversation_id)
            minutes = max(0.1, (now - moment(row.at)).total_seconds() / 60)
            asked = Asked.of(CALLER, f"due-{row.conversation_id}-{row.turns}", "silence", row.turns)
            try:
                answered = await self.service.hear(
                    row.conversation_id, asked, None, round(minutes, 1), unasked_after=row.turns
                )
            except BusyError:
                break
            reminded += answered.body["text"] is not None
        return reminded

    def _waiting(self, at: str) -> list[Row[Any]]:
        table = schema.waiting
        query = select(table).where(table.c.status == "waiting", table.c.next_at <= at)
        query = query.order_by(table.c.next_at, table.c.id).limit(AT_ONCE)
        with self.service.store.engine.connect() as connection:
            return list(connection.execute(query))

    def _due(self, at: str) -> list[Row[Any]]:
        table = schema.standings
        query = select(table.c.conversation_id, table.c.at, table.c.turns)
        query = query.where(table.c.status == Status.OPEN.value, table.c.due_at <= at)
        with self.service.store.engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.due_at).limit(AT_ONCE)))

    def _may_begin(self, key: str, now: datetime) -> bool:
        talks, standings = schema.conversations, schema.standings
        since = stamp(now - self.reach.within)
        with self.service.store.engine.connect() as connection:
            not_over = select(func.count()).where(
                standings.c.contact_key == key, standings.c.status != Status.ENDED.value
            )
            begun = select(func.count()).where(talks.c.contact_key == key, talks.c.at > since)
            return (
                connection.execute(not_over).scalar_one() < self.reach.open_at_once
                and connection.execute(begun).scalar_one() < self.reach.begun
            )

    def _set(self, number: int, values: dict[str, str]) -> None:
        here = schema.waiting.c.id == number
        self.service.store.writer.run(
            lambda connection: connection.execute(update(schema.waiting).where(here).values(values))
        )
