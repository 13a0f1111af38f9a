"""A pack of one's own, begun as a copy of another: the same files, under another name."""

import re
import shutil
import tempfile
from pathlib import Path

from suasion.errors import InputError
from suasion.negotiation.pack import Pack
from suasion.yaml_files import read_yaml

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def new_pack(name: str, source: str | Path, folder: Path, title: str | None = None) -> Pack:
    """Copy the data files of a pack into `folder` under the name `name`; the pack that this makes.

    `words.*.yaml` stay behind: they add to a locale for the built-in packs alone. Raises InputError for a
    name that is none, a folder that already has something, and a source that is no pack.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"a name has small letters, digits, - and _, found {name!r}", field="id")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("is there and not empty: nothing is written over", str(folder))
    pack = Pack.load(source)
    title = title or f"{name}, begun as a copy of {pack.id}: {pack.manifest.title}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
        made = Path(beside) / "pack"
        made.mkdir()
        for path in sorted(pack.path.glob("*.yaml")):
            if not path.name.startswith("words."):
                shutil.copyfile(path, made / path.name)
        _rename(made / "pack.yaml", name, title)
        if folder.exists():
            folder.rmdir()  # it is empty
        made.replace(folder)
    return Pack.load(folder)


def _rename(path: Path, name: str, title: str) -> None:
    """Change id, version and title where they stand, so that the comments stay."""
    file = read_yaml(path)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    for key, value in (("id", name), ("version", "1"), ("title", f'"{quoted}"')):
        place = file.line((key,))
        lines[place - 1] = f"{key}: {value}\n"
        while place < len(lines) and lines[place].startswith((" ", "\t")):  # what a longer value went on with
            lines[place] = ""
            place += 1
    path.write_text("".join(lines), "utf-8")
