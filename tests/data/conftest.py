"""One small world of synthetic dialogues for all tests of the data."""

import pytest

from suasion.data.examples import Example
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack


@pytest.fixture(scope="session")
def pack() -> Pack:
    return Pack.load("hotel")


@pytest.fixture(scope="session")
def dialogues(pack: Pack) -> list[Dialogue]:
    return synthesize(pack, 200, seed=0)


@pytest.fixture(scope="session")
def examples(pack: Pack, dialogues: list[Dialogue]) -> list[Example]:
    return examples_of(dialogues, pack)
