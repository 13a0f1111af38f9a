"""Packs of one's own, and patches as text."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from suasion.incidents.patch import PatchFile, load_patch
from suasion.negotiation.pack import Pack

EXAMPLES = Path(__file__).parents[2] / "examples"
RULE = """\
rule:
  id: walnut
  severity: critical
  points: -60
  note: names an internal project
  any:
    - '\\bProject\\s+Walnut\\b'   # the spring campaign
  hits: ["It is for Project Walnut."]
  passes: ["It is for our guests."]
"""
HEAD = """\
id: add-walnut
who: Mei
when: "2026-11-26"
why: names an internal project
"""
CASES = """\
hits: ["Project  Walnut asks for it."]
passes: ["We like walnut cake."]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A copy of the generic pack."""
    return copy_of("generic", tmp_path / "own")


def copy_of(name: str, folder: Path) -> Path:
    copytree(Pack.load(name).path, folder)
    rmtree(folder / "__pycache__", ignore_errors=True)
    return folder


@pytest.fixture
def patch_of(tmp_path: Path) -> Callable[..., PatchFile]:
    """Writes the text of a patch and loads it."""

    def write(text: str = HEAD + RULE + CASES, name: str = "patch.yaml", **changes: str) -> PatchFile:
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return load_patch(path)

    return write


@pytest.fixture
def walnut(patch_of: Callable[..., PatchFile]) -> PatchFile:
    """A patch that adds a rule."""
    return patch_of()
