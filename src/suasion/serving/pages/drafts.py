"""Patches as files in a folder: drafted, mended, tried; and those that the pack's history has."""

import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from suasion.errors import InputError
from suasion.incidents.apply import patches_in_force
from suasion.incidents.patch import PatchFile, load_patch

SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Draft:
    """`patch` None: it can't be read, and `fault` says why. `in_force`: the pack has it already."""

    id: str
    text: str
    patch: PatchFile | None
    fault: str
    in_force: bool
    when: float  # seconds since 1970 of its last change


def drafts(folder: Path, pack: Path) -> list[Draft]:
    """Those of the folder and those in force, the newest first."""
    in_force = {one.patch.id: one for one in patches_in_force(pack)}
    found = [_draft(path, path.stem in in_force) for path in folder.glob(f"*{SUFFIX}")]
    names = {one.id for one in found}
    found += [_kept(one) for name, one in in_force.items() if name not in names]
    return sorted(found, key=lambda one: (-one.when, one.id))


def find_draft(name: str, folder: Path, pack: Path) -> Draft | None:
    """A patch by its id; one that is in force and has no file here any more is read from the history."""
    in_force = {one.patch.id: one for one in patches_in_force(pack)}
    path = folder / f"{name}{SUFFIX}"
    if path.is_file():
        return _draft(path, name in in_force)
    return _kept(in_force[name]) if name in in_force else None


def add_draft(text: str, folder: Path) -> str:
    """Write a new draft under its id. Raises InputError where one of that id is there."""
    name = str(yaml.safe_load(text)["id"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}{SUFFIX}"
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise InputError("there is a draft of this id already: open it, or rename it", str(path)) from None
    return name


def save_draft(name: str, text: str, folder: Path) -> None:
    """A person's words in the draft's place, once they are a patch of that id.

    Raises InputError at the line that is wrong, the draft being as it was.
    """
    path, part = folder / f"{name}{SUFFIX}", folder / f".{name}.{os.getpid()}.part"
    part.write_text(text, encoding="utf-8")
    try:
        patch = load_patch(part).patch
        if patch.id != name:
            raise InputError(f"is the draft of {name!r}, but says id: {patch.id}", field="id")
        if isinstance(patch.verdicts, str):
            raise InputError("a file of verdicts is for the command line: write them here", field="verdicts")
        part.replace(path)
    except InputError as error:
        raise InputError(error.message, path.name, error.line, error.field) from None
    finally:
        part.unlink(missing_ok=True)


def _draft(path: Path, in_force: bool) -> Draft:
    text, when = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime
    try:
        return Draft(path.stem, text, load_patch(path), "", in_force, when)
    except InputError as error:
        return Draft(path.stem, text, None, str(error), in_force, when)


def _kept(one: PatchFile) -> Draft:
    return Draft(one.patch.id, one.content.decode("utf-8"), one, "", True, 0.0)
