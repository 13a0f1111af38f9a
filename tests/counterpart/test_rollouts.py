"""What a reply is worth to the rest of its negotiation, on states whose better reply is known."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.coefficients import load_ears
from suasion.counterpart.hidden_type import HiddenType, draw_type
from suasion.counterpart.rollouts import DISCOUNT, prospects
from suasion.counterpart.simulate import Conversation, begin, managers, play_round
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Turn
from suasion.negotiation.pack import Pack

SEED, COPIES = 5, 24


class Fixed:
    """A counterpart that is no Manager."""

    def reply(self, dialogue: object) -> Turn:
        return Turn(speaker="counterpart", text="Yes?")

    def prices(self) -> dict[str, float | None]:
        return {}

    def truth(self) -> dict[str, Any]:
        return {}


def negotiation(pack: Pack, index: int, agent_says: int) -> Conversation:
    """One that the intent-driven agent has led for some replies and that is still open."""
    hearing, agent = load_hearing(pack), IntentAgent(pack)
    one = begin(draw_briefs(pack, index + 1, SEED)[index], SEED, index, pack, managers(pack, hearing))
    for _ in range(agent_says):
        play_round(one, agent.reply([one.dialogue])[0], pack, hearing)
    return one


def worth(pack: Pack, one: Conversation, replies: Sequence[str], copies: int = COPIES) -> list[float]:
    return prospects(one, replies, IntentAgent(pack), copies, pack, load_hearing(pack))


def open_with_an_answer(pack: Pack, count: int) -> list[Conversation]:
    found: list[Conversation] = []
    for index in range(200):
        one = negotiation(pack, index, 2)
        if one.ending is None and one.dialogue.turns[-1].text is not None:
            found.append(one)
        if len(found) == count:
            return found
    raise AssertionError("too few negotiations are open")


def of_mood(pack: Pack, mood: float, no_reply: float = 0.0) -> list[Conversation]:
    """Openings with hotels that could go far below the target."""

    def hidden(brief: Brief) -> HiddenType:
        drawn = draw_type(brief.tickets, load_ears(pack).coefficients, random.Random(SEED))
        reservation = {ticket.id: 0.5 * ticket.target_selling_price for ticket in brief.tickets}
        return replace(drawn, no_reply=no_reply, mood=mood, patience=30, reservation_net=reservation)

    make = managers(pack, load_hearing(pack), hidden)
    return [begin(brief, SEED, index, pack, make) for index, brief in enumerate(draw_briefs(pack, 30, SEED))]


def test_a_reply_that_moves_on_is_worth_more_than_one_that_says_nothing(pack: Pack) -> None:
    agent, rows = IntentAgent(pack), []
    for one in of_mood(pack, 0.9):
        rows.append(worth(pack, one, [agent.reply([one.dialogue])[0], "Hm."], 8))
    moved, stayed = (sum(row[place] for row in rows) / len(rows) for place in range(2))
    assert moved > stayed + 0.03


def test_the_same_reply_is_worth_the_same(pack: Pack) -> None:
    one = open_with_an_answer(pack, 1)[0]
    first, second = worth(pack, one, ["I see.", "I see."])
    assert first == second
    assert worth(pack, one, ["I see."]) == [first]


def test_the_negotiation_stays_where_it_was(pack: Pack) -> None:
    one = open_with_an_answer(pack, 1)[0]
    before = (one.dialogue, one.state, one.ending, dict(one.agreed_at), one.counterpart.truth())
    worth(pack, one, ["Could you do 300 yuan?", "Goodbye."])
    assert before == (one.dialogue, one.state, one.ending, dict(one.agreed_at), one.counterpart.truth())
    twin = negotiation(pack, int(one.dialogue.id.rsplit("-", 1)[1]), 2)
    for talk in (one, twin):
        play_round(talk, "I see.", pack, load_hearing(pack))
    assert one.dialogue == twin.dialogue


def test_it_is_how_often_the_rest_is_won(pack: Pack) -> None:
    found = {}
    for no_reply in (0.0, 1.0):
        openings = of_mood(pack, 0.9, no_reply)
        hello = [IntentAgent(pack).reply([one.dialogue])[0] for one in openings]
        found[no_reply] = [worth(pack, one, [text], 8)[0] for one, text in zip(openings, hello, strict=True)]
    assert sum(value > DISCOUNT**12 for value in found[0.0]) > 0.9 * len(found[0.0])
    assert max(found[0.0]) <= DISCOUNT**3, "an answer, a request, a confirmation and a goodbye at the least"
    assert set(found[1.0]) == {0.0}


def test_a_mind_that_cant_be_set_back_is_refused(pack: Pack) -> None:
    one = negotiation(pack, 0, 0)
    one.counterpart = Fixed()
    with pytest.raises(TypeError, match="only a Manager's mind can be set back, this is a Fixed"):
        worth(pack, one, ["Hello."])
