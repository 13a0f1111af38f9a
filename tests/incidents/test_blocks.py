"""Edits by lines: one entry changes, every other byte stays."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suasion.errors import InputError
from suasion.incidents.blocks import list_blocks, mapping_lines

TEXT = """\
# on top
version: 1
rules:
  # --- first part ---
  - id: a
    any: ['x', # inline
          'y']

  # about b
  - id: b   # beside
    note: |
      several
      lines

  - id: c
    any:
      - 'z'
# below
last: 1
"""
LINES = ["id: new", "any:", "  - 'n'  # why"]


def test_blocks_leave_out_comments_between_them() -> None:
    listing = list_blocks(TEXT, "f", "rules")
    sources = {block.id: listing.source(block) for block in listing.blocks}
    assert list(sources) == ["a", "b", "c"]
    assert sources["b"] == "  - id: b   # beside\n    note: |\n      several\n      lines\n"
    assert sources["c"].endswith("- 'z'\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_what_is_replaced_or_removed_is_one_entry(name: str, newline: str) -> None:
    text = TEXT.replace("\n", newline)
    listing = list_blocks(text, "f", "rules")
    block = listing.get(name)
    assert block is not None
    replaced, removed = listing.replaced(block, LINES), listing.removed(block)
    assert replaced.startswith(text[: block.start])
    assert replaced.endswith(text[block.end :])
    assert [one["id"] for one in yaml.safe_load(replaced)["rules"]] == [
        "new" if one == name else one for one in "abc"
    ]
    assert [one["id"] for one in yaml.safe_load(removed)["rules"]] == [one for one in "abc" if one != name]
    for edited in (replaced, removed):
        assert "# on top" in edited
        assert "# below" in edited
        assert edited.count("\n") == edited.count(newline)


@pytest.mark.parametrize("text", [TEXT, TEXT.removesuffix("# below\nlast: 1\n").rstrip("\n")])
def test_an_appended_entry_comes_last(text: str) -> None:
    edited = list_blocks(text, "f", "rules").appended(LINES)
    assert [one["id"] for one in yaml.safe_load(edited)["rules"]] == ["a", "b", "c", "new"]
    assert edited.replace("\n\n  - id: new\n    any:\n      - 'n'  # why", "", 1).rstrip() == text.rstrip()


@given(
    st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=5, unique=True),
    st.integers(0, 4),
    st.booleans(),
)
def test_an_entry_put_back_is_where_it_was(names: list[str], number: int, gaps: bool) -> None:
    text = "rules:\n" + ("\n" if gaps else "").join(f"- id: {name}\n  points: 1 # c\n" for name in names)
    listing = list_blocks(text, "f", "rules")
    block = listing.blocks[number % len(names)]
    if len(names) > 1:
        rest = list_blocks(listing.removed(block), "f", "rules")
        back = rest.inserted(number % len(names), listing.source(block))
        assert [one.id for one in list_blocks(back, "f", "rules").blocks] == names


@pytest.mark.parametrize(
    "text", ["rules: []\n", "rules: [{id: a}]\n", "other: 1\n", "rules:\n  - note: x\n", ""]
)
def test_what_can_not_be_edited_by_lines_is_told(text: str) -> None:
    with pytest.raises(InputError, match="rules"):
        list_blocks(text, "f", "rules")


def test_a_mappings_lines_and_where_they_begin() -> None:
    lines, first = mapping_lines(
        "id: x\nrule:\n    # why\n    id: a\n\n    any: ['b']  # c\nhits: []\n", "rule"
    )
    assert (lines, first) == (["id: a", "", "any: ['b']  # c"], 4)
    with pytest.raises(ValueError, match="one field a line"):
        mapping_lines("rule: {id: a}\n", "rule")
