"""`suasion score`: a file of dialogue records through the reward suite, one line of memory at a time."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from suasion.errors import InputError
from suasion.files import beside
from suasion.negotiation.dialogue import Dialogue, read_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Source, Status
from suasion.rewards.suite import RewardSuite

NO_REPLY = "required to be scored, but missing; `suasion data replies` takes whole dialogues apart"


@dataclass(slots=True)
class Tally:
    """What became of a file's records."""

    scored: int = 0
    broken: int = 0  # could not be read
    faulty: int = 0  # scored, and a rule objects
    failed: int = 0  # scored, but the rules gave no reading: code of one's own failed


def score_file(
    suite: RewardSuite,
    pack: Pack,
    source: Path,
    output: Path,
    chunk: int,
    complain: Callable[[InputError], None],
) -> Tally:
    """Score each record that can be read, in order. `output` appears when all are, or stays as it was."""
    tally = Tally()
    output.parent.mkdir(parents=True, exist_ok=True)
    with beside(output) as part, part.open("w", encoding="utf-8") as out:
        for records in _chunks(pack, source, chunk):
            good = []
            for record in records:
                if isinstance(record, InputError):
                    tally.broken += 1
                    complain(record)
                else:
                    good.append(record)
            for dialogue, reading in zip(good, suite.score(good), strict=True):
                out.write(json.dumps(reading.as_json(dialogue.id), ensure_ascii=False) + "\n")
                tally.scored += 1
                tally.failed += reading.scores[Source.RULES].status == Status.FAILED
                tally.faulty += any(hit.points < 0 for hit in reading.scores[Source.RULES].evidence)
    return tally


def _chunks(pack: Pack, source: Path, size: int) -> Iterator[list[Dialogue | InputError]]:
    part: list[Dialogue | InputError] = []
    for number, record in read_dialogues(source, pack.check_brief):
        if isinstance(record, Dialogue) and record.reply is None:
            part.append(InputError(NO_REPLY, str(source), number, "reply"))
        else:
            part.append(record)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
