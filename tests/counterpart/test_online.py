"""Online sets: read with the counterpart that stands behind each brief, drawn alike by seed, faults named."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.counterpart.briefs import split_of
from suasion.counterpart.hidden_type import limit_price
from suasion.counterpart.online import draw_online, read_online
from suasion.errors import InputError
from suasion.language.phrases import load_phrases
from suasion.negotiation.dialogue import dump_dialogue
from suasion.negotiation.pack import Pack

WRITTEN = Path(__file__).parents[2] / "benchmarks" / "hotel" / "online.jsonl"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.load("hotel")


def test_thirty_unseen_hotels(pack: Pack) -> None:
    briefs, hidden = read_online(WRITTEN, pack)
    assert len(briefs) == 30
    assert hidden is not None
    slots = load_phrases(pack).file.slots
    for brief in briefs:
        assert brief.details["agency"] not in slots["agencies"]
        assert not {ticket.details["room"] for ticket in brief.tickets} & set(slots["rooms"])
    first = briefs[0].tickets[0]
    assert limit_price(first, hidden(briefs[0])) == pytest.approx(435 * 0.84)


def test_drawn_alike_and_unseen(pack: Pack) -> None:
    few, many = draw_online(pack, 3, 5), draw_online(pack, 6, 5)
    assert few == many[:3]
    assert draw_online(pack, 3, 6) != few
    assert {split_of(str(one.brief.details["hotel"])) for one in many} == {"test"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"turns": [{"speaker": "agent", "text": "Hello"}]}, "turns: a brief to negotiate has no turns"),
        ({"counterpart": None}, "counterpart: either each record has a counterpart or none"),
        ({"counterpart": {"room": 2}}, "counterpart.room"),
        ({}, "brief: the same brief stands above"),
    ],
)
def test_faults_are_named(change: dict[str, object], says: str, pack: Pack, tmp_path: Path) -> None:
    records = [json.loads(dump_dialogue(one)) for one in draw_online(pack, 2, 1)]
    if not change:
        records[1]["brief"] = records[0]["brief"]
    records[1] |= change
    path = tmp_path / "online.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    with pytest.raises(InputError, match=r"online.jsonl:2: ") as caught:
        read_online(path, pack)
    assert says in str(caught.value)


def test_simulate_takes_either(tmp_path: Path) -> None:
    output = str(tmp_path / "talks.jsonl")
    words = ["simulate", "--agent", "intent", "--output", output]
    assert "give either" in CliRunner().invoke(main, words).stderr
    told = CliRunner().invoke(main, [*words, "--briefs", str(WRITTEN), "--seed", "2"])
    assert told.exit_code == 0
    assert told.stdout.startswith("30 negotiations")
    talks = [json.loads(line) for line in Path(output).read_text(encoding="utf-8").splitlines()]
    assert talks[0]["outcome"]["hidden_type"]["patience"] == 9
