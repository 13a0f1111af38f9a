"""A service on a real SQLite file, the intent agent behind the guard, asked through its web application."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.databases import NAMES, Postgres, postgres

from suasion.counterpart.simulate import Agent
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.serving.app import create_app
from suasion.serving.assemble import Limits, Speaker, assemble, load_speaker
from suasion.serving.context import Context
from suasion.serving.contracts import BRIEF_EXAMPLE
from suasion.serving.pages.workshop import Workshop
from suasion.serving.store import Store

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


class Clock:
    """A time of day that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


class Scripted:
    """An agent that says what a test gives it, one after the other, and then the last for ever."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = list(texts), 0

    def reply(self, dialogues: Any, seed: int) -> list[str]:
        self.asked += len(dialogues)
        return [self.texts.pop(0) if len(self.texts) > 1 else self.texts[0] for _ in dialogues]


Make = Callable[..., TestClient]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says ON_BOTH = True has its tests of a store run on each database."""
    if getattr(metafunc.module, "ON_BOTH", False) and "url" in metafunc.fixturenames:
        metafunc.parametrize("url", NAMES, indirect=True)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if getattr(request, "param", "sqlite") == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return server.new_database()
    return f"sqlite:///{tmp_path}/suasion.db"


@pytest.fixture(scope="session")
def rules(hotel: Pack) -> RuleSet:
    return RuleSet.load(hotel)


@pytest.fixture
def make(url: str, clock: Clock, hotel: Pack, rules: RuleSet) -> Iterator[Make]:
    """Makes a client of a service that runs until the test ends."""
    open_clients: list[TestClient] = []

    def build(
        agent: Agent | dict[str, Agent] | None = None,
        needs_keys: bool | None = None,
        workshop: Workshop | None = None,
        pack_name: str = "hotel",
        **limits: Any,
    ) -> TestClient:
        speaker: Speaker | list[Speaker]
        if isinstance(agent, dict):
            speaker = [Speaker(one, hotel, f"run-{name}", name) for name, one in agent.items()]
        elif agent is None:
            speaker = load_speaker("intent", pack_name)
        else:
            speaker = Speaker(agent, hotel, "r", "scripted")
        guards = rules if pack_name == "hotel" else None
        context = assemble(speaker, Store(url), needs_keys, Limits(**{"rate": 0, **limits}), clock, guards)
        app = create_app(context, None, workshop=workshop)
        client = TestClient(app, raise_server_exceptions=False)
        client.context = context  # type: ignore[attr-defined]
        open_clients.append(client.__enter__())
        return client

    yield build
    for client in open_clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make: Make) -> TestClient:
    return make()


def context_of(client: TestClient) -> Context:
    found: Context = client.context  # type: ignore[attr-defined]
    return found


@pytest.fixture
def brief() -> dict[str, Any]:
    return {**BRIEF_EXAMPLE}


__all__ = ["postgres"]
