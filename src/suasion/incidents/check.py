"""Whether a patch does to its examples what it says, and leaves alone what must stay."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from suasion.data.rubric import load_rubric
from suasion.errors import InputError
from suasion.incidents.patch import ENOUGH_VERDICTS, Case, PatchFile, record_of
from suasion.incidents.patched import Files, candidate, entries_of, patched, staged
from suasion.incidents.readings import Asked
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.rule_file import RuleFile
from suasion.rewards.rules import RuleSet

GROUPS: tuple[Literal["hits", "passes"], ...] = ("hits", "passes")


@dataclass(frozen=True, slots=True)
class JudgeCase:
    """A criterion's case, number `number` under `hits` or `passes`: only a judge can try it."""

    group: Literal["hits", "passes"]
    number: int
    reply: Dialogue


@dataclass(frozen=True, slots=True)
class Checked:
    """A patch that holds. `also`: for each hit that other rules object to as well, which.

    to_judge: of a criterion, what `judge_cases` must still try.
    """

    flips: int
    stays: int
    verdicts: int
    before: str  # versions of the pack
    after: str
    also: tuple[tuple[str, ...], ...] = ()
    to_judge: tuple[JudgeCase, ...] = ()


def check_patch(patch: PatchFile, files: Files, origin: Path, in_force: Sequence[PatchFile] = ()) -> Checked:
    """Try the patch on a pack of these files; `origin` is where they are from, for what is told.

    The pack's own examples are run in it, then the patch's, then those of the patches that are in force. Of a
    criterion's own it is only seen to that they are records of the pack: `judge_cases` tries them.
    Raises InputError for the first thing that does not hold, at its line in the patch where it lies there.
    """
    _refuse_same_target(patch, in_force)
    _refuse_same_words(patch, files, origin)
    with staged(files, origin) as old, candidate(patch, files, origin) as new:
        if patch.patch.criterion is not None:
            return _check_criterion(patch, old, new)
        before, after = RuleSet.load(old), RuleSet.load(new)
        flips, also = 0, []
        for number, reply in _records(patch, "hits", new):
            was, hits = _objecting(before, reply), _objecting(after, reply)
            if patch.patch.target not in hits:
                raise patch.error(f"must object to {reply.reply!r}, but does not", "hits", number)
            if patch.patch.target in was:
                raise patch.error(f"objected to {reply.reply!r} before: it does not flip", "hits", number)
            flips += 1
            also.append(tuple(name for name in hits if name != patch.patch.target))
        stays = 0
        for number, reply in _records(patch, "passes", new):
            if patch.patch.target in _objecting(after, reply):
                raise patch.error(f"objects to {reply.reply!r}, but must not", "passes", number)
            if patch.patch.target in _objecting(before, reply):
                flips += 1
            else:
                stays += 1
        if not flips:
            raise patch.error("flips none of its dialogues: name at least one under hits (or passes)", "hits")
        _keep_promises(patch, before, after, in_force)
        return Checked(flips, stays, 0, old.version, new.version, tuple(also))


def _check_criterion(patch: PatchFile, old: Pack, new: Pack) -> Checked:
    load_rubric(new)
    RuleSet.load(new)
    cases = [JudgeCase(group, *one) for group in GROUPS for one in _records(patch, group, new)]
    return Checked(0, 0, _enough_verdicts(patch), old.version, new.version, to_judge=tuple(cases))


def judge_cases(patch: PatchFile, checked: Checked, asked: Asked) -> Checked:
    """Ask what reads the patch's criterion about its hits and passes, and count them.

    A hit must get the bad answer, which is yes where the criterion takes points and no where it gives some; a
    pass must get the other. What the criterion's judge said before is not known: there was none of it alone.
    Raises InputError at the line of the first case that gets another answer, or none.
    """
    bad_is_yes = patch.patch.criterion is not None and patch.patch.criterion.points <= 0
    cases = checked.to_judge
    for case, yes in zip(cases, asked([one.reply for one in cases]), strict=True):
        must = "yes" if (case.group == "hits") == bad_is_yes else "no"
        if yes is None:
            raise patch.error(f"the judge did not read {case.reply.reply!r}", case.group, case.number)
        if (yes >= 0.5) != (must == "yes"):
            found = f"the judge must say {must} to {case.reply.reply!r}, but takes yes for {yes:.0%} likely"
            raise patch.error(found, case.group, case.number)
    flips = sum(case.group == "hits" for case in cases)
    return replace(checked, flips=flips, stays=len(cases) - flips, to_judge=())


