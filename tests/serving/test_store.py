"""The store: what it refuses to change, how it is brought up to date, and PostgreSQL's dialect."""

import threading
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, delete, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DatabaseError
from sqlalchemy.schema import CreateTable
from starlette.testclient import TestClient
from tests.serving.conftest import context_of

from suasion.errors import InputError
from suasion.serving import schema
from suasion.serving.database import is_current, open_database
from suasion.serving.records import contact_key
from suasion.serving.store import Store
from suasion.serving.writer import Writer

ON_BOTH = True


def test_what_was_said_can_not_be_changed(client: TestClient, brief: dict[str, Any]) -> None:
    client.post("/v1/conversations", json={"brief": brief})
    store = context_of(client).service.store
    for table in (schema.messages, schema.conversations, schema.events):
        for change in (update(table).values(at="x"), delete(table)):
            with pytest.raises(DatabaseError, match="append-only"):
                store.writer.run(lambda connection, change=change: connection.execute(change))


def test_every_table_that_is_kept_is_kept_by_the_database(url: str) -> None:
    engine = open_database(url)
    if engine.dialect.name == "sqlite":
        query = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT event_object_table FROM information_schema.triggers"
    with engine.connect() as connection:
        found = sorted(connection.exec_driver_sql(query).scalars())
    engine.dispose()
    assert found == sorted([*schema.APPEND_ONLY, *schema.APPEND_ONLY])  # once for changes, once for removals


def test_the_migrations_make_what_the_code_knows(url: str) -> None:
    engine = open_database(url)
    assert is_current(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        if engine.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


def test_a_store_is_opened_again_and_a_newer_one_is_refused(url: str) -> None:
    store = Store(url)
    store.writer.run(lambda one: one.execute(insert(schema.audit).values(at="x", action="kept")))
    store.close()
    again = Store(url)
    with again.engine.connect() as connection:
        assert connection.execute(select(schema.audit.c.action)).scalar_one() == "kept"
    again.close()
    raw = create_engine(url)
    with raw.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    raw.dispose()
    with pytest.raises(InputError, match="newer Suasion"):
        Store(url)


@pytest.mark.parametrize(
    "wrong", ["nonsense", "sqlite:////no/such/folder/x.db", "mysql+nodriver://a:secret@b/c"]
)
def test_an_address_that_can_not_be_used_is_told_without_its_password(wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        Store(wrong)
    assert "secret" not in str(caught.value)


def test_a_job_that_fails_takes_no_other_with_it(url: str) -> None:
    engine = open_database(url)
    writer, gate = Writer(engine), threading.Event()

    def add(action: str) -> Any:
        return lambda connection: connection.execute(insert(schema.audit).values(at="x", action=action))

    def fail(connection: Connection) -> None:
        connection.execute(insert(schema.audit).values(at="x", action="half done"))
        raise ValueError("no")

    first = writer.submit(lambda connection: gate.wait(5))  # so that the others wait together
    jobs = [writer.submit(job) for job in (add("a"), fail, add("b"))]
    gate.set()
    assert first.result()
    assert [job.exception() and type(job.exception()) for job in jobs] == [None, ValueError, None]
    writer.close()
    with pytest.raises(RuntimeError, match="closed"):
        writer.submit(add("late"))
    with engine.connect() as connection:
        assert list(connection.execute(select(schema.audit.c.action)).scalars()) == ["a", "b"]
    engine.dispose()


def test_every_table_can_be_made_in_postgresql() -> None:
    for table in schema.metadata.sorted_tables:
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "AUTOINCREMENT" not in made
        assert ("BIGSERIAL" in made) == ("id" in table.c and table.c["id"].autoincrement is True)


def test_a_contact_is_the_same_however_it_is_spelt() -> None:
    assert contact_key("Sunrise Hotel") == contact_key("  SUNRISE\thotel ") == contact_key("Ｓunrise Hotel")
    assert contact_key("Sunrise Hotel") != contact_key("Sunset Hotel")
