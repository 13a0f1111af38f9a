"""Next replies of real dialogues, and what would not have belonged there."""

from collections import Counter
from pathlib import Path

import pytest

from suasion.data.importers import next_reply_examples, next_reply_pairs
from suasion.data.tables import import_tables, load_tables
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

SHARED = Path(__file__).parents[3] / "shared" / "data" / "persuasionforgood"


@pytest.fixture(scope="module")
def real() -> list[Dialogue]:
    if not SHARED.is_dir():
        pytest.skip(f"the real dialogues are not at {SHARED}")
    return list(import_tables(SHARED, load_tables(Pack.load("donation")), whole_brief=False))


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
