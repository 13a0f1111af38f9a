"""A pack of one's own begins as a copy that passes its check, and never costs anybody a file."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.errors import InputError
from suasion.negotiation.new_pack import new_pack
from suasion.negotiation.pack import Pack


@pytest.mark.parametrize("source", ["hotel", "generic", "donation"])
def test_a_new_pack_passes_its_check(source: str, tmp_path: Path) -> None:
    folder = tmp_path / "packs" / "mine"
    made = CliRunner().invoke(main, ["pack", "new", "mine", "--from", source, "--output", str(folder)])
    assert made.exit_code == 0, made.output
    checked = CliRunner().invoke(main, ["pack", "check", str(folder)])
    assert checked.exit_code == 0, checked.output
    assert checked.output.splitlines()[-1].startswith("mine "), "behind the drawing"
    mine, theirs = Pack.load(folder), Pack.load(source)
    assert (mine.id, mine.manifest.version) == ("mine", 1)
    assert theirs.manifest.title in mine.manifest.title
    assert mine.sop == theirs.sop
    assert mine.version != theirs.version
    assert (folder / "rules.yaml").read_bytes() == (theirs.path / "rules.yaml").read_bytes()
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]


def test_comments_and_everything_else_stay(tmp_path: Path) -> None:
    made = new_pack("mine", "hotel", tmp_path / "mine", title='They say "no"')
    old = (Pack.load("hotel").path / "pack.yaml").read_text("utf-8").splitlines()
    new = (made.path / "pack.yaml").read_text("utf-8").splitlines()
    assert [n for n, (a, b) in enumerate(zip(old, new, strict=True)) if a != b] == [1, 3]
    assert made.manifest.title == 'They say "no"'


def test_a_title_over_several_lines_is_replaced_whole(tmp_path: Path) -> None:
    first = new_pack("first", "generic", tmp_path / "first")
    path = first.path / "pack.yaml"
    lines = path.read_text("utf-8").splitlines()
    lines[3:4] = ["title: >-", "  One thing", "  and another."]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    Pack.load.__func__.__globals__["_load"].cache_clear()  # a changed folder is another pack
    assert new_pack("second", first.path, tmp_path / "second", title="short").manifest.title == "short"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    kept = tmp_path / "mine" / "notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        new_pack("mine", "hotel", kept.parent)
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        new_pack("mine", "hotel", file)
    assert kept.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]
    kept.unlink()
    assert new_pack("mine", "hotel", kept.parent).id == "mine"  # an empty folder is as good as none


@pytest.mark.parametrize("name", ["", "Mine", "my pack", "../mine", "1st", "a: b"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="small letters"):
        new_pack(name, "hotel", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_a_source_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such pack"):
        new_pack("mine", "nowhere", tmp_path / "mine")
