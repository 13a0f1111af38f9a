"""A pack with its history: back to the same bytes, every version rebuilt, a kill leaves before or after."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from suasion.data.rubric import load_rubric
from suasion.errors import InputError
from suasion.incidents.apply import (
    apply_patch,
    own_folder,
    patches_in_force,
    revert_patch,
    verdicts_in_force,
)
from suasion.incidents.history import History, rebuild
from suasion.incidents.patch import PatchFile, load_patch
from suasion.incidents.patched import read_files
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack, files_version
from suasion.rewards.rules import RuleSet
from suasion.rewards.suite import RewardSuite

from .conftest import CASES, HEAD, RULE, copy_of
from .test_patch import CRITERION, THREAT, base, verdicts

Write = Callable[..., PatchFile]


def version(folder: Path) -> str:
    return files_version(read_files(folder))


def test_applied_it_objects_and_reverted_all_is_as_before(own: Path, walnut: PatchFile) -> None:
    before, first = read_files(own), version(own)
    entry = apply_patch(walnut, own)
    assert (entry.before, entry.after) == (first, version(own))
    rules = RuleSet.load(Pack.load(str(own)))
    reply = Dialogue.model_validate({"id": "d", "brief": {}, "reply": "It is for project walnut."})
    assert [hit.name for hit in rules.check(reply).evidence] == ["walnut"]
    assert [one.patch for one in patches_in_force(own)] == [walnut.patch]
    revert_patch("add-walnut", own, "Mei", "no longer secret")
    assert read_files(own) == before
    assert version(own) == first
    assert patches_in_force(own) == []
    assert [one.action for one in History(own).entries()] == ["start", "apply", "revert"]


def test_a_patch_is_applied_once_and_reverted_once(own: Path, walnut: PatchFile) -> None:
    apply_patch(walnut, own)
    with pytest.raises(InputError, match="in force already"):
        apply_patch(walnut, own)
    revert_patch("add-walnut", own, "Mei", "x")
    with pytest.raises(InputError, match="no patch 'add-walnut' is in force; in force: none"):
        revert_patch("add-walnut", own, "Mei", "x")
    apply_patch(walnut, own)
    assert len(patches_in_force(own)) == 1


def test_a_built_in_pack_is_read_only(own: Path) -> None:
    for name in ("hotel", Pack.load("hotel").path):
        with pytest.raises(InputError, match="read-only: copy its folder"):
            own_folder(name)
    assert own_folder(own) == own


def word(name: str, patch_of: Write) -> PatchFile:
    """A patch whose rule forbids the word."""
    text = (HEAD + RULE + CASES).replace("walnut cake", "cake").replace("Project\\s+Walnut", name)
    return patch_of(
        text.replace("Project  Walnut", name).replace("Project Walnut", name).replace("walnut", name)
    )


PLANTS = ("almond", "beech", "cherry", "damson")


@pytest.mark.slow
@settings(max_examples=6, deadline=None, phases=[Phase.generate])
@given(order=st.permutations(range(3)), edits=st.lists(st.booleans(), min_size=3, max_size=3))
def test_in_whatever_order_they_are_taken_back(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], edits: list[bool]
) -> None:
    """Every version that a patch met can be rebuilt; with all taken back the rules are the first ones."""
    folder = tmp_path_factory.mktemp("packs")
    own = copy_of("generic", folder / "own")
    versions = {}
    first = read_files(own)

    def write(text: str) -> PatchFile:
        path = folder / "patch.yaml"
        path.write_text(text, encoding="utf-8")
        return load_patch(path)

    for plant, edited in zip(PLANTS[:3], edits, strict=True):
        if edited:  # somebody edits another file by hand in between
            with (own / "pack.yaml").open("a", encoding="utf-8") as file:
                file.write(f"# {plant}\n")
        versions[version(own)] = read_files(own)
        apply_patch(word(plant, write), own)
        versions[version(own)] = read_files(own)
    for number in order:
        revert_patch(f"add-{PLANTS[number]}", own, "Mei", "x")
        versions[version(own)] = read_files(own)
    assert read_files(own)["rules.yaml"] == first["rules.yaml"]
    for number, (name, files) in enumerate(versions.items()):
        rebuild(own, name, folder / f"re{number}")
        assert read_files(folder / f"re{number}") == files
        assert version(folder / f"re{number}") == name


def test_a_change_and_a_removal_are_taken_back_alone(own: Path, patch_of: Write, walnut: PatchFile) -> None:
    first = read_files(own)["rules.yaml"]
    change = patch_of(
        HEAD.replace("add-walnut", "change") + f"base: {base()}\n" + THREAT + 'hits: ["No choice."]\n',
        name="c.yaml",
    )
    removal = patch_of(
        HEAD.replace("add-walnut", "remove") + f"removes: over-promise\nbase: {base('over-promise')}\n"
        'passes: ["I promise you a nice evening."]\n',
        name="r.yaml",
    )
    for patch in (change, removal, walnut):
        apply_patch(patch, own)
    after = read_files(own)["rules.yaml"]
    assert b"over-promise" not in after
    for name in ("change", "remove", "add-walnut"):
        revert_patch(name, own, "Mei", "x")
    assert read_files(own)["rules.yaml"] == first


def test_what_was_changed_since_is_not_taken_back(own: Path, walnut: PatchFile) -> None:
    apply_patch(walnut, own)
    path = own / "rules.yaml"
    path.write_text(
        path.read_text("utf-8").replace("note: names an internal", "note: says an internal"), "utf-8"
    )
    with pytest.raises(InputError, match="was changed after patch 'add-walnut'"):
        revert_patch("add-walnut", own, "Mei", "x")
    assert "says an internal" in path.read_text("utf-8")


def test_a_patch_that_does_not_hold_leaves_no_trace(own: Path, patch_of: Write) -> None:
    before = read_files(own)
    with pytest.raises(InputError):
        apply_patch(patch_of(HEAD + RULE + 'hits: ["Nobody."]\n'), own)
    assert read_files(own) == before
    assert History(own).entries() == []


def test_a_changed_history_is_told(own: Path, walnut: PatchFile) -> None:
    apply_patch(walnut, own)
    revert_patch("add-walnut", own, "Mei", "x")
    path = own / "history" / "0002.json"
    kept = path.read_text("utf-8")
    path.write_text(json.dumps({**json.loads(kept), "who": "somebody else"}), "utf-8")
    with pytest.raises(InputError, match=r"0003.json: does not follow the entry before it"):
        History(own).entries()
    path.write_text(kept, "utf-8")
    rules = History(own).entries()[1].files["rules.yaml"]
    (own / "history" / "objects" / rules).write_text("rules: []\n", "utf-8")
    with pytest.raises(InputError, match="is not what was kept"):
        rebuild(own, History(own).entries()[1].after, own.parent / "re")
    assert not (own.parent / "re").exists()


def test_rebuild_wants_a_version_it_has_and_a_new_folder(
    own: Path, walnut: PatchFile, tmp_path: Path
) -> None:
    apply_patch(walnut, own)
    with pytest.raises(InputError, match="no version 'feedfeedfeed'"):
        rebuild(own, "feedfeedfeed", tmp_path / "re")
    with pytest.raises(InputError, match="exists; name a new folder"):
        rebuild(own, version(own), own)


def test_a_criterions_verdicts_stay_with_the_pack(tmp_path: Path, patch_of: Write) -> None:
    own = copy_of("hotel", tmp_path / "own")
    verdicts(tmp_path / "told.jsonl", 24)
    assert "internal" not in {one.id for one in load_rubric(Pack.load(own)).criteria}
    apply_patch(patch_of(HEAD + CRITERION), own)
    (tmp_path / "told.jsonl").unlink()
    assert [one.id for one in load_rubric(Pack.load(own)).criteria][-1] == "internal"
    found = verdicts_in_force(own)
    assert {one.criterion for one in found} == {"internal"}
    assert [one.verdict for one in found] == [True, False] * 12
    revert_patch("add-walnut", own, "Mei", "x")
    assert verdicts_in_force(own) == []
    assert read_files(own) == read_files(Pack.load("hotel").path)


KILLED = """
import os, sys
from pathlib import Path
from suasion.incidents.apply import apply_patch
from suasion.incidents.patch import load_patch
steps = int(sys.argv[3])
real = {"replace": Path.replace, "rename": Path.rename}
def step(name):
    def moved(self, target):
        global steps
        if steps == 0:
            os._exit(9)  # as a kill: nothing is tidied up
        steps -= 1
        return real[name](self, target)
    return moved
