"""Real human dialogues: PersuasionForGood's tables as dialogue records, and next-reply data from them."""

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from suasion.data.examples import Example, Pair
from suasion.data.operators import garble
from suasion.data.synthesize import examples_of
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Outcome, Speaker, Turn
from suasion.negotiation.pack import Pack

SPEAKERS: dict[str, Speaker] = {"0": "agent", "1": "counterpart"}
TURNS, OUTCOMES = "full_dialog.csv", "outcomes.csv"
LEAST_WORDS = 4  # shorter replies fit into any place, so that none is better there


@dataclass(frozen=True)
class _Row:
    """One line of a table, and where it stands."""

    file: str
    line: int
    cells: dict[str, str]

    def text(self, name: str) -> str:
        value = self.cells.get(name)
        if value is None or not value.strip():
            raise self.error("required, but missing", name)
        return value.strip()

    def speaker(self, name: str) -> Speaker:
        if self.text(name) not in SPEAKERS:
            raise self.error(f"a role is 0 (persuader) or 1 (persuadee), found {self.text(name)!r}", name)
        return SPEAKERS[self.text(name)]

    def number(self, name: str) -> float:
        try:
            value = float(self.text(name))
        except ValueError:
            raise self.error(f"expected a number, found {self.text(name)!r}", name) from None
        if not 0 <= value < float("inf"):
            raise self.error(f"expected a number from 0 up, found {self.text(name)!r}", name)
        return value

    def error(self, message: str, field: str) -> InputError:
        return InputError(message, self.file, self.line, field)


def import_persuasion_for_good(folder: Path, goal: str) -> Iterator[Dialogue]:
    """Each dialogue of the two tables; `goal` is what its agent was after, for the brief.

    Sentences of one turn become one turn. Raises InputError with file, line and field for a broken table.
    """
    donations = _donations(folder / OUTCOMES)
    table = _rows(folder / TURNS, ("B2", "B4", "Turn", "Unit"))
    seen: set[str] = set()
    for name, group in groupby(table, lambda row: row.text("B2")):
        rows = list(group)
        if name in seen:
            raise rows[0].error(f"dialogue {name!r} goes on after another one began", "B2")
        seen.add(name)
        turns = tuple(_turns(rows))
        if name not in donations:
            raise rows[0].error(f"dialogue {name!r} has no row in {OUTCOMES}", "B2")
        responded = any(turn.speaker == "counterpart" for turn in turns)
        outcome = Outcome(responded=responded, ending="complete", **donations[name])
        yield Dialogue(id=name, brief=Brief(goal=goal), turns=turns, outcome=outcome, source="human")


def _turns(rows: Iterable[_Row]) -> Iterator[Turn]:
    for speaker, units in groupby(rows, lambda row: row.speaker("B4")):
        yield Turn(speaker=speaker, text=" ".join(" ".join(unit.text("Unit").split()) for unit in units))


def _donations(path: Path) -> dict[str, dict[str, float]]:
    """What each side of each dialogue gave, in US dollars."""
    names: dict[Speaker, str] = {"agent": "agent_donation", "counterpart": "donation"}
    found: dict[str, dict[str, float]] = {}
    for row in _rows(path, ("dialogue", "role", "donation_usd")):
        found.setdefault(row.text("dialogue"), {})[names[row.speaker("role")]] = row.number("donation_usd")
    return found


def _rows(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            table = csv.DictReader(lines, strict=True)
            missing = [column for column in columns if column not in (table.fieldnames or ())]
            if missing:
                raise InputError("column is missing", str(path), 1, missing[0])
            last = table.line_num
            for cells in table:
                yield _Row(str(path), last + 1, {column: cells.get(column) or "" for column in columns})
                last = table.line_num
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"not a CSV file in UTF-8: {error}", str(path), table.line_num) from None


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
