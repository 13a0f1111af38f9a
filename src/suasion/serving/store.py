"""The store: what was said, by whom, and where it stands. Reads in any thread, writes through the Writer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from suasion.negotiation.brief import Brief
from suasion.serving import schema
from suasion.serving.database import READS, is_current, open_database
from suasion.serving.enrolling import StaleError, enrol
from suasion.serving.records import (
    TOLD,
    Answer,
    Conversation,
    Enrolment,
    Entry,
    Happening,
    Kind,
    Message,
    Standing,
    Status,
    Talk,
    stamp,
)
from suasion.serving.writer import Writer

_MESSAGE = [schema.messages.c[name] for name in Message.__slots__]


class Store:
    """One database. `tells`: events are queued for a webhook."""

    def __init__(self, url: str, tells: bool = False) -> None:
        """Raises InputError for an address that can't be used."""
        engine = open_database(url)
        self.engine, self.writer = engine.execution_options(**READS), Writer(engine)
        self.tells = tells

    def close(self) -> None:
        """Commit what was handed in, then let go of the database."""
        self.writer.close()
        self.engine.dispose()

    @property
    def ready(self) -> bool:
        return self.writer.alive and is_current(self.engine)

    # --- writing

    def commit(self, entry: Entry) -> "Future[None]":
        """Done when all of the entry is committed.

        Raises sqlalchemy's IntegrityError in the future where another writer was first: with a message of
        that number, or an answer under that key; StaleError where an experiment was changed meanwhile, or
        the contact opted out, for ever, and the entry still writes to it.
        """
        return self.writer.submit(lambda connection: self._add(connection, entry))

    def _add(self, connection: Connection, entry: Entry) -> None:
        one, at = entry.conversation, entry.standing.at
        opted_out = is_opted_out(connection, one.contact_key)
        if opted_out and entry.writes:
            raise StaleError
        if entry.is_new:
            values = asdict(one) | {"brief": one.brief.model_dump(mode="json", exclude_none=True)}
            connection.execute(insert(schema.conversations).values(values))
            if entry.enrolment:
                enrol(connection, one.id, one.contact_key, one.at, entry.enrolment)
        if entry.messages:
            rows = [{"conversation_id": one.id, **asdict(message)} for message in entry.messages]
            connection.execute(insert(schema.messages), rows)
        standing = asdict(entry.standing) | {"contact_key": one.contact_key}
        if entry.is_new:
            connection.execute(insert(schema.standings).values(conversation_id=one.id, **standing))
        else:
            here = schema.standings.c.conversation_id == one.id
            connection.execute(update(schema.standings).where(here).values(standing))
        for happening in entry.happenings:
            self._tell(connection, one.id, at, happening)
        if entry.answer:
            connection.execute(insert(schema.answers).values(at=at, **asdict(entry.answer)))
        if entry.opts_out and not opted_out:
            values = {"contact_key": one.contact_key, "conversation_id": one.id, "at": at}
            connection.execute(insert(schema.opt_outs).values(values))
        if entry.waiting_id is not None:
            here = schema.waiting.c.id == entry.waiting_id
            connection.execute(
                update(schema.waiting).where(here).values(status="started", conversation_id=one.id)
            )
        for action, key_id in entry.audit:
            add_audit(connection, at, action, key_id, one.id)

    def _tell(self, connection: Connection, conversation_id: str | None, at: str, what: Happening) -> None:
        values = {"conversation_id": conversation_id, "at": at, "kind": what.kind, "data": what.data}
        made = connection.execute(insert(schema.events).values(values))
        if self.tells and what.kind in TOLD and made.inserted_primary_key:
            number = made.inserted_primary_key[0]
            connection.execute(insert(schema.deliveries).values(event_id=number, attempts=0, next_at=at))

    def note(self, what: Happening) -> "Future[None]":
        """An event of no conversation."""
        at = stamp(datetime.now(UTC))
        return self.writer.submit(lambda connection: self._tell(connection, None, at, what))

    # --- reading

    def load(self, conversation_id: str) -> Talk | None:
        """A conversation with all its messages, or None where there is none of that id."""
        with self.engine.connect() as connection:
            row = connection.execute(
                select(schema.conversations, schema.standings, schema.enrolments)
                .join(schema.standings)
                .outerjoin(schema.enrolments)
                .where(schema.conversations.c.id == conversation_id)
            ).first()
            if row is None:
                return None
            said = connection.execute(
                select(*_MESSAGE)
                .where(schema.messages.c.conversation_id == conversation_id)
                .order_by(schema.messages.c.number)
            ).all()
            return _talk(
                row, said, is_opted_out(connection, row._mapping[schema.conversations.c.contact_key])
            )

    def answer(self, caller: str, key: str) -> Answer | None:
        with self.engine.connect() as connection:
            return find_answer(connection, caller, key)

    def opted_out(self, contact_key: str) -> bool:
        with self.engine.connect() as connection:
            return is_opted_out(connection, contact_key)

    def search(self, filters: Mapping[str, str], limit: int, before: str | None = None) -> list[Row[Any]]:
        """Conversations with their standing, the newest first; `before` is the id of the last one seen.

        `filters`: columns of standings or conversations (status, outcome, stage, arm, contact_key), a
        `rule` that the guard saw broken, or `contact`, a part of the name.
        """
        table, standing = schema.conversations, schema.standings
        query: Select[Any] = select(table, standing).join(standing)
        for name, value in filters.items():
            if name == "stage":  # as it is shown: a side state comes before its stage
                query = query.where(func.coalesce(standing.c.side, standing.c.stage) == value)
                continue
            if name == "rule":
                query = query.where(_saw(value))
                continue
            if name == "contact":
                query = query.where(func.lower(table.c.contact).contains(value.lower(), autoescape=True))
                continue
            column = standing.c[name] if name in standing.c else table.c[name]
            query = query.where(column == value)
        if before is not None:
            at = select(table.c.at).where(table.c.id == before).scalar_subquery()
            query = query.where(or_(table.c.at < at, and_(table.c.at == at, table.c.id < before)))
        query = query.order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
        with self.engine.connect() as connection:
            return list(connection.execute(query))

    def ids(self, filters: Mapping[str, str]) -> list[str]:
        """Every conversation that `search` would find, in no promised order."""
        table, standing = schema.conversations, schema.standings
        query = select(table.c.id).join(standing)
        for name, value in filters.items():
            column = standing.c[name] if name in standing.c else table.c[name]
            query = query.where(column == value)
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def events_after(
        self, number: int, limit: int, kinds: tuple[str, ...] = (), conversation_id: str | None = None
    ) -> list[Row[Any]]:
        """Events with a higher number, in order."""
        table = schema.events
        query = select(table).where(table.c.id > number)
        if kinds:
            query = query.where(table.c.kind.in_(kinds))
        if conversation_id is not None:
            query = query.where(table.c.conversation_id == conversation_id)
        with self.engine.connect() as connection:
            return list(connection.execute(query.order_by(table.c.id).limit(limit)))

    def talks(self, batch: int = 200) -> Iterator[Talk]:
        """Every conversation in the order in which they began, a batch of ids at a time."""
        last = ("", "")
        while True:
            table = schema.conversations
            after = or_(table.c.at > last[0], and_(table.c.at == last[0], table.c.id > last[1]))
            query = select(table.c.at, table.c.id).where(after).order_by(table.c.at, table.c.id).limit(batch)
            with self.engine.connect() as connection:
                found = connection.execute(query).all()
            if not found:
                return
            for row in found:
                if talk := self.load(row.id):
                    yield talk
            last = (found[-1].at, found[-1].id)

    def arms(self) -> list[str]:
        """Those that conversations were held by."""
        table = schema.conversations
        with self.engine.connect() as connection:
            return list(connection.execute(select(table.c.arm).distinct().order_by(table.c.arm)).scalars())

    def count(self, status: Status) -> int:
        table = schema.standings
        with self.engine.connect() as connection:
            query = select(func.count()).select_from(table).where(table.c.status == status)
            return connection.execute(query).scalar_one()


