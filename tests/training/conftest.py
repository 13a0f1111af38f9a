"""What tests of the loop share."""

import pytest

from suasion.negotiation.dialogue import Dialogue


@pytest.fixture
def contexts(dialogues: list[Dialogue]) -> list[Dialogue]:
    return [dialogue.with_reply("").model_copy(update={"id": str(n)}) for n, dialogue in enumerate(dialogues)]
