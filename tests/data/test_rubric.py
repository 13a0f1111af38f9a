"""A rubric that names what there is not is refused with file and line."""

import shutil
from pathlib import Path

import pytest

from suasion.data.rubric import load_rubric
from suasion.errors import InputError
from suasion.negotiation.pack import Pack


def test_the_packs_rubric_loads(pack: Pack) -> None:
    rubric = load_rubric(pack)
    assert 1 <= len(rubric.criteria) <= 8
    assert rubric.merits
    assert all(criterion.points > 0 for criterion in rubric.merits)


RUBRIC = """version: 1
criteria:
  - id: first
    question: First?
    points: 20
    acts: [empathise]
  - id: second
    question: Second?
    points: -50
    defects: [rude]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("[empathise]", "[empathize]", 6, "unknown name 'empathize'"),
        ("[rude]", "[rudeness]", 10, "unknown name 'rudeness'"),
        ("id: second", "id: first", 7, "given twice"),
        ("points: -50", "points: many", 9, "number"),
        ("question: Second?", "qestion: Second?", 8, "mend its spelling"),
    ],
)
def test_faults_are_named_by_line(
    tmp_path: Path, pack: Pack, old: str, new: str, line: int, message: str
) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(pack.path, folder)
    (folder / "rubric.yaml").write_text(RUBRIC.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        load_rubric(Pack.load(folder))
    assert caught.value.line == line
