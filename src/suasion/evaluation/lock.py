"""The lock over instruments: what each file was when it was committed, and whether it still is."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from suasion.errors import InputError

NAME = "LOCK"
Held = Literal["held", "changed", "none"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A file that something was measured with. held: whether the LOCK beside it names this content."""

    file: str
    sha256: str
    held: Held


def instrument(path: Path) -> Instrument:
    """What `path` is, and whether a LOCK in its folder holds it. Raises InputError when it can't be read."""
    digest = sha256(path)
    lock = path.parent / NAME
    if not lock.is_file():
        return Instrument(path.name, digest, "none")
    locked = read_lock(lock).get(path.name)
    if locked is None:
        return Instrument(path.name, digest, "none")
    return Instrument(path.name, digest, "held" if locked == digest else "changed")


def read_lock(path: Path) -> dict[str, str]:
    """Name and SHA-256 of each file, as `sha256sum` writes them. Raises InputError with the broken line."""
    found = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name:
            raise InputError("expected a SHA-256, two spaces and a file's name", str(path), number)
        found[name] = digest
    return found


def sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
