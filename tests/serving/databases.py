"""A PostgreSQL server of the test run's own, and why there is none."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

NAMES = ("sqlite", "postgresql")


class Postgres:
    """A server in a temporary folder, on a free port of this machine, without durability across power cuts.

    A killed client process is no power cut: what the server acknowledged stays.
    """

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self.folder, self._user, self._numbers = folder, user, count(1)
        self._log = (folder / "log").open("wb")
        data = str(folder / "data")
        self._run(str(programs / "initdb"), "-D", data, "-U", "suasion", "-A", "trust", "-E", "UTF8", "-N")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        words = [str(programs / "postgres"), "-D", data, "-k", str(folder), "-p", str(self.port)]
        words += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        self._server = subprocess.Popen(
            words, stdout=self._log, stderr=subprocess.STDOUT, user=user, cwd=folder
        )
        self._wait()

    def new_database(self) -> str:
        """The address of an empty one."""
        import psycopg

        name = f"suasion_{next(self._numbers)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql+psycopg://suasion@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait(20)
        self._log.close()

    def _address(self, name: str) -> str:
        return f"postgresql://suasion@127.0.0.1:{self.port}/{name}"

    def _run(self, *words: str) -> None:
        subprocess.run(
            words, check=True, stdout=self._log, stderr=subprocess.STDOUT, user=self._user, cwd=self.folder
        )

    def _wait(self) -> None:
        import psycopg

        for _ in range(300):
            assert self._server.poll() is None, (self.folder / "log").read_text()
            try:
                psycopg.connect(self._address("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise AssertionError("PostgreSQL did not start")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL: psycopg is not installed")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(programs[-1]) if programs else shutil.which("initdb")
    if found is None:
        pytest.skip("no PostgreSQL: its server programs are not installed")
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses root
        user = "postgres"
        if user not in {one.pw_name for one in pwd.getpwall()}:
            pytest.skip("no PostgreSQL: it refuses root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="suasion-pg-"))
    if user:
        shutil.chown(folder, user)
    server = Postgres(Path(found).parent, folder, user)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