Path.replace, Path.rename = step("replace"), step("rename")
apply_patch(load_patch(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_kill_at_any_move_leaves_before_or_after(tmp_path: Path, walnut: PatchFile) -> None:
    """Each file is moved to its place whole: killed before each of the moves in turn."""
    states: list[bool] = []
    for steps in range(40):
        own = copy_of("generic", tmp_path / f"own{steps}")
        before = read_files(own)
        words = [sys.executable, "-c", KILLED, str(walnut.path), str(own), str(steps)]
        done = subprocess.run(
            words, check=False, capture_output=True, env={**os.environ, "PYTHONWARNINGS": "ignore"}
        )
        applied = read_files(own) != before
        states.append(applied)
        if applied:
            assert [one.patch for one in patches_in_force(own)] == [walnut.patch]
            revert_patch("add-walnut", own, "Mei", "x")
            assert read_files(own) == before
        else:
            assert patches_in_force(own) == []
            apply_patch(walnut, own)
        assert not (own / "history" / "pending.json").exists()
        actions = [one.action for one in History(own).entries()]
        assert actions == ["start", "apply", "revert"][: len(actions)]
        if done.returncode == 0:
            break
        assert done.returncode == 9, done.stderr
    assert states == sorted(states)
    assert states[-2:] == [True, True]  # killed before the entry got its number, and not killed
    assert not states[0]


@pytest.mark.slow
def test_two_at_once_are_one_after_the_other(own: Path, patch_of: Write) -> None:
    script = "import sys\nfrom pathlib import Path\nfrom suasion.incidents.apply import apply_patch\n"
    script += "from suasion.incidents.patch import load_patch\n"
    script += "apply_patch(load_patch(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    paths = [
        word(plant, lambda text, plant=plant: patch_of(text, name=f"{plant}.yaml")).path for plant in PLANTS
    ]
    running = [subprocess.Popen([sys.executable, "-c", script, str(path), str(own)]) for path in paths]
    assert [one.wait(60) for one in running] == [0] * len(paths)
    assert sorted(one.patch.target for one in patches_in_force(own)) == list(PLANTS)
    RuleSet.load(Pack.load(str(own)))


def test_a_score_names_the_pack_version_from_which_its_suite_is_rebuilt(
    own: Path, walnut: PatchFile, tmp_path: Path
) -> None:
    reply = Dialogue.model_validate({"id": "d", "brief": {}, "reply": "It is for project walnut."})
    apply_patch(walnut, own)
    (given,) = RewardSuite(Pack.load(own)).score([reply])
    revert_patch("add-walnut", own, "Mei", "no longer secret")
    line = given.as_json("d")
    assert line["pack_version"] != version(own)
    rebuild(own, line["pack_version"], tmp_path / "then")
    suite = RewardSuite(Pack.load(tmp_path / "then"))
    assert suite.version == line["suite_version"]
    assert suite.score([reply]) == [given]
