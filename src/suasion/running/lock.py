"""One process at a time works in a run directory."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suasion.errors import InputError

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made. The system lets go of it when the process ends, however it ends.

    Raises InputError where another process holds it. On a file system without locks it says so and goes on.
    """
    import fcntl  # no such thing on Windows, where everything else may be read

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InputError(
                f"another process (number {holder}) is at work in this run directory: "
                "wait for it, end it, or take another directory",
                str(folder),
            ) from None
        except OSError as error:
            sys.stderr.write(f"{folder}: can't be locked ({error}): see to it that one process works here\n")
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
