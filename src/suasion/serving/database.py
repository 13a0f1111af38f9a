"""Opening the store's database: SQLite in WAL mode, or PostgreSQL; its schema brought up to date."""

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from suasion.errors import InputError

BUSY_SECONDS = 30  # how long SQLite waits for another process that writes
MODE = "suasion_mode"  # execution option of a connection: what it is for
WRITES, READS = {MODE: "writes"}, {MODE: "reads"}


def open_database(url: str) -> Engine:
    """The engine of a store, its schema up to date.

    Raises InputError for an address that can't be used, and for a store that a newer Suasion wrote.
    """
    try:
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=not url.startswith("sqlite"))
    except (ArgumentError, ImportError) as error:
        name = url.split(":", 1)[0]  # what follows may hold a password
        raise InputError(
            f"no address of a store ({type(error).__name__}); expected sqlite:///suasion.db, or "
            "postgresql+psycopg://... with its driver installed",
            name,
        ) from None
    if engine.dialect.name == "sqlite":
        _set_up_sqlite(engine)
    try:
        _upgrade(engine)
    except DBAPIError as error:
        engine.dispose()
        raise InputError(f"the store can't be opened: {error.orig}", _shown(engine)) from None
    except InputError:
        engine.dispose()
        raise
    return engine


def is_current(engine: Engine) -> bool:
    """Whether the store answers and has the schema that this code knows."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _scripts().get_current_head()


def _upgrade(engine: Engine) -> None:
    config = alembic_config()
    with engine.execution_options(**WRITES).begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in {one.revision for one in _scripts().walk_revisions()}:
            raise InputError(
                f"was written by a newer Suasion (schema {found}): install that one", _shown(engine)
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def alembic_config() -> Config:
    """Alembic's, for the steps of the schema; `connection` is to be put among its attributes."""
    config = Config()
    folder = Path(str(files("suasion.serving") / "migrations"))
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def settle(connection: object, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # BEGIN is ours, below
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in (
            f"busy_timeout={BUSY_SECONDS * 1000}",
            "journal_mode=WAL",
            "synchronous=FULL",  # what was acknowledged survives a power cut
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(MODE)
        if mode != READS[MODE]:  # each statement of a reader is a transaction by itself
            # a reader that turns writer midway can't wait for another one: it would fail at once
            connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == WRITES[MODE] else "BEGIN")
