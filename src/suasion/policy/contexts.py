"""Dialogues with replies as trees: replies to the same context share its prompt."""

from collections.abc import Sequence
from dataclasses import dataclass

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone

TOGETHER = 32  # replies in one tree: attention grows with the square of its tokens


@dataclass(frozen=True, slots=True)
class Group:
    """One context's prompt tokens, and the replies to it: their places in the input and their tokens."""

    prompt: tuple[int, ...]
    places: tuple[int, ...]
    replies: tuple[tuple[int, ...], ...]


def group(backbone: Backbone, pack: Pack, dialogues: Sequence[Dialogue]) -> list[Group]:
    """Tokenise dialogues with replies, those with the same context together, TOGETHER of them at most."""
    found: dict[tuple[int, ...], list[int]] = {}
    for place, dialogue in enumerate(dialogues):
        found.setdefault(tuple(backbone.context(dialogue, pack)), []).append(place)
    return [
        Group(
            prompt,
            tuple(places[start : start + TOGETHER]),
            tuple(
                tuple(backbone.reply_tokens(dialogues[p].reply or ""))
                for p in places[start : start + TOGETHER]
            ),
        )
        for prompt, places in found.items()
        for start in range(0, len(places), TOGETHER)
    ]
