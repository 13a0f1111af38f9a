"""What became of a pack: every patch applied or reverted, and the bytes of every version, in its folder."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from suasion.errors import InputError
from suasion.files import beside
from suasion.incidents.patched import Files, read_files
from suasion.negotiation.pack import files_version
from suasion.yaml_files import describe

FOLDER = "history"
PENDING = "pending.json"


class Entry(BaseModel):
    """One event. `files`: SHA-256 of every YAML file after it; their bytes lie in objects/ under it.

    `edit` is a change that no patch made; it is noticed when the next patch comes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    action: Literal["start", "edit", "apply", "revert"]
    patch: str | None = None
    who: str
    when: str
    why: str
    before: str | None = None  # versions of the pack
    after: str
    files: dict[str, str]
    document: str | None = None  # SHA-256 of the patch file, and of its file of verdicts
    verdicts: str | None = None
    previous: str | None = None  # SHA-256 of the entry before


@dataclass(frozen=True, slots=True)
class History:
    """A pack folder with its history; read and written under a lock."""

    pack: Path

    @property
    def folder(self) -> Path:
        return self.pack / FOLDER

    def entries(self) -> list[Entry]:
        """All entries, oldest first. Raises InputError when one is missing, broken or was changed."""
        found: list[Entry] = []
        previous = None
        for path in sorted(self.folder.glob("[0-9]*.json"), key=lambda path: int(path.stem)):
            content = path.read_bytes()
            try:
                entry = Entry.model_validate_json(content)
            except ValidationError as error:
                raise InputError(describe(error.errors()[0]), str(path)) from None
            if entry.number != len(found) + 1 or entry.previous != previous:
                raise InputError("does not follow the entry before it: one was lost or changed", str(path))
            previous = _sha(content)
            found.append(entry)
        pending = self._pending()
        return found if pending is None else [*found, pending]

    def read(self, sha: str) -> bytes:
        """The bytes kept under a hash. Raises InputError when they are lost or changed."""
        path = self.folder / "objects" / sha
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"can't be read: {error.strerror}", str(path)) from None
        if _sha(content) != sha:
            raise InputError("is not what was kept under this hash", str(path))
        return content

    def files_at(self, entry: Entry) -> dict[str, bytes]:
        return {name: self.read(sha) for name, sha in entry.files.items()}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else applies or reverts meanwhile; what a kill left half done is settled first."""
        if not os.access(self.pack, os.W_OK):
            raise InputError("can't be written to", str(self.pack))
        (self.folder / "objects").mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._settle()
            yield

    def _settle(self) -> None:
        """A pending entry happened if the pack is at its version, and else did not."""
        path, entry = self.folder / PENDING, self._pending()
        if entry is not None:
            path.rename(self.folder / f"{entry.number:04}.json")
        else:
            path.unlink(missing_ok=True)

    def _pending(self) -> Entry | None:
        """The entry that has no number yet though what it tells of has happened."""
        try:
            entry = Entry.model_validate_json((self.folder / PENDING).read_bytes())
        except FileNotFoundError:
            return None
        found = {name: _sha(content) for name, content in read_files(self.pack).items()}
        return entry if found == entry.files else None

    def catch_up(self, who: str) -> None:
        """Enter what the pack is now, when that is not what the last entry left. Under the lock."""
        entries, files = self.entries(), read_files(self.pack)
        hashes = {name: _sha(content) for name, content in files.items()}
        if entries and entries[-1].files == hashes:
            return
        action: Literal["start", "edit"] = "edit" if entries else "start"
        why = "changed by hand" if entries else "the history begins"
        self._write(self._entry(action, None, who, why, files), files)

    def change(
        self,
        action: Literal["apply", "revert"],
        patch: str,
        who: str,
        why: str,
        files: Files,
        document: bytes | None = None,
        verdicts: bytes | None = None,
    ) -> Entry:
        """Bring the pack to `files`, of which one differs from what it has, and enter it. Under the lock."""
        kept = {
            kind: self._keep(content)
            for kind, content in (("document", document), ("verdicts", verdicts))
            if content
        }
        entry = self._entry(action, patch, who, why, files).model_copy(update=kept)
        self._write(entry, files)
        return entry

    def _entry(
        self,
        action: Literal["start", "edit", "apply", "revert"],
        patch: str | None,
        who: str,
        why: str,
        files: Files,
    ) -> Entry:
        entries = self.entries()
        last = self.folder / f"{len(entries):04}.json"
        return Entry(
            number=len(entries) + 1,
            action=action,
            patch=patch,
            who=who,
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            why=why,
            before=entries[-1].after if entries else None,
            after=files_version(files),
            files={name: self._keep(content) for name, content in files.items()},
            previous=_sha(last.read_bytes()) if entries else None,
        )

    def _write(self, entry: Entry, files: Files) -> None:
        """The entry as pending, the one file that changes by a rename, then the entry under its number."""
        now = read_files(self.pack)
        changed = [name for name, content in files.items() if now.get(name) != content]
        if len(changed) > 1 or now.keys() != files.keys():
            raise InputError(f"would change {', '.join(changed)} at once: only one can be", str(self.pack))
        pending = self.folder / PENDING
        _put(
            pending, json.dumps(entry.model_dump(mode="json"), indent=1, ensure_ascii=False).encode() + b"\n"
        )
        for name in changed:
            _put(self.pack / name, files[name])
        pending.rename(self.folder / f"{entry.number:04}.json")

    def _keep(self, content: bytes) -> str:
        sha = _sha(content)
        path = self.folder / "objects" / sha
        if not path.exists():
            _put(path, content)
        return sha


def rebuild(pack: Path, version: str, output: Path) -> None:
    """Write the pack as it was at a version into a new folder.

    Raises InputError for a version that the history does not have, and an output that exists.
    """
    history = History(pack)
    entries = history.entries()
    found = next((entry for entry in entries if entry.after == version), None)
    if found is None:
        known = ", ".join(dict.fromkeys(entry.after for entry in entries)) or "none"
        raise InputError(f"no version {version!r} in its history; there are {known}", str(pack))
    if output.exists():
        raise InputError("exists; name a new folder", str(output))
    files = history.files_at(found)
    if files_version(files) != version:
        raise InputError(f"what was kept of version {version} makes another", str(history.folder))
    output.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        for name, content in files.items():
            (part / name).write_bytes(content)
        part.chmod(0o755)
        part.rename(output)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _put(path: Path, content: bytes) -> None:
    """Write it whole or not at all, with the mode that it had."""
    with beside(path) as part:
        part.write_bytes(content)
        if path.exists():
            shutil.copymode(path, part)


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
