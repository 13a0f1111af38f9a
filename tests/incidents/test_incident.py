"""Incidents: what is filed is what is read back, nothing is written over, and a broken file is told."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.errors import InputError
from suasion.incidents.incident import (
    Incident,
    choose_reply,
    file_incident,
    find_span,
    list_incidents,
    load_incident,
    make_incident,
)
from suasion.negotiation.dialogue import Dialogue

REPLY = "We ask for it as part of Project Walnut."


def dialogue() -> Dialogue:
    turns = [{"speaker": "agent", "text": "Hello."}, {"speaker": "counterpart", "text": "Yes?"}]
    return Dialogue.model_validate({"id": "d", "brief": {}, "turns": turns, "reply": REPLY})


def incident(store: Path, wrong: str = "Names an internal project!", when: str = "2026-11-26") -> Incident:
    return make_incident(dialogue(), "Project Walnut", wrong, "critical", "Mei", when, store)


def test_what_is_filed_is_read_back(tmp_path: Path) -> None:
    made = incident(tmp_path)
    path = file_incident(made, tmp_path)
    assert path.name == "2026-11-26-names-an-internal-project.json"
    assert load_incident(made.id, tmp_path) == load_incident(str(path)) == made
    assert made.text == REPLY[slice(*made.span)] == "Project Walnut"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    first = incident(tmp_path)
    path = file_incident(first, tmp_path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="never overwritten"):
        file_incident(first, tmp_path)
    assert path.read_bytes() == before
    second = incident(tmp_path)
    file_incident(second, tmp_path)
    assert second.id == first.id + "-2"
    assert [one.id for one in list_incidents(tmp_path)] == [first.id, second.id]
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".json"]


def test_the_list_is_oldest_first(tmp_path: Path) -> None:
    for when in ("2026-11-26", "2026-11-24T10:00:00+00:00", "2026-11-25"):
        file_incident(incident(tmp_path, when=when), tmp_path)
    assert [one.when[:10] for one in list_incidents(tmp_path)] == ["2026-11-24", "2026-11-25", "2026-11-26"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"span": [0, 4]}, "the span marks 'We a', but text says 'Project Walnut'"),
        ({"span": [30, 99]}, "outside the reply"),
        ({"text": "walnut"}, "text says 'walnut'"),
        ({"severity": "awful"}, "severity"),
        ({"when": "yesterday"}, "when: expected a date or time"),
        ({"who": " "}, "who"),
        ({"colour": 1}, "colour: unknown key"),
        ({"id": "another"}, "file and id must agree"),
    ],
)
def test_a_changed_file_is_told(tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = file_incident(incident(tmp_path), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), encoding="utf-8")
    with pytest.raises(InputError) as error:
        list_incidents(tmp_path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_the_marked_words_are_found_or_asked_for_again() -> None:
    assert find_span("a b a", "b") == (2, 3)
    assert find_span("at 10:30 sharp", "10:30") == (3, 8)  # words come before offsets
    assert find_span("abcdef", "1:3") == (1, 3)
    with pytest.raises(InputError, match="twice; give offsets: 0:1 or 4:5"):
        find_span("a b a", "a")
    with pytest.raises(InputError, match="does not stand in the reply"):
        find_span("a b a", "c")


def test_a_turn_of_a_whole_dialogue_becomes_the_reply() -> None:
    talk = dialogue().model_copy(update={"reply": None})
    chosen = choose_reply([talk], "log", "d", 0)
    assert (chosen.reply, chosen.turns, chosen.id) == ("Hello.", (), "d#0")
    for turn, says in ((1, "none of the agent's"), (9, "none of the agent's"), (None, "say which turn")):
        with pytest.raises(InputError, match=says):
            choose_reply([talk], "log", "d", turn)
    with pytest.raises(InputError, match="2 records; name one"):
        choose_reply([talk, talk], "log")


def test_a_store_without_incidents_says_so(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["incident", "list", "--store", str(tmp_path)])
    assert (found.exit_code, found.stdout) == (0, "")
    assert "no incidents" in found.stderr
    assert "incident file" in found.stderr
