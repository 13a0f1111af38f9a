"""Applying a patch to a pack folder and taking it back, each entered in the folder's history."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from suasion.data.examples import Verdict
from suasion.data.rubric import load_rubric
from suasion.errors import InputError
from suasion.incidents.blocks import Listing, list_blocks
from suasion.incidents.check import check_patch, judge_cases
from suasion.incidents.history import Entry, History
from suasion.incidents.patch import PatchFile, content_version, load_patch
from suasion.incidents.patched import entries_of, patched, read_files, staged, verify
from suasion.incidents.readings import Asked
from suasion.negotiation.pack import find_pack
from suasion.rewards.rules import RuleSet


def own_folder(name: str | Path) -> Path:
    """The pack's folder, when it is one of the user's own. Raises InputError for a built-in pack."""
    folder = find_pack(name)
    if folder.resolve().is_relative_to(Path(str(files("suasion") / "packs")).resolve()):
        raise InputError(
            "a built-in pack is read-only: copy its folder and name the copy, as in --pack my-pack", str(name)
        )
    return folder


def patches_in_force(folder: Path) -> list[PatchFile]:
    """What was applied to the pack and not taken back, in that order."""
    history = History(folder)
    return [_patch_of(entry, history) for entry in _applied(history.entries())]


def verdicts_in_force(folder: Path) -> list[Verdict]:
    """Labelled verdicts of the patches in force, for fitting a judge; `criterion` is the rubric's id."""
    return [
        Verdict(verdict.dialogue, patch.patch.target, verdict.verdict)
        for patch in patches_in_force(folder)
        for verdict in patch.labelled()
    ]


def apply_patch(patch: PatchFile, folder: Path, who: str | None = None, asked: Asked | None = None) -> Entry:
    """Check the patch against the pack as it is, then change the pack's file by one rename.

    asked: reads the patch's criterion, where it has hits and passes to try.
    Raises InputError, the pack being as it was, for a patch that does not hold, contradicts one in force,
    or is in force itself.
    """
    history, one = History(folder), patch.patch
    with history.locked():
        in_force = patches_in_force(folder)
        if any(other.patch.id == one.id for other in in_force):
            raise patch.error(f"patch {one.id!r} is in force already; another needs another id", "id")
        now = read_files(folder)
        checked = check_patch(patch, now, folder, in_force)
        if checked.to_judge:
            if asked is None:
                message = "of a criterion are tried by a judge: `suasion patch apply` asks it"
                raise patch.error(message, checked.to_judge[0].group)
            judge_cases(patch, checked, asked)
        history.catch_up(who or one.who)
        after = patched(patch, now, folder)
        labels = patch.verdicts_path.read_bytes() if patch.verdicts_path else None
        return history.change("apply", one.id, who or one.who, one.why, after, patch.content, labels)


def revert_patch(name: str, folder: Path, who: str, why: str) -> Entry:
    """Take a patch back: the file as it was before, or, where it changed since, the one entry alone.

    Raises InputError, the pack being as it was, when it is not in force or its entry was changed since.
    """
    history = History(folder)
    with history.locked():
        entries = history.entries()
        applied = next((entry for entry in _applied(entries) if entry.patch == name), None)
        if applied is None:
            known = ", ".join(str(entry.patch) for entry in _applied(entries)) or "none"
            raise InputError(f"no patch {name!r} is in force; in force: {known}", str(folder))
        patch, now = _patch_of(applied, history), read_files(folder)
        file = patch.patch.file
        before = history.files_at(entries[applied.number - 2])[file]
        if now.get(file) == history.files_at(applied)[file]:
            undone = before
        else:
            undone = _undone(patch, before.decode("utf-8"), now[file].decode("utf-8"), folder)
        after = {**now, file: undone}
        with staged(after, folder) as pack:
            RuleSet.load(pack)
            if pack.has("rubric.yaml"):
                load_rubric(pack)
        history.catch_up(who)
        return history.change("revert", name, who, why, after)


def _undone(patch: PatchFile, before: str, now: str, folder: Path) -> bytes:
    """The file as it is now, with the patch's one entry as it was before the patch."""
    one, path = patch.patch, folder / patch.patch.file
    was, listing = list_blocks(before, str(path), one.key), list_blocks(now, str(path), one.key)
    entries, rest = entries_of(now, path, one.key)
    old = entries_of(before, path, one.key)[0].get(one.target)
    block = listing.get(one.target)
    wanted = None if one.removes else content_version(patch.yaml.content[one.kind])
    found = content_version(entries[one.target]) if block else None
    if found != wanted:
        raise InputError(
            f"{one.kind} {one.target!r} was changed after patch {one.id!r}: take that change back first",
            str(path),
        )
    source = _source(was, one.target)
    if block is None:
        text = listing.inserted(_place(was, listing, one.target), source)
    elif old is None:
        text = listing.removed(block)
    else:
        text = now[: block.start] + source + now[block.end :]
    kept = {name: entry for name, entry in entries.items() if name != one.target}
    verify(text, kept if old is None else {**kept, one.target: old}, rest, path, one.key)
    return text.encode("utf-8")


def _source(listing: Listing, name: str) -> str:
    block = listing.get(name)
    return listing.source(block) if block else ""


def _place(was: Listing, now: Listing, name: str) -> int:
    """Where a removed entry goes: before the first that once followed it and is still there."""
    names = [block.id for block in was.blocks]
    here = [block.id for block in now.blocks]
    following = (here.index(later) for later in names[names.index(name) + 1 :] if later in here)
    return next(following, len(here))


def _applied(entries: Sequence[Entry]) -> list[Entry]:
    """Entries of the patches that are in force."""
    in_force: list[Entry] = []
    for entry in entries:
        if entry.action == "apply":
            in_force.append(entry)
        elif entry.action == "revert":
            in_force = [one for one in in_force if one.patch != entry.patch]
    return in_force


def _patch_of(entry: Entry, history: History) -> PatchFile:
    objects = history.folder / "objects"
    history.read(entry.document or "")
    verdicts = objects / entry.verdicts if entry.verdicts else None
    return load_patch(objects / str(entry.document), verdicts)
