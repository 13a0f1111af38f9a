"""`suasion score`: a file of dialogue records through the reward suite, one line of memory at a time."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from suasion.errors import InputError
from suasion.files import beside
from suasion.negotiation.dialogue import Dialogue, read_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.judge_report import JudgeReport
from suasion.rewards.score import Source, Status
from suasion.rewards.suite import Reading, RewardSuite

NO_REPLY = "required to be scored, but missing; `suasion data replies` takes whole dialogues apart"


@dataclass(slots=True)
class Tally:
    """What became of a file's records.

    unread: of each source that was asked, how many replies it gave no reading of, by status.
    judging: what a judge at an address cost, over all batches; None for any other.
    """

    unread: dict[Source, Counter[Status]]
    scored: int = 0
    broken: int = 0  # could not be read
    faulty: int = 0  # scored, and a rule objects
    judging: JudgeReport | None = None

    @property
    def failed(self) -> int:
        """Scored, but the rules gave no reading: code of one's own failed."""
        return self.unread[Source.RULES][Status.FAILED]

    @property
    def judge_is_silent(self) -> bool:
        """Whether a judge was asked and read not one of the replies."""
        judged = self.unread.get(Source.JUDGE)
        return judged is not None and 0 < self.scored == judged.total()

    def count(self, reading: Reading) -> None:
        self.scored += 1
        self.faulty += any(hit.points < 0 for hit in reading.scores[Source.RULES].evidence)
        for source, found in self.unread.items():
            status = reading.scores[source].status
            found.update([status] if status != Status.READ else [])

    def add(self, report: JudgeReport | None) -> None:
        """What one more batch cost."""
        if report is not None:
            self.judging = report if self.judging is None else self.judging.then(report)

    def line(self) -> str:
        """For a person: how many were scored, how many break a rule, and what each source left unread."""
        unread = ", ".join(f"{source.value} {_told(found)}" for source, found in self.unread.items())
        return f"{self.scored} scored, {self.faulty} of them break a rule; unread: {unread}"


def _told(found: Counter[Status]) -> str:
    kinds = ", ".join(f"{status.value} {count}" for status, count in found.items())
    return f"{found.total()} ({kinds})" if kinds else "0"


def score_file(
    suite: RewardSuite,
    pack: Pack,
    source: Path,
    output: Path,
    chunk: int,
    complain: Callable[[InputError], None],
) -> Tally:
    """Score each record that can be read, in order. `output` appears when all are, or stays as it was."""
    tally = Tally({asked: Counter() for asked in suite.sources})
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
                tally.count(reading)
            tally.add(suite.judge_report())
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
