"""Answers of remote judges on disk, by the hash of what was asked; shared between processes, bounded."""

import sqlite3
import struct
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import TypeVar

from suasion.errors import InputError

T = TypeVar("T")
WAIT_S = 10.0  # for another process that writes
FORMAT = 1  # of the table; stands in the file's user_version
KEPT = 0.95  # of the limit, where it was passed: clearing out answer by answer would be slow
TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY, yes REAL NOT NULL, sum INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used);
CREATE TABLE IF NOT EXISTS size (answers INTEGER NOT NULL);
INSERT INTO size SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM size);
CREATE TRIGGER IF NOT EXISTS more AFTER INSERT ON answers
BEGIN UPDATE size SET answers = answers + 1; END;
CREATE TRIGGER IF NOT EXISTS less AFTER DELETE ON answers
BEGIN UPDATE size SET answers = answers - 1; END;
"""


class JudgeCache:
    """Probabilities by key. SQLite in WAL mode: readers never wait; not for network file systems.

    A file that breaks while it is in use is told of once and no longer asked.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """Raises InputError for a file that is no cache of this version, or a broken one."""
        self.path, self.limit = path, limit
        self._lock = Lock()
        self._open: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open = _connect(path)
        except (OSError, sqlite3.Error, _NotOursError) as error:
            raise InputError(f"no cache of judge's answers: {error}; remove it", str(path)) from None

    def get(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """What is known of these; they count as used now."""

        def read(file: sqlite3.Connection) -> dict[bytes, float]:
            found = {}
            for key in keys:
                row = file.execute("SELECT yes, sum FROM answers WHERE key = ?", (key,)).fetchone()
                if row and row[1] == _checksum(key, row[0]) and 0 <= row[0] <= 1:
                    found[key] = row[0]
            if found:
                now = time.time_ns()
                file.executemany("UPDATE answers SET used = ? WHERE key = ?", [(now, key) for key in found])
            return found

        return self._do(read, {})

    def put(self, answers: Mapping[bytes, float]) -> None:
        """Keep these, and let go of those that were not used for longest where there are too many."""

        def write(file: sqlite3.Connection) -> None:
            now = time.time_ns()
            file.executemany(
                "INSERT INTO answers VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET yes = excluded.yes, sum = excluded.sum, used = excluded.used",
                [(key, yes, _checksum(key, yes), now) for key, yes in answers.items()],
            )
            count = file.execute("SELECT answers FROM size").fetchone()[0]
            if count > self.limit:
                file.execute(
                    "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used LIMIT ?)",
                    (count - max(1, int(KEPT * self.limit)),),
                )

        if answers:
            self._do(write, None)

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open.close()
            self._open = None

    def _do(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """In one transaction, by one thread at a time."""
        with self._lock:
            if self._open is None:
                return otherwise
            try:
                with self._open:
                    return work(self._open)
            except sqlite3.Error as error:
                self._open.close()
                self._open = None
                sys.stderr.write(f"{self.path}: the cache of judge's answers is not used further: {error}\n")
                return otherwise


class _NotOursError(Exception):
    """A sound file that something else made."""


def _connect(path: Path) -> sqlite3.Connection:
    """Open or make the file. Two processes that make it at once: the second tries again."""
    until = time.monotonic() + WAIT_S
    while True:
        file = sqlite3.connect(path, timeout=WAIT_S, check_same_thread=False)
        try:
            _prepare(file)
        except sqlite3.OperationalError as error:
            file.close()
            # switching to WAL does not wait for another's lock, whatever the timeout
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)
        except BaseException:
            file.close()
            raise
        else:
            return file


def _prepare(file: sqlite3.Connection) -> None:
    tables = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    version = file.execute("PRAGMA user_version").fetchone()[0]
    if tables and version != FORMAT:
        raise _NotOursError(f"its version is {version}, not {FORMAT}")
    with closing(file.execute("PRAGMA quick_check(1)")) as check:
        if (fault := check.fetchone()[0]) != "ok":
            raise _NotOursError(f"it is damaged ({' '.join(fault.split())})")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")
    if not tables:
        file.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")


def _checksum(key: bytes, yes: object) -> int:
    """Of a row, so that one that was damaged is not taken for an answer."""
    return zlib.crc32(key + struct.pack("<d", yes)) if isinstance(yes, float) else -1
