"""A broken pack is refused with file, line and field; a good one loads and knows its briefs."""

import shutil
from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.pack import Pack, find_pack
from suasion.rewards.rules import RuleSet


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the hotel pack to break."""
    return Path(shutil.copytree(find_pack("hotel"), tmp_path / "mine"))


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("sop.yaml", "to: decline}", "to: nowhere}", "unknown name 'nowhere'"),
        ("sop.yaml", "requires: [introduce]", "requires: [bow]", "unknown name 'agent.bow'"),
        (
            "sop.yaml",
            "on: counterpart.opt_out",
            "on: counterpart.sneeze",
            "unknown name 'counterpart.sneeze'",
        ),
        ("sop.yaml", "max_attempts: 3", "max_attemps: 3", "unknown key"),
        ("sop.yaml", "give_in_stage: decline", "give_in_stage: [", "not valid YAML"),
        ("pack.yaml", "version: 1", "version: one", "integer"),
        ("pack.yaml", 'stage: "[{stage}{notes}]"', 'stage: "[{step}]"', "expected a note in square"),
        ("pack.yaml", '": {room}"', '": {room"', "slots stand in braces"),
        *(
            ("pack.yaml", 'stage: "[{stage}{notes}]"', f'stage: "{template}"', "expected a note in square")
            for template in (
                "note",
                "{stage}{notes}",
                "[{notes}{stage}{stage}]",
                "[{stage!s}]",
                "[{stage:>9}]",
                "[{{stage}}]",
                " [{stage}]",
                "[[{stage}]]",
            )
        ),
        ("pack.yaml", 'stage: "[{stage}{notes}]"', 'stage: "[{stage}]"', "nothing says where they stand"),
        ("pack.yaml", 'opening: "[start]"', 'opening: "(start)"', "expected a note in square"),
        (
            "pack.yaml",
            'silence: "[silent for {minutes:g} minutes]"',
            'silence: "[{hours}]"',
            "expected a note",
        ),
        ("pack.yaml", '": {room}"', '": {}"', "expected plain slots"),
        ("pack.yaml", '": {room}"', '": {room:d}"', "expected plain slots"),
        ("pack.yaml", '": {room}"', '": [{room}]"', "no square brackets"),
        ("pack.yaml", '", goal {target}"', '", goal {}"', "expected plain slots"),
        (
            "pack.yaml",
            "      persuade:",
            "      pursue:",
            "no such stage; the SOP has open, present, persuade",
        ),
        ("intents.yaml", "version: 1", "version: 1\ncolour: blue", "unknown key"),
    ],
)
def test_a_broken_file_is_named_with_its_line(folder: Path, name: str, old: str, new: str, says: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=says) as caught:
        Pack.load(folder)
    assert caught.value.file == str(path)
    assert caught.value.line


def test_a_faulty_note_is_named_by_its_stage(folder: Path) -> None:
    path = folder / "pack.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(lines) if line.lstrip().startswith("persuade:"))
    lines[number] = "      persuade: ', goal [{target}]'"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=r"no square brackets \(found ', goal") as caught:
        Pack.load(folder)
    assert (caught.value.line, caught.value.field) == (number + 1, "prompt.notes.stages.persuade")


def test_a_stage_that_cannot_be_reached_is_refused(folder: Path) -> None:
    path = folder / "sop.yaml"
    island = "  - id: island\n    goal: none\n    moves: [[bye]]\n    terminal: true\n    exits: []\n"
    island += "\nside_states:"
    path.write_text(
        path.read_text(encoding="utf-8").replace("\nside_states:", f"\n{island}"), encoding="utf-8"
    )
    with pytest.raises(InputError, match="stage 'island' can't be reached from 'open'") as caught:
        Pack.load(folder)
    assert caught.value.line == path.read_text(encoding="utf-8").splitlines().index("  - id: island") + 1


def test_a_stage_without_a_way_out_is_refused(folder: Path) -> None:
    path = folder / "sop.yaml"
    trap = "      - {on: counterpart.opt_out, to: trap}\n      - {on: agent.introduce, to: present}"
    loop = "  - id: trap\n    goal: none\n    moves: [[greet]]\n    exits: []\n\nside_states:"
    text = path.read_text(encoding="utf-8")
    first = "      - {on: counterpart.opt_out, to: decline}\n      - {on: agent.introduce, to: present}"
    assert first in text
    path.write_text(text.replace(first, trap).replace("\nside_states:", f"\n{loop}"), encoding="utf-8")
    with pytest.raises(InputError, match="stage 'trap' leads to no terminal stage"):
        Pack.load(folder)


def test_a_pattern_that_re2_refuses_is_named(folder: Path) -> None:
    path = folder / "rules.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(r"'\bside state\b'", "'(?=.*guarantee)x'"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        RuleSet.load(Pack.load(folder))
    assert caught.value.file == str(path)
    assert "(?=.*guarantee)x" in path.read_text(encoding="utf-8").splitlines()[(caught.value.line or 1) - 1]


def test_an_example_that_breaks_is_named(folder: Path) -> None:
    path = folder / "rules.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('      - "Please answer promptly."', '      - "our work order"'), encoding="utf-8"
    )
    with pytest.raises(InputError, match="internal-vocabulary") as caught:
        RuleSet.load(Pack.load(folder))
    assert caught.value.file == str(path)


def test_an_unknown_pack_tells_which_there_are() -> None:
    with pytest.raises(InputError, match="donation, generic, hotel"):
        Pack.load("none")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hotel": None}, "brief.hotel"),
        ({"hotel": " "}, "brief.hotel"),
        ({"stars": "5"}, "brief.stars"),
    ],
)
def test_a_brief_is_checked_against_the_pack(change: dict[str, str | None], field: str) -> None:
    details = {"hotel": "Sunrise Hotel", "agency": "Voyara", "agent_name": "Lin"} | change
    brief = Brief.model_validate({key: value for key, value in details.items() if value is not None})
    with pytest.raises(InputError) as caught:
        Pack.load("hotel").check_brief(brief)
    assert caught.value.field == field


def test_any_change_is_another_version(folder: Path) -> None:
    before = Pack.load(folder).version
    with (folder / "phrases.yaml").open("a", encoding="utf-8") as out:
        out.write("# a word more\n")
    assert Pack.load(folder).version != before
