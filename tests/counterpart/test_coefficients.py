"""counterpart.yaml: faults are told with file, line and field."""

import shutil
from pathlib import Path

import pytest

from suasion.counterpart.coefficients import Coefficients, load_ears, words
from suasion.errors import InputError
from suasion.negotiation.pack import Pack, find_pack


def broken(tmp_path: Path, old: str, new: str) -> Pack:
    folder = tmp_path / "hotel"
    shutil.copytree(find_pack("hotel"), folder)
    file = folder / "counterpart.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    return Pack.load(folder)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  late: 0.15", "  late: 1.5", "less than or equal to 1"),
        ("  late: 0.15", "  lately: 0.15", "late"),
        ("mood: [0.45, 0.90]", "mood: [0.9, 0.45]", "a range is written"),
        ("'\\bor else\\b'", "'(?=or else)'", "RE2 refuses"),
        ("styles: [plain, short, polite, chatty]", "styles: []", "at least 1"),
    ],
)
def test_faults_name_file_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as fault:
        load_ears(broken(tmp_path, old, new))
    assert str(fault.value.file).endswith("counterpart.yaml")
    assert (fault.value.line or 0) > 1


def test_every_coefficient_says_what_it_does() -> None:
    groups = [Coefficients, *(f.annotation for f in Coefficients.model_fields.values())]
    for group in groups:
        for name, field in getattr(group, "model_fields", {}).items():
            is_group = hasattr(field.annotation, "model_fields") or name == "version"
            assert is_group or field.description, f"{group}.{name}"


def test_pressure_and_promises_are_known_by_the_packs_patterns(pack: Pack) -> None:
    ears = load_ears(pack)
    assert ears.is_pressure("Lower it or else we will delist your hotel.")
    assert not ears.is_pressure("No pressure at all, have a good day.")
    assert ears.is_over_promise("We guarantee ten more bookings.")
    assert not ears.is_over_promise("I can't promise a number of bookings.")


def test_words_leave_digits_and_marks_out() -> None:
    assert words("I can't do 380, O\u2019Neil!") == ["i", "cant", "do", "oneil"]
