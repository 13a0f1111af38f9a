"""Which agreements are put before a person, and which are confirmed."""

import pytest

from suasion.agents.doubts import doubt
from suasion.agents.guarded import GuardedAgent, Source
from suasion.agents.intent import IntentAgent
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TicketState, track
from suasion.serving.contracts import BRIEF_EXAMPLE

ASKED = "I am writing about your Queen Room for Dec 1-2, now selling at 420 yuan. Could you do 380 yuan?"


def heard(text: str) -> Dialogue:
    turns = (Turn(speaker="agent", text=ASKED), Turn(speaker="counterpart", text=text))
    return Dialogue(id="d", brief=Brief.model_validate(BRIEF_EXAMPLE), turns=turns)


def why(text: str, agreed: float) -> str | None:
    dialogue = heard(text)
    return doubt(TicketState(dialogue.brief.tickets[0], agreed=agreed), dialogue)


@pytest.mark.parametrize(
    ("text", "agreed"),
    [
        ("I take 380 off.", 40.0),
        ("It shows -50 here.", 50.0),
        ("Is it under 370?", 370.0),
        ("Rather 360 or 375?", 360.0),
        ("是三百五以上还是以下？", 350.0),
        ("I think your number is 380, right? We settle at 405.", 380.0),
    ],
)
def test_what_nobody_may_have_meant_is_in_doubt(text: str, agreed: float) -> None:
    assert why(text, agreed) is not None


@pytest.mark.parametrize(
    ("text", "agreed"),
    [
        ("OK, 380.", 380.0),
        ("How about 375?", 375.0),
        ("Would 370 do?", 370.0),
        ("I can do 360, is that lower than you thought?", 360.0),
        ("Not 400. I lower it to 380. Will more guests come then?", 380.0),
        ("Yes, fine.", 380.0),
        ("可以，380。", 380.0),
    ],
)
def test_an_offer_is_not(text: str, agreed: float) -> None:
    assert why(text, agreed) is None


def test_a_doubtful_agreement_goes_to_a_person_and_an_offer_does_not(hotel: Pack) -> None:
    guard = GuardedAgent(IntentAgent(hotel), hotel)
    doubtful, plain = heard("I take 380 off."), heard("OK, 380.")
    states = [track(one, hotel.sop, guard.rules.hearing) for one in (doubtful, plain)]
    first, second = guard.answer([doubtful, plain], 0, states)
    assert (first.text, first.source) == (None, Source.NOBODY)
    assert {one.name for event in first.events for one in event.evidence} >= {"guard.doubt"}
    assert second.source == Source.AGENT
    assert second.text is not None
    assert "380" in second.text
