"""Next-reply data from logged dialogues: what was really said, and what would not have belonged there."""

import random
from collections.abc import Iterable, Sequence

from suasion.data.examples import Example, Pair
from suasion.data.operators import garble
from suasion.data.synthesize import examples_of
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

LEAST_WORDS = 4  # shorter replies fit into any place, so that none is better there


def next_reply_examples(dialogues: Iterable[Dialogue], pack: Pack) -> list[Example]:
    """What the human agent really said, after each beginning of each dialogue; acts as they are heard."""
    return examples_of(dialogues, pack)


def next_reply_pairs(dialogues: Sequence[Dialogue], count: int, seed: int) -> list[Pair]:
    """The human's real next reply against one that does not belong there; `count` of them, if there are.

    The other is of another dialogue (`off_topic`), of another place in the same (`wrong_turn`), the last one
    again (`repeats_itself`), or the real one with its words in disorder (`garbled`).
    """
    rng = random.Random(f"{seed}:next-reply")
    places = [
        (dialogue, index)
        for dialogue in dialogues
        for index, turn in enumerate(dialogue.turns)
        if turn.speaker == "agent" and turn.text and len(turn.text.split()) >= LEAST_WORDS
    ]
    pairs: list[Pair] = []
    for round_ in range(len(WRONG)):
        for number, (dialogue, index) in enumerate(rng.sample(places, len(places))):
            if len(pairs) >= count:
                return pairs
            pair = _next_reply_pair(dialogue, index, WRONG[(number + round_) % len(WRONG)], places, rng)
            if pair is not None:
                pairs.append(pair)
    return pairs


WRONG = ("off_topic", "wrong_turn", "garbled", "repeats_itself")
_Place = tuple[Dialogue, int]


def _next_reply_pair(
    dialogue: Dialogue, index: int, wrong: str, places: Sequence[_Place], rng: random.Random
) -> Pair | None:
    real = dialogue.turns[index].text or ""
    other = _wrong_reply(dialogue, index, wrong, places, rng)
    if other is None or other == real:
        return None
    return Pair(
        dialogue=Dialogue(
            id=f"{dialogue.id}#{index}",
            brief=dialogue.brief,
            turns=dialogue.turns[:index],
            source=dialogue.source,
        ),
        chosen=real,
        rejected=other,
        kind="defect",
        defect=wrong,
        source="online",
        family="human",
        chosen_acts=(),
        rejected_acts=(),
    )


def _wrong_reply(
    dialogue: Dialogue, index: int, wrong: str, places: Sequence[_Place], rng: random.Random
) -> str | None:
    if wrong == "garbled":
        return garble(dialogue.turns[index].text or "", rng)
    if wrong == "off_topic":
        other, at = rng.choice(places)
        return other.turns[at].text if other.id != dialogue.id else None
    own = [(at, turn.text) for at, turn in enumerate(dialogue.turns) if turn.speaker == "agent" and turn.text]
    if wrong == "repeats_itself":
        return next((text for at, text in reversed(own) if at < index), None)
    later = [text for at, text in own if at > index and len(text.split()) >= LEAST_WORDS]
    return rng.choice(later) if later else None
