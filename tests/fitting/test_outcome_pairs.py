"""Pairs of two openings: the one after which more is won, where neither breaks a rule."""

from collections.abc import Callable, Sequence

import pytest

from suasion.fitting.outcome_pairs import outcome_pairs
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.suite import RewardSuite

FAULT = "Hello, this is {agent} from {agency}. I guarantee you twice as many bookings for your {room}."
NAMED = "Hello, this is {agent} from {agency}. It is about your {room}, which sells at {price:g} yuan now."
VAGUE = "Hello, this is {agent} from {agency}. Are you the right person to talk to about prices?"


class Scripted:
    """Opens with the same templates everywhere."""

    def __init__(self, *templates: str) -> None:
        self.templates = templates

    def drafts(self, dialogues: Sequence[Dialogue], copies: int, seed: int) -> list[list[str]]:
        chosen = [self.templates[n % len(self.templates)] for n in range(copies)]
        return [[_fill(template, dialogue.brief) for template in chosen] for dialogue in dialogues]


def _fill(template: str, brief: Brief) -> str:
    ticket = brief.tickets[0]
    return template.format(
        agent=brief.agent_name,
        agency=brief.agency,
        room=ticket.details["room"],
        price=ticket.selling_price,
    )


@pytest.fixture(scope="module")
def made() -> Callable[..., list[tuple[str, str]]]:
    rules = RewardSuite(Pack.load("hotel"))

    def make(*templates: str, count: int = 16) -> list[tuple[str, str]]:
        pairs = outcome_pairs(Scripted(*templates), rules, count, 5)  # type: ignore[arg-type]
        assert {(pair.kind, pair.dialogue.turns) for pair in pairs} <= {("outcome", ())}
        return [(pair.chosen, pair.rejected) for pair in pairs]

    return make


def test_an_opening_that_says_what_it_is_about_wins_more(made: Callable[..., list[tuple[str, str]]]) -> None:
    pairs = made(NAMED, VAGUE)
    assert len(pairs) >= 3, "many hotels answer whatever is said, or never; not nearly all"
    assert sum("right person" in rejected for _, rejected in pairs) >= 0.9 * len(pairs)


def test_what_breaks_a_rule_is_in_no_pair(made: Callable[..., list[tuple[str, str]]]) -> None:
    assert made(FAULT, VAGUE) == []


def test_the_same_words_are_no_pair(made: Callable[..., list[tuple[str, str]]]) -> None:
    assert made(NAMED) == []


def test_none_where_none_are_asked_for(made: Callable[..., list[tuple[str, str]]]) -> None:
    assert made(NAMED, VAGUE, count=0) == []
