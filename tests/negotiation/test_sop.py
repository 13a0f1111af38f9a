"""What an SOP must not have is refused with file, line and field, one fault at a time."""

from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.negotiation.pack import Pack
from suasion.negotiation.sop import Sop, load_sop
from suasion.yaml_files import parse_yaml

ACTS = ("agent.greet", "agent.bye", "counterpart.complain", "counterpart.agree", "counterpart.opt_out")
GOOD = """\
version: 1
give_in_stage: close
stages:
  - id: talk
    goal: say what you ask for
    moves: [[greet]]
    max_attempts: 3
    exits:
      - {on: counterpart.agree, to: settle}
  - id: settle
    goal: say what was agreed
    moves: [[greet]]
    exits: [{on: agent.any, to: close}]
  - id: close
    goal: say goodbye
    moves: [[bye]]
    terminal: true
side_states:
  - id: silence
    goal: remind
    moves: [[greet]]
    on: [silence]
  - id: upset
    goal: apologise
    moves: [[greet]]
    on: [counterpart.complain]
"""
UPSET_ON = "    on: [counterpart.complain]\n"


def load(text: str) -> Sop:
    return load_sop(parse_yaml(text, Path("sop.yaml")), ACTS)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def refused(text: str, says: str) -> tuple[int | None, str | None]:
    """Line and field of the one fault."""
    with pytest.raises(InputError, match=says) as caught:
        load(text)
    assert caught.value.file == "sop.yaml"
    return caught.value.line, caught.value.field


def test_a_good_one_loads() -> None:
    sop = load(GOOD)
    assert [stage.id for stage in sop.stages] == ["talk", "settle", "close"]
    assert sop.stage("upset").on == ("counterpart.complain",)


@pytest.mark.parametrize("name", ["hotel", "donation", "generic"])
def test_those_of_the_built_in_packs_load(name: str) -> None:
    assert Pack.load(name).sop.stages


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("- id: settle", "- id: talk", 10, "stages.1.id"),
        ("- id: upset", "- id: silence", 23, "side_states.1.id"),
        ("- id: upset", "- id: close", 23, "side_states.1.id"),  # a stage and a side state
    ],
)
def test_an_id_given_twice_is_refused(old: str, new: str, line: int, field: str) -> None:
    again = new.removeprefix("- id: ")
    assert refused(changed(old, new), f"the id '{again}' is given twice") == (line, field)


@pytest.mark.parametrize(
    ("on", "why"),
    [
        ("    on: []\n", "no event opens it"),
        ("    on: [agent.greet]\n", "the agent's words open none"),
        ("    on: [agent.any, tickets.done]\n", "the agent's words open none"),
        ("    on: [silence]\n", "opens a side state above"),
        ("    on: [silence, agent.greet]\n", "opens a side state above"),
    ],
)
def test_a_side_state_that_nothing_opens_is_refused(on: str, why: str) -> None:
    says = f"side state 'upset' can't be reached: .*{why}"
    assert refused(changed(UPSET_ON, on), says) == (26, "side_states.1.on")


def test_a_side_state_without_events_is_named_where_it_begins() -> None:
    assert refused(changed(UPSET_ON, ""), "no event opens it") == (23, "side_states.1.on")


@pytest.mark.parametrize(
    ("above", "below", "opens"),
    [
        ("counterpart.any", "counterpart.complain", False),
        ("counterpart.any", "price.offer", False),  # comes with the counterpart's words
        ("counterpart.any", "silence", True),
        ("counterpart.complain", "counterpart.any", True),
        ("price.offer", "price.withdrawn", True),
    ],
)
def test_what_stands_above_takes_its_events(above: str, below: str, opens: bool) -> None:
    text = changed(UPSET_ON, f"    on: [{below}]\n").replace("on: [silence]", f"on: [{above}]", 1)
    if opens:
        assert load(text).side_states
    else:
        assert refused(text, "opens a side state above") == (26, "side_states.1.on")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # an exit whose event one above takes leads nowhere
        (
            "      - {on: counterpart.agree, to: settle}",
            "      - {on: counterpart.any, to: close}\n      - {on: counterpart.agree, to: settle}",
        ),
        # nor does an exit of a side state on the agent's words, which end side states
        ("{on: counterpart.agree, to: settle}", "{on: counterpart.agree, to: close}"),
    ],
)
def test_a_stage_that_only_dead_exits_name_is_refused(old: str, new: str) -> None:
    text = changed(old, new).replace(UPSET_ON, f"{UPSET_ON}    exits: [{{on: agent.greet, to: settle}}]\n")
    line, field = refused(text, "stage 'settle' can't be reached from 'talk'")
    assert (text.splitlines()[(line or 0) - 1], field) == ("  - id: settle", "stages.1")


def test_a_stage_is_reached_from_a_side_state_whose_exit_can_happen() -> None:
    text = changed("{on: counterpart.agree, to: settle}", "{on: counterpart.agree, to: close}")
    leave = "    exits: [{on: counterpart.opt_out, to: settle}]\n"
    assert load(text.replace(UPSET_ON, UPSET_ON + leave)).side_states[1].exits[0].to == "settle"


def test_giving_in_is_a_way_on() -> None:
    only_way = changed("    exits:\n      - {on: counterpart.agree, to: settle}\n", "    exits: []\n")
    reached = only_way.replace(UPSET_ON, f"{UPSET_ON}    exits: [{{on: counterpart.agree, to: settle}}]\n")
    assert load(reached).stages[0].max_attempts == 3
    without = reached.replace("    max_attempts: 3\n", "")
    assert refused(without, "stage 'talk' leads to no terminal stage") == (4, "stages.0")


def test_two_stages_that_only_lead_to_each_other_are_refused() -> None:
    loop = changed("{on: agent.any, to: close}", "{on: agent.any, to: talk}")
    says = "stage 'talk' leads to no terminal stage"
    assert refused(loop.replace("    max_attempts: 3\n", ""), says)[1] == "stages.0"
