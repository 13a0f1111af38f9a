"""An experiment with two arms: the intent agent, and one that always says the same."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, Scripted

from suasion.agents.intent import IntentAgent
from suasion.negotiation.pack import Pack
from suasion.serving.experiments import draw
from suasion.serving.records import contact_key

MUTE = "Hello there."
DEFINITION: dict[str, Any] = {
    "id": "trial",
    "control": "intent",
    "arms": [{"agent": "intent", "share": 1}, {"agent": "new", "share": 1}],
    "salt": "s",
    "settle_hours": 0,
    "stop": {"days": 30},
}


def defined(**changes: Any) -> dict[str, Any]:
    return {**DEFINITION, **changes}


@pytest.fixture
def agents(hotel: Pack) -> dict[str, Any]:
    return {"intent": IntentAgent(hotel), "new": Scripted(MUTE)}


@pytest.fixture
def client(make: Make, agents: dict[str, Any]) -> TestClient:
    found = make(agents)
    assert found.post("/v1/experiments", json=DEFINITION).status_code == 201
    return found


def hotel_of(arm: str, number: int = 0, salt: str = "s") -> str:
    """The n-th hotel that is drawn into this arm."""
    shares = {"intent": 1.0, "new": 1.0}
    names = (f"Hotel {n}" for n in range(10_000))
    drawn = (name for name in names if draw(salt, contact_key(name), shares) == arm)
    return next(name for place, name in enumerate(drawn) if place == number)


def begin(client: TestClient, brief: dict[str, Any], hotel: str) -> dict[str, Any]:
    answer = client.post("/v1/conversations", json={"brief": {**brief, "hotel": hotel}})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def say(client: TestClient, one: dict[str, Any], text: str) -> dict[str, Any]:
    return dict(
        client.post(f"/v1/conversations/{one['conversation_id']}/messages", json={"text": text}).json()
    )
