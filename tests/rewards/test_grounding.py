"""Numbers: which trace to something given, which are proposals, and which come from nowhere."""

import pytest

from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet

RULES = RuleSet.load(Pack.load("hotel"))
BRIEF = Brief.model_validate(
    {
        "hotel": "Sunrise Hotel",
        "agency": "Voyara",
        "agent_name": "Lin",
        "facts": ["The hotel's page had 310 views in the last 7 days.", "A room nearby sells at 366 yuan."],
        "tickets": [
            {
                "id": "t1",
                "room": "Queen Room",
                "check_in": "2026-12-01",
                "check_out": "2026-12-03",
                "selling_price": 420,
                "commission_rate": 0.15,
                "target_selling_price": 380,
                "competitor_price": {"selling_price": 385, "source": "another platform"},
            }
        ],
    }
)
ASK = Turn(
    speaker="agent", text="The Queen Room sells at 420 yuan now. Could you do a selling price of 380 yuan?"
)


def heard(text: str) -> tuple[Turn, ...]:
    return (ASK, Turn(speaker="counterpart", text=text))


def hits(reply: str, turns: tuple[Turn, ...], rule: str) -> list[str | None]:
    score = RULES.check(Dialogue(id="d", brief=BRIEF, turns=turns, reply=reply))
    return [one.text for one in score.evidence if one.name == rule]


@pytest.mark.parametrize(
    ("reply", "turns"),
    [
        ("Your selling price is 420 yuan.", ()),
        ("It is at 385 yuan on another platform.", ()),
        ("A room nearby sells at 366 yuan.", ()),
        ("That is 35 yuan less than yours.", ()),  # 420 - 385
        ("It is 8% cheaper there.", ()),  # 35 / 420 = 8.3 %
        ("You would receive 357 yuan net of 420 yuan.", ()),  # 420 * 0.85
        ("Could you do 380 yuan? It's just 40 yuan less.", ()),  # 420 - 380
        ("Would 390 yuan work for you?", ()),
        ("I'd be glad to see 399 yuan there.", ()),
        ("Your page had 310 views in 7 days.", ()),
        ("It is for 2 nights, from Dec 1 to Dec 3.", ()),
        ("We keep 15% as before.", ()),
        ("You said 404 yuan, and I heard you.", heard("404 is what we need")),
        ("340 yuan net is a selling price of 400 yuan.", heard("we need 340 net")),
        ("You said 50 bookings: I can't promise them.", heard("do we get 50 bookings?")),
        ("As I said, 380 yuan would be the price.", heard("what was it again?")),
        ("It takes 5 minutes.", ()),
    ],
)
def test_traces(reply: str, turns: tuple[Turn, ...]) -> None:
    assert hits(reply, turns, "ungrounded-number") == []


@pytest.mark.parametrize(
    ("reply", "turns", "text"),
    [
        ("It is at 350 yuan on another platform.", (), "350 yuan"),
        ("It is at 380 yuan on another platform.", heard("why?"), "380 yuan"),  # its own wish is no evidence
        ("Guests paid 405 yuan last year.", (), "405 yuan"),
        ("Your page had 512 views.", (), "512"),
        ("It is 25% cheaper there.", (), "25%"),
        ("You would receive 370 yuan net.", (), "370 yuan"),
        ("A lower price brings 12 more guests a week.", (), "12"),
        ("As I told you, it had 512 views.", (ASK, Turn(speaker="agent", text="It had 512 views.")), "512"),
    ],
)
def test_comes_from_nowhere(reply: str, turns: tuple[Turn, ...], text: str) -> None:
    found = hits(reply, turns, "ungrounded-number")
    assert found, reply
    assert found[0] is not None
    assert text.rstrip("%") in found[0]


@pytest.mark.parametrize(
    ("reply", "faulty"),
    [
        ("Could you do 380 yuan?", False),
        ("Could you do 379 yuan?", True),
        ("Could you do 419 yuan?", False),
        ("Could you come down from 420 yuan?", False),
        ("Could you do 430 yuan?", True),
        ("Could you lower it from 420 to 385 yuan?", False),
        ("Could you take off 40 yuan?", False),
        ("Could you take off 60 yuan?", True),
        ("Could you lower it by 5%?", False),  # 399
        ("Could you lower it by 20%?", True),  # 336
        ("Could you do 323 yuan net?", False),  # 380
        ("Could you do 300 yuan net?", True),
    ],
)
def test_bounds_of_a_proposal(reply: str, faulty: bool) -> None:
    assert bool(hits(reply, (), "proposal-out-of-bounds")) is faulty
    assert hits(reply, (), "ungrounded-number") == []


@pytest.mark.parametrize(
    ("reply", "turns", "faulty"),
    [
        ("Your net price is 420 yuan.", (), True),
        ("Your net price is 357 yuan.", (), False),
        ("Your selling price is 420 yuan.", (), False),
        ("So the selling price is 340 yuan.", heard("we need 340 net"), True),
    ],
)
def test_kinds_are_kept_apart(reply: str, turns: tuple[Turn, ...], faulty: bool) -> None:
    assert bool(hits(reply, turns, "kind-mixed")) is faulty


def test_the_note_says_what_is_known() -> None:
    score = RULES.check(Dialogue(id="d", brief=BRIEF, reply="It is at 350 yuan on another platform."))
    note = next(one.note for one in score.evidence if one.name == "ungrounded-number")
    assert "420 is the current selling price" in note
    assert "380" not in note  # the private target is in no note
