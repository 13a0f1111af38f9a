"""A store of the first released schema is opened by this version: every row of it is kept as it was."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import MetaData, create_engine, delete, func, insert, inspect, select, update
from sqlalchemy.exc import DatabaseError

from suasion.serving import schema
from suasion.serving.database import WRITES, alembic_config, is_current, open_database
from suasion.serving.store import Store

FIRST = Path(__file__).parent / "first_schema.sql"
ON_BOTH = True
Rows = dict[str, list[dict[str, Any]]]
AT = "2026-11-26T10:00:00.000000Z"
PLAYED: Rows = {
    "answers": [
        {"caller": "local", "key": "k1", "fingerprint": "f", "status": 201, "body": {"a": 1}, "at": AT}
    ],
    "plays": [{"id": "p-1", "at": AT, "key_id": None, "brief": {"hotel": "Sunrise"}}],
    "play_turns": [
        {
            "play_id": "p-1",
            "number": 0,
            "at": AT,
            "speaker": "agent",
            "text": "Hello.",
            "silence_minutes": None,
            "reply": {"score": None},
        }
    ],
}


def rows_of(url: str) -> Rows:
    """Every row of every table, in an order that an upgrade does not change."""
    engine, metadata = create_engine(url), MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        found = {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }
    engine.dispose()
    return {name: sorted(rows, key=lambda row: str(sorted(row.items()))) for name, rows in found.items()}


def written(folder: Path) -> str:
    """The address of the store as the first version left it."""
    path = folder / "first.db"
    raw = sqlite3.connect(path)
    raw.executescript(FIRST.read_text(encoding="utf-8"))
    raw.close()
    return f"sqlite:///{path}"


def copied(rows: Rows, url: str, revision: str = "0001") -> None:
    """The same rows in a database of the first schema, or of another, that its own migrations make."""
    engine, metadata, settings = create_engine(url), MetaData(), alembic_config()
    with engine.execution_options(**WRITES).begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        metadata.reflect(connection)
        for table in metadata.sorted_tables:
            if rows.get(table.name):
                connection.execute(insert(table), rows[table.name])
            if "id" in table.c and table.c["id"].type.python_type is int:
                highest = connection.execute(select(func.max(table.c.id))).scalar() or 0
                for _ in range(highest):  # the numbers that the first version had given out
                    connection.execute(select(func.nextval(f"{table.name}_id_seq")))
    engine.dispose()


def test_an_upgrade_keeps_every_row(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        url = written(tmp_path)
    else:
        copied(rows_of(written(tmp_path)), url)
    before = rows_of(url)
    assert {name for name, rows in before.items() if rows} == set(before)  # there is data in every table
    Store(url).close()
    engine = open_database(url)
    assert is_current(engine)
    assert set(before) <= set(inspect(engine).get_table_names())
    engine.dispose()
    for name, rows in rows_of(url).items():
        kept = before.get(name, [])
        names = set(kept[0]) if kept else set()
        assert [{key: row[key] for key in sorted(names)} for row in rows if kept] == [
            {key: row[key] for key in sorted(names)} for row in kept
        ], name


def test_what_an_upgrade_kept_can_not_be_changed_any_more(url: str) -> None:
    """Of the schema before: its answers and plays were not kept by the database yet."""
    copied(PLAYED, url, "0003")
    Store(url).close()
    engine = open_database(url)
    with engine.connect() as connection:
        for name in PLAYED:
            table = schema.metadata.tables[name]
            for change in (update(table).values(at="x"), delete(table)):
                with pytest.raises(DatabaseError, match=f"{name} is append-only"):
                    connection.execute(change)
                connection.rollback()
    engine.dispose()
    assert {name: rows for name, rows in rows_of(url).items() if rows} == PLAYED


def test_an_upgraded_store_is_gone_on_with(tmp_path: Path, make: Any, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("the dump is SQLite's")
    (tmp_path / "suasion.db").unlink(missing_ok=True)
    Path(written(tmp_path).removeprefix("sqlite:///")).rename(tmp_path / "suasion.db")
    client = make(needs_keys=False)  # it has keys
    for one in client.get("/v1/conversations").json()["conversations"]:
        before = client.get(f"/v1/conversations/{one['id']}").json()["messages"]
        answer = client.post(f"/v1/conversations/{one['id']}/messages", json={"text": "Are you there?"})
        assert answer.status_code == 200
        after = client.get(f"/v1/conversations/{one['id']}").json()["messages"]
        assert after[: len(before)] == before
        assert after[len(before)]["text"] == "Are you there?"
