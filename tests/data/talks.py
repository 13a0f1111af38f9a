"""Dialogues and pairs with few words, for tests of files."""

from typing import Any

from suasion.data.examples import Pair
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn

HELLO = "Hello, this is Lin from Voyara. Is the person who looks after room prices there?"


def brief(hotel: str = "Sunrise Hotel") -> Brief:
    return Brief.model_validate({"hotel": hotel, "city": "Hangzhou", "agency": "Voyara", "agent_name": "Lin"})


def talk(name: str, *said: str, hotel: str = "Sunrise Hotel", **more: Any) -> Dialogue:
    """The agent says the first of the words, then they take turns."""
    sides = ("agent", "counterpart")
    turns = tuple(Turn(speaker=sides[n % 2], text=text) for n, text in enumerate(said))  # type: ignore[arg-type]
    return Dialogue(id=name, brief=brief(hotel), turns=turns, **more)


def pair(context: Dialogue, chosen: str, rejected: str, defect: str = "threat", **more: Any) -> Pair:
    values: dict[str, Any] = {"kind": "defect", "source": "online", "family": "plain", **more}
    return Pair(
        dialogue=context,
        chosen=chosen,
        rejected=rejected,
        defect=defect,
        chosen_acts=(),
        rejected_acts=(),
        **values,
    )
