"""From one version of a pack to the next: what a finished run can go on from, and what patches bring."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from suasion.data.examples import Verdict
from suasion.errors import InputError
from suasion.incidents.apply import patches_in_force
from suasion.incidents.difference import Change, differences
from suasion.incidents.history import FOLDER, History, rebuild
from suasion.incidents.patch import PatchFile, record_of
from suasion.incidents.patched import staged
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.negotiation.pack import Pack, find_pack
from suasion.rewards.rule_file import RuleFile

REWARDS = ("rules.yaml", "rubric.yaml")  # what a run can go on under when it changes
OWN = ("pack.yaml", "rewards")  # rewards of one's own: a file and its field


@dataclass(frozen=True, slots=True)
class Succession:
    """What differs between two versions of a pack, and the patches that made the difference."""

    changes: tuple[Change, ...]
    patches: tuple[PatchFile, ...]

    @property
    def verdicts(self) -> list[Verdict]:
        """What people said of criteria that changed; `criterion` is the rubric's id."""
        return [
            Verdict(verdict.dialogue, patch.patch.target, verdict.verdict)
            for patch in self.patches
            for verdict in patch.labelled()
        ]

    def contexts(self, pack: Pack) -> list[Dialogue]:
        """The dialogues that the patches name, each context once, without its reply.

        A mere text (`hits: ["..."]`) was said nowhere, so there is nothing that an agent could answer.
        """
        brief = pack.file("rules.yaml").parse(RuleFile).example_brief if pack.has("rules.yaml") else {}
        found: dict[str, Dialogue] = {}
        for patch in self.patches:
            for group in ("hits", "passes"):
                for number, case in enumerate(getattr(patch.patch, group)):
                    if case.dialogue is None and not (case.example and case.example.after):
                        continue
                    record = record_of(case, brief, patch, (group, number))
                    context = Dialogue(
                        id=f"{patch.patch.id}:{group}.{number}",
                        brief=record.brief,
                        turns=record.turns,
                        reply="",
                    )
                    mark = dump_dialogue(context.model_copy(update={"id": ""}))
                    found.setdefault(mark, context)
        return list(found.values())


def succession(old: Pack, new: Pack) -> Succession:
    """Raises InputError where they are the same, or differ in what prompts, data and agent hang on."""
    changes = differences(old, new)
    if not changes:
        raise InputError(
            "is the suite that the run was trained under: --resume with more steps goes on with it",
            str(new.path),
        )
    for change in changes:
        if change.file not in REWARDS and (change.file, change.name) != OWN:
            raise InputError(
                f"a run goes on under other rules and criteria; this differs too: {change}. Prompts, data "
                "and agent hang on it: train anew with `suasion run`",
                str(new.path),
            )
    names = {(change.kind, change.name) for change in changes}
    patches = [one for one in patches_in_force(new.path) if (one.patch.kind, one.patch.target) in names]
    return Succession(tuple(changes), tuple(patches))


@contextmanager
def pack_at(name: str, version: str | None) -> Iterator[Pack]:
    """The pack at a version: as it is, or from its history. None is the one that it has.

    Raises InputError where it is another by now and its history does not have the version.
    """
    pack = Pack.load(name)
    if version in (None, pack.version):
        yield pack
        return
    history = History(pack.path)
    entry = next((one for one in history.entries() if one.after == version), None)
    if entry is None:
        raise InputError(
            f"is version {pack.version} by now, the run was trained under {version}, and its history does "
            "not have that one",
            name,
        )
    with staged(history.files_at(entry), pack.path) as found:
        yield found


def find_suite(name: str, pack: str, output: Path) -> str:
    """The folder or name of the pack that is asked for: a pack, or a version in the history of `pack`.

    Such a version is written to `output`/pack, with its history. Raises InputError where there is neither.
    """
    try:
        find_pack(name)
    except InputError as error:
        folder = find_pack(pack)
        known = {entry.after: entry.number for entry in History(folder).entries()}
        if name not in known:
            told = f"; versions in the history of {pack}: {', '.join(known)}" if known else ""
            raise InputError(error.message + told, name, field="suite") from None
        return str(_snapshot(folder, name, known[name], output / "pack"))
    return name


def _snapshot(folder: Path, version: str, last: int, output: Path) -> Path:
    """The pack at a version of its history, which ends there."""
    if output.exists():
        if Pack.load(output).version != version:
            raise InputError(
                f"holds another version of the pack than {version}: take another directory", str(output)
            )
        return output
    rebuild(folder, version, output)
    (output / FOLDER / "objects").mkdir(parents=True)
    for path in sorted((folder / FOLDER).glob("[0-9]*.json")):
        if int(path.stem) <= last:
            copyfile(path, output / FOLDER / path.name)
    for path in (folder / FOLDER / "objects").iterdir():
        copyfile(path, output / FOLDER / "objects" / path.name)
    return output
