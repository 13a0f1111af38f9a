"""Briefs for imported dialogues: one for all, or by id; a broken one is named with its line."""

from pathlib import Path

import pytest
from tests.data.talks import talk

from suasion.data.given_briefs import given_briefs
from suasion.errors import InputError
from suasion.negotiation.dialogue import write_dialogues
from suasion.negotiation.pack import Pack

BRIEF = Path(__file__).parents[2] / "examples" / "brief.yaml"


def test_one_brief_serves_all(pack: Pack) -> None:
    of = given_briefs(BRIEF, pack.check_brief)
    assert of("a") == of("b")
    assert of("a").tickets[0].details["check_in"] == "2026-12-01"


def test_records_give_the_brief_of_their_id(pack: Pack, tmp_path: Path) -> None:
    write_dialogues(tmp_path / "a.jsonl", [talk("a", hotel="Moon Hotel"), talk("b")])
    of = given_briefs(tmp_path / "a.jsonl", pack.check_brief)
    assert (of("a").details["hotel"], of("b").details["hotel"]) == ("Moon Hotel", "Sunrise Hotel")
    with pytest.raises(InputError, match="no record 'c'"):
        of("c")


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("selling_price: 420", "selling_price: -1", 14, "tickets.0.selling_price"),
        ("hotel: Sunrise Hotel\n", "", 2, "hotel"),
        ("check_out: 2026-12-02", "check_out: 2026-11-02", 12, "tickets.0.check_out"),
    ],
)
def test_a_broken_brief_is_named(
    pack: Pack, tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    text = BRIEF.read_text("utf-8")
    assert old in text
    path = tmp_path / "brief.yaml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InputError) as caught:
        given_briefs(path, pack.check_brief)
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), line, field)