def _records(patch: PatchFile, group: str, pack: Pack) -> Iterable[tuple[int, Dialogue]]:
    brief = pack.file("rules.yaml").parse(RuleFile).example_brief if pack.has("rules.yaml") else {}
    cases: tuple[Case, ...] = getattr(patch.patch, group)
    for number, case in enumerate(cases):
        reply = record_of(case, brief, patch, (group, number))
        try:
            pack.check_brief(reply.brief)
        except InputError as error:
            raise patch.error(f"{error.field}: {error.message}", group, number) from None
        yield number, reply


def _objecting(rules: RuleSet, reply: Dialogue) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hit.name for hit in rules.check(reply).evidence))


def _enough_verdicts(patch: PatchFile) -> int:
    labelled = patch.labelled()
    if len(labelled) < ENOUGH_VERDICTS:
        message = f"a criterion needs at least {ENOUGH_VERDICTS} labelled verdicts, found {len(labelled)}"
        unsure = [one for one in patch.patch.verdicts if not isinstance(one, str) and not one.confirmed]
        more = f"; {len(unsure)} more are not confirmed" if unsure else ""
        raise patch.error(message + more, "verdicts")
    if len({one.verdict for one in labelled}) < 2:
        raise patch.error("has the same verdict everywhere: there is nothing to learn", "verdicts")
    return len(labelled)


def check_all(
    patches: Sequence[PatchFile], files: Files, origin: Path, in_force: Sequence[PatchFile] = ()
) -> list[Checked]:
    """Each patch on the pack that those before it have made: two that contradict each other are found.

    Raises InputError as `check_patch` does.
    """
    checked = []
    for patch in patches:
        checked.append(check_patch(patch, files, origin, in_force))
        files, in_force = patched(patch, files, origin), [*in_force, patch]
    return checked


def _refuse_same_words(patch: PatchFile, files: Files, origin: Path) -> None:
    """A judge's readings are kept by a criterion's id and version: another question is another version."""
    criterion, name = patch.patch.criterion, patch.patch.file
    if criterion is None or patch.patch.change != "change" or name not in files:
        return
    entries, _ = entries_of(files[name].decode("utf-8"), origin / name, patch.patch.key)
    old = entries.get(criterion.id, {})
    if old.get("question") != criterion.question and criterion.version <= int(old.get("version", 1)):
        message = f"another question needs a version above {old.get('version', 1)}"
        raise patch.error(message, "criterion", "version")


def _refuse_same_target(patch: PatchFile, in_force: Sequence[PatchFile]) -> None:
    """Two changes of one thing from one base contradict each other, even where both could be pasted in."""
    for other in in_force:
        one, two = patch.patch, other.patch
        if (one.kind, one.target, one.base) == (two.kind, two.target, two.base):
            how = f"{two.change}s {two.kind} {two.target!r}" + (" from the same version" if two.base else "")
            raise patch.error(f"contradicts patch {two.id!r}, which {how}", "base" if one.base else one.kind)


def _keep_promises(patch: PatchFile, before: RuleSet, after: RuleSet, in_force: Sequence[PatchFile]) -> None:
    """Raise InputError where the patch breaks what a patch in force was made for."""
    mine = patch.patch.target
    for other in in_force:
        target = other.patch.target
        for _, reply in _records(other, "hits", after.pack) if other.patch.kind == "rule" else ():
            if target in _objecting(before, reply) and target not in _objecting(after, reply):
                raise patch.error(
                    f"contradicts patch {other.patch.id!r}: {target!r} must object to {reply.reply!r}, but "
                    "no longer would; revert that patch first, or mend one of the two",
                )
        for _, reply in _records(other, "passes", after.pack) if other.patch.kind == "rule" else ():
            if mine in _objecting(after, reply) and mine not in _objecting(before, reply):
                raise patch.error(
                    f"contradicts patch {other.patch.id!r}: {reply.reply!r} must stay as it is, but {mine!r} "
                    "would object to it; revert that patch first, or mend one of the two",
                )