def add_audit(
    connection: Connection,
    at: str,
    action: str,
    key_id: str | None,
    conversation_id: str | None = None,
    detail: str | None = None,
) -> None:
    values = {"at": at, "action": action, "key_id": key_id}
    values |= {"conversation_id": conversation_id, "detail": detail}
    connection.execute(insert(schema.audit).values(values))


def conversation_of(row: Row[Any]) -> Conversation:
    table, found = schema.conversations, row._mapping
    values = {name: found[table.c[name]] for name in Conversation.__slots__}
    return Conversation(**values | {"brief": Brief.model_validate(values["brief"])})


def standing_of(row: Row[Any]) -> Standing:
    table, found = schema.standings, row._mapping
    values = {name: found[table.c[name]] for name in Standing.__slots__}
    return Standing(**values | {"status": Status(values["status"])})


def _saw(rule: str) -> ColumnElement[bool]:
    """Conversations in which the guard saw the rule broken, by a reply or by a draft that was withheld.

    Looked for in the JSON's text, alike in both databases: quotes in anybody's words are escaped there.
    """
    written, here = f'"rule": {json.dumps(rule)}', schema.conversations.c.id
    said, happened = schema.messages, schema.events
    in_reply = cast(said.c.guard, Text).contains(written, autoescape=True)
    in_event = cast(happened.c.data, Text).contains(written, autoescape=True)
    return or_(
        exists().where(said.c.conversation_id == here, in_reply),
        exists().where(happened.c.conversation_id == here, happened.c.kind == Kind.WITHHELD, in_event),
    )


def find_answer(connection: Connection, caller: str, key: str) -> Answer | None:
    table = schema.answers
    row = connection.execute(select(table).where(table.c.caller == caller, table.c.key == key)).first()
    return Answer(row.caller, row.key, row.fingerprint, row.status, dict(row.body)) if row else None


def _talk(row: Row[Any], said: Sequence[Row[Any]], opted_out: bool) -> Talk:
    messages = tuple(Message(**message._mapping) for message in said)
    table, found = schema.enrolments, row._mapping
    name = found[table.c.experiment_id]
    enrolment = None if name is None else Enrolment(name, found[table.c.arm])
    return Talk(conversation_of(row), messages, standing_of(row), opted_out, enrolment)


def is_opted_out(connection: Connection, contact_key: str) -> bool:
    table = schema.opt_outs
    return (
        connection.execute(select(table.c.at).where(table.c.contact_key == contact_key)).first() is not None
    )
