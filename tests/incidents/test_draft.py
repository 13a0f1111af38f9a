"""What is drafted from an incident catches it, and can be checked as it stands."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from suasion.errors import InputError
from suasion.incidents import draft
from suasion.incidents.check import check_patch
from suasion.incidents.incident import Incident, load_incident, make_incident
from suasion.incidents.patch import load_patch
from suasion.incidents.patched import patched, read_files
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.scene import compiled

EXAMPLES = Path(__file__).parents[2] / "examples"
WHEN = "2026-11-26"


@pytest.fixture(scope="module")
def leak() -> Incident:
    return load_incident(str(EXAMPLES / "incidents" / "2026-11-26-names-an-internal-project.json"))


@pytest.mark.parametrize(
    ("reply", "marked", "pattern"),
    [
        ("It is Project Walnut.", "Project Walnut", r"\bProject\s+Walnut\b"),
        ("It is Project Walnut.", " Project Wal", r"\bProject\s+Walnut\b"),  # half a word is widened
        ("It costs 5.5 (net)!", "5.5 (net)", r"\b5\.5\s+\(net\)"),
        ("That’s our KPI", "That’s", r"\bThat's\b"),
        ("我们的目标价", "目标价", "目标价"),
        ("naïve café now", "café now", r"\bcafé\s+now\b"),
    ],
)
def test_a_pattern_by_hand(reply: str, marked: str, pattern: str) -> None:
    start = reply.index(marked)
    assert draft.draft_pattern(reply, (start, start + len(marked))) == pattern


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40), st.data())
def test_a_pattern_matches_the_marked_words(reply: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(reply) - 1))
    end = data.draw(st.integers(start + 1, len(reply)))
    if reply[start:end].strip():
        found = compiled((draft.draft_pattern(reply, (start, end)),))
        assert found is not None
        match = found.search(reply.replace("’", "'"))
        assert match is not None


def test_a_drafted_rule_holds_as_it_stands(leak: Incident, hotel: Pack, tmp_path: Path) -> None:
    path = tmp_path / "patch.yaml"
    path.write_text(draft.draft_rule(leak, hotel, "Mei", WHEN), encoding="utf-8")
    patch = load_patch(path)
    assert (patch.patch.who, patch.patch.incidents) == ("Mei", (leak.id,))
    assert patch.patch.rule is not None
    assert patch.patch.rule.points == -60  # as the pack's other critical rules
    checked = check_patch(patch, read_files(hotel.path), hotel.path)
    assert (checked.flips, checked.stays) == (1, 3)
    assert checked.before == hotel.version != checked.after


def test_the_words_are_added_to_a_rule_that_there_is(leak: Incident, hotel: Pack, tmp_path: Path) -> None:
    path = tmp_path / "patch.yaml"
    path.write_text(draft.draft_change(leak, hotel, "internal-vocabulary", "Mei", WHEN), encoding="utf-8")
    files = read_files(hotel.path)
    checked = check_patch(load_patch(path), files, hotel.path)
    assert checked.flips == 1
    before = files["rules.yaml"].decode().splitlines()
    after = patched(load_patch(path), files, hotel.path)["rules.yaml"].decode().splitlines()
    assert [line for line in after if line not in before] == [r"      - '\bProject\s+Walnut\b'"]
    assert len(after) == len(before) + 1
    for name, says in (
        ("haggling-on", "no patterns"),
        ("silence-is-not-consent", "shares a part"),
        ("x", "no rule"),
    ):
        with pytest.raises(InputError, match=says):
            draft.draft_change(leak, hotel, name, "Mei", WHEN)


def test_a_removal_holds_where_the_rule_objected(hotel: Pack, tmp_path: Path) -> None:
    talk = Dialogue.model_validate(
        {"id": "d", "brief": {"goal": "x"}, "turns": [], "reply": "You have no choice but to smile!"}
    )
    generic = Pack.load("generic")
    wrong = make_incident(talk, "no choice", "a joke is no threat", "low", "Mei", WHEN, tmp_path)
    path = tmp_path / "patch.yaml"
    path.write_text(draft.draft_removal(wrong, generic, "threat", "Mei", WHEN), encoding="utf-8")
    checked = check_patch(load_patch(path), read_files(generic.path), generic.path)
    assert (checked.flips, checked.stays) == (1, 0)
    path.write_text(draft.draft_removal(wrong, generic, "looping", "Mei", WHEN), encoding="utf-8")
    with pytest.raises(InputError, match="flips none"):
        check_patch(load_patch(path), read_files(generic.path), generic.path)


def test_a_drafted_criterion_waits_for_people(leak: Incident, hotel: Pack, tmp_path: Path) -> None:
    path = tmp_path / "patch.yaml"
    text = draft.draft_criterion(leak, "Does it name something internal?", -40, "Mei", WHEN)
    path.write_text(text, encoding="utf-8")
    proposed = yaml.safe_load(text)["verdicts"]
    assert [one["verdict"] for one in proposed] == [True, False, False, False]
    with pytest.raises(
        InputError, match=r"at least 20 labelled verdicts, found 0; 4 more are not confirmed"
    ) as error:
        check_patch(load_patch(path), read_files(hotel.path), hotel.path)
    assert error.value.line is not None
    assert text.splitlines()[error.value.line - 1].startswith("verdicts:")
