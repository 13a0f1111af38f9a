"""What a run can go on under, what a patch brings along, and versions from a history."""

from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.incidents.apply import apply_patch, revert_patch
from suasion.incidents.patch import PatchFile
from suasion.incidents.succession import find_suite, pack_at, succession
from suasion.negotiation.pack import Pack

from .conftest import HEAD, RULE

DIALOGUE = """\
hits:
  - dialogue: {id: a, brief: {}, turns: [{speaker: counterpart, text: "Why?"}], reply: For Project Walnut.}
  - It is Project Walnut.
passes:
  - dialogue: {id: b, brief: {}, turns: [{speaker: counterpart, text: "Why?"}], reply: For our guests.}
  - dialogue: {id: c, brief: {}, turns: [{speaker: counterpart, text: "Who?"}], reply: We are.}
"""


@pytest.fixture
def patch(patch_of) -> PatchFile:  # type: ignore[no-untyped-def]
    found: PatchFile = patch_of(HEAD + RULE + DIALOGUE)
    return found


def test_a_patch_brings_each_context_once_and_no_mere_text(own: Path, patch: PatchFile) -> None:
    old = Pack.load("generic")
    apply_patch(patch, own)
    found = succession(old, Pack.load(own))
    assert [(change.sign, change.name) for change in found.changes] == [("+", "walnut")]
    contexts = found.contexts(Pack.load(own))
    assert [[turn.text for turn in one.turns] for one in contexts] == [["Why?"], ["Who?"]]
    assert {one.reply for one in contexts} == {""}
    assert found.verdicts == []


def test_the_same_suite_and_another_domain_are_refused(own: Path) -> None:
    old = Pack.load("generic")
    with pytest.raises(InputError, match="is the suite that the run was trained under"):
        succession(old, Pack.load(own))
    path = own / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# a comment alone is no change\n", encoding="utf-8")
    with pytest.raises(InputError, match="is the suite that"):
        succession(old, Pack.load(own))
    path = own / "intents.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("version: 1", "version: 2", 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"this differs too: ~ intents.yaml: field version"):
        succession(old, Pack.load(own))


def test_a_version_of_the_history_is_written_with_what_led_to_it(
    own: Path, patch: PatchFile, tmp_path: Path
) -> None:
    before = Pack.load(own).version
    applied = apply_patch(patch, own)
    revert_patch("add-walnut", own, "Mei", "tried it")
    assert Pack.load(own).version == before
    found = find_suite(applied.after, str(own), tmp_path / "run")
    assert Pack.load(found).version == applied.after
    assert [one.patch.id for one in succession(Pack.load(own), Pack.load(found)).patches] == ["add-walnut"]
    assert find_suite(applied.after, str(own), tmp_path / "run") == found
    with pytest.raises(InputError, match="holds another version"):
        find_suite(before, str(own), tmp_path / "run")
    with pytest.raises(InputError, match=rf"no such pack.*versions in the history.*{applied.after}"):
        find_suite("0123456789ab", str(own), tmp_path / "other")


def test_the_pack_as_it_was_when_the_run_was_trained(own: Path, patch: PatchFile) -> None:
    before = Pack.load(own).version
    after = apply_patch(patch, own).after
    for version in (before, after, None):
        with pack_at(str(own), version) as found:
            assert found.version == (version or after)
    with pytest.raises(InputError, match="its history does not have that one"), pack_at(str(own), "0" * 12):
        pass
