"""Real dialogues arrive whole; broken tables are named by line and field."""

from pathlib import Path

import pytest

from suasion.data.tables import import_tables, load_tables, pack_of_tables
from suasion.errors import InputError
from suasion.negotiation.pack import Pack

TABLES = load_tables(Pack.load("donation"))
GOAL = "persuade the other person to donate to a charity"

TURNS = """,Unit,Turn,B4,B2
0,Hello there.,0,0,d1
1,How are you?,0,0,d1
2,"Fine, thanks.",0,1,d1
3,Would you like to give a little?,1,0,d1
4,No.,1,1,d1
5,Hello to you on this fine day.,0,0,d2
6,Yes?,0,1,d2
"""
OUTCOMES = """dialogue,role,donation_usd,turns
d1,0,0.5,2
d1,1,0.0,2
d2,0,0,1
d2,1,1.5,1
"""


def write(folder: Path, turns: str = TURNS, outcomes: str = OUTCOMES) -> Path:
    (folder / "full_dialog.csv").write_text(turns)
    (folder / "outcomes.csv").write_text(outcomes)
    return folder


def test_sentences_of_a_turn_become_one(tmp_path: Path) -> None:
    first, second = import_tables(write(tmp_path), TABLES, whole_brief=False)
    assert [(turn.speaker, turn.text) for turn in first.turns] == [
        ("agent", "Hello there. How are you?"),
        ("counterpart", "Fine, thanks."),
        ("agent", "Would you like to give a little?"),
        ("counterpart", "No."),
    ]
    assert first.brief.details["goal"] == GOAL
    assert second.outcome is not None
    assert second.outcome.model_extra == {"agent_donation": 0.0, "donation": 1.5}
    Pack.load("generic").check_brief(first.brief)


@pytest.mark.parametrize(
    ("turns", "outcomes", "file", "line", "field"),
    [
        (TURNS.replace("No.,1,1,d1", "No.,1,7,d1"), OUTCOMES, "full_dialog.csv", 6, "B4"),
        (TURNS.replace("Yes?,", ","), OUTCOMES, "full_dialog.csv", 8, "Unit"),
        (TURNS.replace("Unit", "Text"), OUTCOMES, "full_dialog.csv", 1, "Unit"),
        (TURNS.replace("d2", "d3"), OUTCOMES, "full_dialog.csv", 7, "B2"),
        (TURNS + "7,Again.,2,0,d1\n", OUTCOMES, "full_dialog.csv", 9, "B2"),
        (TURNS, OUTCOMES.replace("1.5", "much"), "outcomes.csv", 5, "donation_usd"),
        (TURNS, OUTCOMES.replace("1.5", "nan"), "outcomes.csv", 5, "donation_usd"),
        (TURNS, OUTCOMES.replace("1.5", "-1"), "outcomes.csv", 5, "donation_usd"),
    ],
)
def test_a_broken_table_is_named(
    tmp_path: Path, turns: str, outcomes: str, file: str, line: int, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        list(import_tables(write(tmp_path, turns, outcomes), TABLES))
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(tmp_path / file), line, field)


def test_a_missing_table_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        list(import_tables(tmp_path, TABLES))


@pytest.mark.parametrize("text", [b"\xff\xfe", b'dialogue,role,donation_usd\n"d1,0,1\n'])
def test_what_is_no_table_is_refused(tmp_path: Path, text: bytes) -> None:
    write(tmp_path)
    (tmp_path / "outcomes.csv").write_bytes(text)
    with pytest.raises(InputError):
        list(import_tables(tmp_path, TABLES))


def test_the_pack_says_what_the_agents_were_told(tmp_path: Path) -> None:
    pack = pack_of_tables(write(tmp_path))
    assert pack.id == "donation"
    first, _ = import_tables(tmp_path, load_tables(pack), goal="ask for a dollar")
    assert first.brief.details["goal"] == "ask for a dollar"
    assert set(first.brief.details) > {"goal"}
    pack.check_brief(first.brief)


def test_tables_that_nobody_knows_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"none of the known tables is there: full_dialog\.csv and outcomes\.csv"
    ):
        pack_of_tables(tmp_path)
    with pytest.raises(InputError, match="'hotel' has no import"):
        load_tables(Pack.load("hotel"))
