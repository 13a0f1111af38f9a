"""A few replies to score."""

import pytest

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

REPLIES = [
    "Fair point. What is your best price?",
    "We guarantee you more bookings.",
    "Goodbye.",
    "Hello there.",
]


@pytest.fixture(scope="session")
def hotel() -> Pack:
    return Pack.load("hotel")


@pytest.fixture
def dialogues() -> list[Dialogue]:
    """Four replies to two contexts."""
    ticket = {
        "id": "t1",
        "room": "Deluxe King",
        "check_in": "2026-12-01",
        "check_out": "2026-12-02",
        "currency": "CNY",
        "selling_price": 420,
        "commission_rate": 0.15,
        "target_selling_price": 380,
    }
    brief = {
        "hotel": "Sunrise Hotel",
        "city": "Hangzhou",
        "agency": "Voyara",
        "agent_name": "Lin",
        "tickets": [ticket],
    }
    said = ["why should we", "no way, costs are up"]
    return [
        Dialogue.model_validate(
            {
                "id": f"d{n}",
                "brief": brief,
                "turns": [{"speaker": "counterpart", "text": said[n % 2]}],
                "reply": reply,
            }
        )
        for n, reply in enumerate(REPLIES)
    ]
