"""YAML that is none, or too much, is told by file and line; found by `make fuzz`."""

from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.yaml_files import parse_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]\n"
    for last, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: [", 1, "not valid YAML"),
        ("a: 1\nb: \x17", 2, "is no text"),
        ("\ud800", 1, "is no text"),
        ("a: 2026-02-30", None, "day is out of range"),
        ("a: !!int zz", None, "not valid YAML"),
        ("a: !!timestamp 3", None, "does not fit its tag"),
        ("a: 1\n? [b]\n: c", 2, "a key is a word"),
        ("a: 1\na: 2", 2, "key given twice"),
        ('a: 1\nb: "\\ud800"', 2, "is no text"),
        ('a: 1\n"\\udfff": 2', 2, "is no text"),
        ("[" * 3000, None, "nested too deeply"),
        ("a: &x [*x]", None, "nested too deeply"),
        (LAUGHS, None, "more than 100,000 entries"),
        ("a: !!python/object/apply:os.getcwd []", 1, "could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_is_told(text: str, line: int | None, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_yaml(text, Path("x.yaml"))
    assert (caught.value.file, caught.value.line) == ("x.yaml", line)


def test_an_alias_stands_for_what_it_names() -> None:
    file = parse_yaml("a: &words [one, 'on']\nb: *words", Path("x.yaml"))
    assert file.content == {"a": ["one", "on"], "b": ["one", "on"]}
