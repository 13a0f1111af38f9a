"""Transitions of an SOP, and those that a dialogue makes: worked out by hand."""

from pathlib import Path

import pytest

from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Turn
from suasion.negotiation.sop import load_sop
from suasion.negotiation.tracker import start, step
from suasion.negotiation.transitions import Transition, transitions
from suasion.yaml_files import parse_yaml

TEXT = """\
version: 1
give_in_stage: close
stages:
  - {id: open, goal: greet, moves: [[greet]], exits: [{on: agent.greet, to: talk}]}
  - id: talk
    goal: talk
    moves: [[ask]]
    max_attempts: 2
    exits: [{on: counterpart.agree, to: close}, {on: agent.ask, to: talk}]
  - {id: close, goal: goodbye, moves: [[bye]], terminal: true}
side_states:
  - {id: silence, goal: remind, moves: [[ask]], on: [silence]}
  - id: upset
    goal: apologise
    moves: [[greet]]
    on: [counterpart.complain]
    exits: [{on: counterpart.opt_out, to: close}]
"""
ACTS = ("greet", "ask", "bye"), ("agree", "complain", "opt_out")
SOP = load_sop(
    parse_yaml(TEXT, Path("sop.yaml")),
    [*(f"agent.{act}" for act in ACTS[0]), *(f"counterpart.{act}" for act in ACTS[1])],
)
QUIET = Turn(speaker="counterpart", silence_minutes=45)


class Deaf:
    """Never asked: the turns carry their acts."""

    def hear(self, speaker: str, text: str) -> frozenset[str]:
        raise AssertionError


def agent(*acts: str) -> Turn:
    return Turn(speaker="agent", text="...", acts=acts)


def counterpart(*acts: str) -> Turn:
    return Turn(speaker="counterpart", text="...", acts=acts)


def test_those_of_an_sop() -> None:
    assert [(one.source, one.on, one.to) for one in transitions(SOP)] == [
        ("open", "agent.greet", "talk"),
        ("talk", "counterpart.agree", "close"),  # to where one stands is none
        ("talk", "max_attempts", "close"),
        ("silence", "back", "open"),
        ("silence", "back", "talk"),
        ("upset", "counterpart.opt_out", "close"),
        ("upset", "back", "open"),
        ("upset", "back", "talk"),
    ]


@pytest.mark.parametrize(
    ("turns", "made"),
    [
        ([agent("greet")], [("open", "agent.greet", "talk")]),
        ([agent("greet"), counterpart()], []),
        ([agent("greet"), agent("ask")], []),
        ([agent("greet"), counterpart("agree")], [("talk", "counterpart.agree", "close")]),
        # a side state opens; it is over at the agent's reply, or when the counterpart speaks after all
        ([agent("greet"), QUIET], []),
        ([agent("greet"), QUIET, QUIET], []),
        ([agent("greet"), QUIET, agent("ask")], [("silence", "back", "talk")]),
        ([QUIET, agent("greet")], [("open", "agent.greet", "talk"), ("silence", "back", "talk")]),
        (
            [agent("greet"), QUIET, counterpart("agree")],
            [("talk", "counterpart.agree", "close"), ("silence", "back", "close")],
        ),
        ([agent("greet"), QUIET, counterpart("complain")], []),
        # an exit of the side state is taken by the message that opens it
        ([agent("greet"), counterpart("complain", "opt_out")], [("upset", "counterpart.opt_out", "close")]),
        ([agent("greet"), agent("ask"), agent("ask"), counterpart()], [("talk", "max_attempts", "close")]),
    ],
)
def test_those_of_the_last_turn(turns: list[Turn], made: list[tuple[str, str, str]]) -> None:
    state = start(Brief(), SOP)
    last: tuple[Transition, ...] = ()
    for turn in turns:
        state, last = step(state, turn, SOP, Deaf())
    assert [(one.source, one.on, one.to) for one in last] == made
