"""Real dialogues arrive whole; broken tables are named by line and field."""

from collections import Counter
from pathlib import Path

import pytest

from suasion.data.importers import import_persuasion_for_good, next_reply_examples, next_reply_pairs
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

SHARED = Path(__file__).parents[3] / "shared" / "data" / "persuasionforgood"
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
    first, second = import_persuasion_for_good(write(tmp_path), GOAL)
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
        list(import_persuasion_for_good(write(tmp_path, turns, outcomes), GOAL))
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(tmp_path / file), line, field)


def test_a_missing_table_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        list(import_persuasion_for_good(tmp_path, GOAL))


@pytest.mark.parametrize("text", [b"\xff\xfe", b'dialogue,role,donation_usd\n"d1,0,1\n'])
def test_what_is_no_table_is_refused(tmp_path: Path, text: bytes) -> None:
    write(tmp_path)
    (tmp_path / "outcomes.csv").write_bytes(text)
    with pytest.raises(InputError):
        list(import_persuasion_for_good(tmp_path, GOAL))


@pytest.fixture(scope="module")
def real() -> list[Dialogue]:
    if not SHARED.is_dir():
        pytest.skip(f"the real dialogues are not at {SHARED}")
    return list(import_persuasion_for_good(SHARED, GOAL))


def test_all_real_dialogues_are_imported(real: list[Dialogue]) -> None:
    assert len(real) == 1017
    speakers = {turn.speaker for dialogue in real for turn in dialogue.turns}
    assert speakers == {"agent", "counterpart"}


def test_next_replies_of_real_dialogues(real: list[Dialogue]) -> None:
    pack = Pack.load("generic")
    examples = next_reply_examples(real[:100], pack)
    assert len(examples) > 500
    assert {example.stage for example in examples} == {"talk", "close"}
    pairs = next_reply_pairs(real, 2000, seed=0)
    assert len(pairs) == 2000
    assert pairs == next_reply_pairs(real, 2000, seed=0)
    assert min(Counter(pair.defect for pair in pairs).values()) > 300
    for pair in pairs[:200]:
        name, index = pair.dialogue.id.rsplit("#", 1)
        source = next(dialogue for dialogue in real if dialogue.id == name)
        assert source.turns[int(index)].text == pair.chosen
        assert source.turns[: int(index)] == pair.dialogue.turns
