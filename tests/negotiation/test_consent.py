"""A yes without a price: given to a request or by itself, restated, taken back."""

import pytest

from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.consent import Consent
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State, track

Step = tuple[str, set[str]]
ASKED: Step = ("agent", {"propose"})


@pytest.mark.parametrize(
    ("steps", "given", "restated"),
    [
        ([], False, 0),
        ([("counterpart", {"agree"})], False, 0),  # to what?
        ([("counterpart", {"counter"})], True, 0),  # it says by itself what it would do
        ([ASKED, ("counterpart", {"agree"})], True, 0),
        ([ASKED, ("counterpart", {"confirm_yes"})], True, 0),
        ([ASKED, ("agent", {"benefit"}), ("counterpart", {"confirm_yes"})], False, 0),  # a yes to the reason
        ([ASKED, ("agent", {"benefit"}), ("counterpart", {"agree"})], True, 0),
        ([ASKED, ("counterpart", {"agree", "hesitate"})], False, 0),
        ([ASKED, ("counterpart", {"agree", "refuse"})], False, 0),
        ([ASKED, ("counterpart", {"agree"}), ("agent", {"confirm"})], True, 1),
        ([("agent", {"confirm"}), ASKED, ("counterpart", {"agree"})], True, 0),  # confirmed too early
        ([ASKED, ("counterpart", {"agree"}), ("agent", {"confirm"}), ("counterpart", {"retract"})], False, 0),
        ([ASKED, ("counterpart", {"agree"}), ("counterpart", {"refuse"})], False, 0),
        ([ASKED, ("counterpart", {"agree"}), ("counterpart", {"refuse", "confirm_yes"})], True, 0),
        ([ASKED, ("counterpart", {"agree"}), ("counterpart", {"hesitate"})], True, 0),
        ([ASKED, ("counterpart", {"agree"}), ("counterpart", {"opt_out"})], False, 0),
    ],
)
def test_consent_by_hand(steps: list[Step], given: bool, restated: int) -> None:
    consent, asking = Consent(), False
    for speaker, acts in steps:
        if speaker == "agent":
            consent, asking = consent.after_agent(frozenset(acts)), "propose" in acts
        else:
            consent, _ = consent.after_counterpart(frozenset(acts), asking)
    assert (consent.given, consent.restated) == (given, restated)


def test_its_events_are_told_once() -> None:
    asked = Consent().after_agent(frozenset({"propose"}))
    given, events = asked.after_counterpart(frozenset({"agree"}), True)
    assert events == ["consent.given"]
    same, events = given.after_counterpart(frozenset({"agree"}), False)
    assert (same, events) == (given, [])
    _, events = given.after_counterpart(frozenset({"retract"}), False)
    assert events == ["consent.withdrawn"]


def stand(*texts: str) -> State:
    """The state after these words, the agent's first."""
    pack = Pack.load("donation")
    speakers = ("agent", "counterpart")
    turns = [Turn(speaker=speakers[n % 2], text=text) for n, text in enumerate(texts)]
    return track(Dialogue(id="d", brief=Brief(), turns=tuple(turns)), pack.sop, load_hearing(pack))


def test_the_procedure_follows_the_consent() -> None:
    talk = [
        "Would you give 2 dollars?",
        "Sure, I will donate.",
        "To confirm: 2 dollars.",
        "I changed my mind.",
    ]
    assert [stand(*talk[:n]).stage for n in (1, 2, 3, 4)] == ["answer", "confirm", "close", "answer"]


def test_tickets_leave_no_consent(hotel: Pack, dialogues: list[Dialogue]) -> None:
    turns = (Turn(speaker="agent", text="Could you do 380 yuan?"), Turn(speaker="counterpart", text="ok 380"))
    state = track(dialogues[0].continued(*turns), hotel.sop, load_hearing(hotel))
    assert state.tickets[0].agreed == 380
    assert state.consent == Consent()
