"""The review of simulated negotiations finds each error that is put in, and few in what is simulated."""

from collections import Counter
from typing import Any

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.review import review
from suasion.counterpart.simulate import simulate
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

HIDDEN = {
    "reservation_net": {"t1": 306.0},  # 360 as selling price
    "patience": 8, "mood": 0.6, "busyness": 0.1, "decides_alone": True, "wrong_person": False,
    "no_reply": 0.1, "silence": 0.1, "late": False, "net_talk": False, "style": "plain",
}  # fmt: skip
TALK = [
    ("agent", "Hello, this is Lin from Voyara. It's about the Deluxe King, Dec 1-2, now at 420 yuan.", ""),
    ("counterpart", "Yes, what is it about?", "hello"),
    ("agent", "Could you do a selling price of 380 yuan?", ""),
    ("counterpart", "I can do 400 yuan.", "counter"),
    ("agent", "I understand your point. Could you do a selling price of 380 yuan?", ""),
    ("counterpart", "ok 380 yuan", "agree"),
    ("agent", "Thank you! To confirm: Deluxe King, Dec 1-2, selling price 380 yuan.", ""),
    ("counterpart", "Yes, that's right.", "confirm_yes"),
]  # fmt: skip


def record(
    hidden: dict[str, Any] | None = None,
    said: dict[int, tuple[str, str]] | None = None,
    outcome: dict[str, Any] | None = None,
) -> Dialogue:
    """The negotiation above with another type, other words of the counterpart (and their act), or outcome."""
    turns = [
        (speaker, *(said or {}).get(number, (text, act))) for number, (speaker, text, act) in enumerate(TALK)
    ]
    ticket = {
        "id": "t1", "room": "Deluxe King", "check_in": "2026-12-01", "check_out": "2026-12-02",
        "selling_price": 420, "target_selling_price": 380, "commission_rate": 0.15,
    }  # fmt: skip
    brief = {"hotel": "Sunrise Hotel", "agency": "Voyara", "agent_name": "Lin", "tickets": [ticket]}
    ended = {
        "responded": True, "tickets": {"t1": 380.0}, "successes": {"t1": True}, "ending": "agreed",
        "hidden_type": HIDDEN | (hidden or {}),
        "counterpart_acts": [act for speaker, _, act in turns if speaker == "counterpart"],
    }  # fmt: skip
    content = {"id": "d", "brief": brief, "outcome": ended | (outcome or {})}
    return Dialogue.model_validate(content | {"turns": [_turn(speaker, text) for speaker, text, _ in turns]})


def _turn(speaker: str, text: str) -> dict[str, Any]:
    return {"speaker": speaker, "text": text} if text else {"speaker": speaker, "silence_minutes": 45}


def test_a_negotiation_as_it_should_be_has_none(pack: Pack) -> None:
    assert review(record(), pack) == []


@pytest.mark.parametrize(
    ("kind", "turn", "changes"),
    [
        ("acts", 3, {"said": {3: ("Why should I lower the price?", "counter")}}),
        ("acts", 3, {"said": {3: ("", "counter")}}),
        ("acts", 3, {"said": {3: ("I can do 400 yuan.", "silence")}}),
        ("acts", None, {"outcome": {"counterpart_acts": ["hello"]}}),
        ("limit", 3, {"said": {3: ("I can do 350 yuan.", "counter")}}),
        ("limit", 5, {"hidden": {"reservation_net": {"t1": 340.0}}}),
        ("limit", None, {"hidden": {"reservation_net": {"t1": 340.0}}}),
        ("rise", 5, {"said": {5: ("I can do 410 yuan.", "counter")}}),
        ("rise", 5, {"said": {3: ("I can do 370 yuan.", "counter")}}),
        ("unasked", 1, {"said": {1: ("I can do 400 yuan.", "counter")}}),
        ("unasked", 1, {"said": {1: ("OK, agreed.", "agree")}}),
        ("unasked", 7, {"said": {7: ("Yes, that's right, 390 yuan.", "confirm_yes")}}),
        ("type", 1, {"hidden": {"late": True}}),
        ("type", 1, {"hidden": {"wrong_person": True}}),
        ("type", 3, {"said": {3: ("I need to ask my boss first.", "hesitate")}}),
        ("type", 3, {"said": {3: ("I can do 340 yuan net.", "counter")}}),
        ("type", 3, {"hidden": {"net_talk": True}}),
        ("ending", 7, {"said": {5: ("Please don't contact us again.", "opt_out")}}),
        ("echo", 5, {"said": dict.fromkeys((3, 5), ("No, we can't go lower.", "refuse"))}),
        ("outcome", None, {"outcome": {"responded": False}}),
        ("outcome", None, {"outcome": {"tickets": {"t1": 370.0}}}),
        ("outcome", None, {"outcome": {"tickets": {"t1": 400.0}}}),
        ("outcome", None, {"said": {6: ("Thank you, goodbye.", "")}}),
    ],
)  # fmt: skip
def test_each_error_that_is_put_in_is_found_where_it_is(
    pack: Pack, kind: str, turn: int | None, changes: dict[str, Any]
) -> None:
    assert (kind, turn) in [(error.kind, error.turn) for error in review(record(**changes), pack)]


def test_who_must_ask_may_say_so(pack: Pack) -> None:
    asks = record(hidden={"decides_alone": False}, said={3: ("I need to ask my boss first.", "hesitate")})
    assert review(asks, pack) == []


def test_a_dialogue_that_nobody_simulated_is_refused(pack: Pack) -> None:
    with pytest.raises(ValueError, match="no simulated negotiation"):
        review(record().model_copy(update={"outcome": None}), pack)
    with pytest.raises(ValueError, match="hidden type is none of this version"):
        review(record(hidden={"shoe_size": 42}), pack)


def errors(pack: Pack, count: int, seed: int) -> Counter[str]:
    talks = simulate(IntentAgent(pack), draw_briefs(pack, count, seed), seed, pack=pack)
    return Counter(kind for talk in talks for kind in {error.kind for error in review(talk, pack)})


def test_few_negotiations_have_one(pack: Pack) -> None:
    assert sum(errors(pack, 400, seed=77).values()) <= 4


@pytest.mark.slow
def test_of_5000_negotiations_less_than_one_in_two_hundred_has_one(pack: Pack) -> None:
    assert sum(errors(pack, 5000, seed=1).values()) < 25
