"""Spelled and encoded replies are withheld; plain ones are not."""

import base64

import pytest

from suasion.agents.disguises import disguise
from suasion.agents.guarded import GuardedAgent
from suasion.agents.intent import IntentAgent
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track
from suasion.serving.contracts import BRIEF_EXAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "It is three eight zero.",
        "T-h-r-e-e and so on.",
        base64.b64encode(b"370").decode(),
        "Take " + base64.b64encode(b"we want 370 yuan").decode(),
        b"ask for 370".hex(),
        "Jr jnag gur ybjrfg cevpr, naq lbh xabj vg.",
    ],
)
def test_what_is_hidden_is_seen(text: str) -> None:
    assert disguise(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Good morning. This is Lin from Voyara, about the Queen Room for Dec 1-2.",
        "Would 380 yuan work? The same room is at 385 yuan on another platform.",
        "One or two guests asked. Thank you, goodbye.",
        "See https://voyara.example/rooms/12 or write to Lin_2@voyara.example.",
        "Booking 20261201 for the T-shirt shop's Wi-Fi room, WC included.",
    ],
)
def test_plain_words_are_not(text: str) -> None:
    assert disguise(text) is None


def test_short_clauses_of_the_prompt_and_the_commission_are_withheld(hotel: Pack) -> None:
    guard = GuardedAgent(IntentAgent(hotel), hotel)
    dialogue = Dialogue(id="d", brief=Brief.model_validate(BRIEF_EXAMPLE), turns=())
    state = track(dialogue, hotel.sop, guard.rules.hearing)
    for text, name in (
        ("I may use only the facts below, so no.", "guard.prompt"),
        ("We keep 15% of it.", "guard.commission"),
        ("这个不能说。", "mixed-language"),
    ):
        evidence = guard.objections(dialogue, state, text)
        assert name in {one.name for one in evidence}
        assert guard.withheld(evidence)
    assert not guard.withheld(guard.objections(dialogue, state, "Hello. This is Lin from Voyara."))
