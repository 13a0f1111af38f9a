"""What a pack's files are after a patch, and a pack made of such files, to try before anything is written."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suasion.errors import InputError
from suasion.incidents.blocks import list_blocks
from suasion.incidents.patch import PatchFile, content_version
from suasion.negotiation.pack import Pack
from suasion.yaml_files import parse_yaml

Files = Mapping[str, bytes]  # what a pack's version is of: its YAML files by name


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.yaml"))}


@contextmanager
def staged(files: Files, origin: Path) -> Iterator[Pack]:
    """A pack of these files; errors name those of the folder `origin` that they stand for."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        try:
            yield Pack.load(Path(folder))
        except InputError as error:
            if error.file is None or not error.file.startswith(folder):
                raise
            where = origin / Path(error.file).name
            raise InputError(error.message, str(where), error.line, error.field) from None


@contextmanager
def candidate(patch: PatchFile, files: Files, origin: Path) -> Iterator[Pack]:
    """The pack as it would be. Errors in what the patch brings are told at their lines in the patch."""
    after = patched(patch, files, origin)
    start = 0
    if not patch.patch.removes:
        text = after[patch.patch.file].decode("utf-8")
        block = list_blocks(text, patch.patch.file, patch.patch.key).get(patch.patch.target)
        start = text.count("\n", 0, block.start) + 1 if block else 0
    try:
        with staged(after, origin) as pack:
            yield pack
    except InputError as error:
        raise patch.told_here(error, str(origin / patch.patch.file), start) from None


def patched(patch: PatchFile, files: Files, origin: Path) -> dict[str, bytes]:
    """The files after the patch: only the lines of its entry differ.

    Raises InputError when the pack has no such list, has the entry already, lacks the one to change, or has
    another version of it than the patch was written against.
    """
    one, name = patch.patch, patch.patch.file
    if name not in files:
        raise InputError(f"the pack has no {name} to put a {one.kind} into", str(origin))
    text = files[name].decode("utf-8")
    entries, rest = entries_of(text, origin / name, one.key)
    listing = list_blocks(text, str(origin / name), one.key)
    block = listing.get(one.target)
    if one.change == "add":
        if block is not None:
            message = (
                f"there is a {one.kind} {one.target!r} already; to change it name its version under base:"
            )
            raise patch.error(f"{message} {content_version(entries[one.target])}", one.kind, "id")
        after = listing.appended(list(patch.lines))
    else:
        where = ("removes",) if one.removes else (one.kind, "id")
        if block is None:
            raise patch.error(f"there is no {one.kind} {one.target!r} in {origin / name}", *where)
        if (found := content_version(entries[one.target])) != one.base:
            raise patch.error(
                f"was written against version {one.base} of {one.kind} {one.target!r}, but the pack has "
                f"{found}: another change came between; write it anew from what is there now",
                "base",
            )
        after = listing.removed(block) if one.removes else listing.replaced(block, list(patch.lines))
    wanted = {key: value for key, value in entries.items() if key != one.removes}
    if not one.removes:
        wanted[one.target] = patch.yaml.content[one.kind]
    verify(after, wanted, rest, origin / name, one.key)
    return {**files, name: after.encode("utf-8")}


def verify(text: str, wanted: Mapping[str, Any], rest: Mapping[str, Any], path: Path, key: str) -> None:
    """Raise InputError unless the edited text says exactly what is wanted: an edit by lines must not lie.

    wanted: the entries by id. rest: what stands beside the list.
    """
    try:
        found, beside = entries_of(text, path, key)
    except InputError as error:
        raise InputError(f"can't be edited by lines: {error.message}", str(path), error.line) from None
    if found != wanted or beside != rest:
        off = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
        off += [name for name in sorted({*beside, *rest}) if beside.get(name) != rest.get(name)]
        raise InputError(f"can't be edited by lines; it would change {', '.join(off)}", str(path), field=key)


def entries_of(text: str, path: Path, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The list's entries by id, and what else the file says. Raises InputError where there is no list."""
    content = parse_yaml(text, path).content
    listed = content.get(key) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "id" in one for one in listed):
        raise InputError("expected a list of entries with ids", str(path), field=key)
    rest = {str(name): value for name, value in content.items() if name != key}
    return {str(one["id"]): one for one in listed}, rest
