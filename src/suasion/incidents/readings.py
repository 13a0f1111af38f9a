"""Each reply of a log read by two versions of a pack: as it is, and as it would be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suasion.data.examples import Pair, read_pairs
from suasion.data.rubric import Criterion
from suasion.data.synthesize import examples_of
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue, read_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Evidence, Severity, Source
from suasion.rewards.suite import Reading, RewardSuite

LABELS = "labels"  # the extra field of a record: whether its reply is what a rule or criterion is about
CHUNK = 256  # replies read at once
Asked = Callable[[Sequence[Dialogue]], Sequence[float | None]]  # P(yes) by one criterion, None where not read


@dataclass(frozen=True, slots=True)
class Logged:
    """A reply of the log; `talk` is the record it is from, `labels` what a person said of it."""

    dialogue: Dialogue
    talk: str
    labels: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Side:
    """What one version says of a reply. None is not read."""

    e: float | None  # points of judge and rules, not clipped
    e_judge: float | None
    e_func: float | None
    e_enh: float | None  # clipped
    r_total: float | None
    rules: tuple[Evidence, ...]
    criteria: tuple[Evidence, ...]

    def objecting(self, names: frozenset[str] | None) -> frozenset[str]:
        """Those rules that object, and those criteria that are rather met than not; all by default."""
        found = [hit.name for hit in self.rules]
        found += [one.name for one in self.criteria if one.probability is not None and one.probability >= 0.5]
        return frozenset(name for name in found if names is None or name in names)

    @property
    def order(self) -> float | None:
        """What a pair's replies are ordered by: R_total, or E where there is none."""
        return self.e if self.r_total is None else self.r_total


@dataclass(frozen=True, slots=True)
class Reread:
    """One reply by both versions."""

    logged: Logged
    stage: str
    r_model: float | None
    before: Side
    after: Side

    @property
    def moved(self) -> float:
        """How far R_total moves, or E where R_total was not read; 0 where neither was."""
        for old, new in ((self.before.r_total, self.after.r_total), (self.before.e, self.after.e)):
            if old is not None and new is not None:
                return abs(new - old)
        return 0.0 if self.before.e == self.after.e else abs(self.after.e or 0.0)


@dataclass(frozen=True, slots=True)
class Versions:
    """Two versions of a pack. `old` has the judge and the reward model that there are; `new` only its rules.

    criterion, asked: a criterion that is new or changed, and what reads it.
    names: the rules and criteria that differ; None where the difference may lie anywhere.
    """

    old: RewardSuite
    new: RewardSuite
    names: frozenset[str] | None = None
    criterion: Criterion | None = None
    asked: Asked | None = None

    def read(self, replies: Sequence[Logged]) -> list[Reread]:
        dialogues = [one.dialogue for one in replies]
        readings = self.old.score(dialogues)
        yes = self.asked(dialogues) if self.asked else [None] * len(replies)
        return [self._again(one, found, p) for one, found, p in zip(replies, readings, yes, strict=True)]

    def _again(self, logged: Logged, was: Reading, yes: float | None) -> Reread:
        rules = self.new.rules.check(logged.dialogue)
        criteria = was.scores[Source.JUDGE].evidence
        if self.criterion is not None:
            criteria = tuple(one for one in criteria if one.name != self.criterion.id)
            if yes is not None:
                points, question = self.criterion.points * yes, self.criterion.question
                criteria += (Evidence(self.criterion.id, points, note=question, probability=yes),)
        e_judge = sum(one.points for one in criteria) if criteria else None
        breach = any(hit.severity == Severity.CRITICAL for hit in rules.evidence)
        e_enh, total = self.old.combine(was.r_model, e_judge, rules.value, breach)
        after = Side(_sum(e_judge, rules.value), e_judge, rules.value, e_enh, total, rules.evidence, criteria)
        before = Side(
            _sum(was.e_judge, was.e_func),
            was.e_judge,
            was.e_func,
            was.e_enh,
            was.r_total,
            was.scores[Source.RULES].evidence,
            was.scores[Source.JUDGE].evidence,
        )
        return Reread(logged, was.stage, was.r_model, before, after)


def _sum(*parts: float | None) -> float | None:
    read = [part for part in parts if part is not None]
    return sum(read) if read else None


@dataclass(slots=True)
class Log:
    """The replies of a log file; what could not be read is gathered while they are."""

    path: Path
    pack: Pack
    records: int = 0
    broken: list[InputError] = field(default_factory=list)

    def replies(self) -> Iterator[Logged]:
        """A record's reply, or, of a whole dialogue, each turn of the agent with what came before it."""
        for number, record in read_dialogues(self.path, self.pack.check_brief):
            try:
                if isinstance(record, InputError):
                    raise record
                yield from list(_replies(record, self.pack, str(self.path), number))
                self.records += 1
            except InputError as error:
                self.broken.append(error)

    def read(self, versions: Versions) -> Iterator[Reread]:
        part: list[Logged] = []
        for reply in self.replies():
            part.append(reply)
            if len(part) == CHUNK:
                yield from versions.read(part)
                part = []
        yield from versions.read(part)


def _replies(record: Dialogue, pack: Pack, file: str, number: int) -> Iterator[Logged]:
    labels = (record.model_extra or {}).get(LABELS)
    if record.reply is not None:
        yield Logged(record, record.id, _labels(labels, file, number, LABELS))
        return
    if labels is not None and (not isinstance(labels, list) or len(labels) != len(record.turns)):
        message = (
            f"a whole dialogue has one for each of its {len(record.turns)} turns, null where there is none"
        )
        raise InputError(message, file, number, LABELS)
    for example in examples_of([record], pack):
        turn = len(example.dialogue.turns)
        found = _labels(labels[turn], file, number, f"{LABELS}.{turn}") if labels else {}
        yield Logged(example.dialogue, record.id, found)


def _labels(value: Any, file: str, number: int, where: str) -> dict[str, bool]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, bool) for one in value.values()):
        message = "expected true or false by the id of a rule or criterion, as in {target-leak: true}"
        raise InputError(message, file, number, where)
    return {str(name): label for name, label in value.items()}


def read_pairs_again(path: Path, versions: Versions) -> Iterator[tuple[Pair, Reread, Reread]]:
    """Each preference pair with its chosen and its rejected reply by both versions.

    Raises InputError with file, line and field of a broken pair.
    """
    part: list[Pair] = []
    for pair in read_pairs(path):
        part.append(pair)
        if len(part) == CHUNK:
            yield from _pairs(part, versions)
            part = []
    yield from _pairs(part, versions)


def _pairs(pairs: Sequence[Pair], versions: Versions) -> Iterator[tuple[Pair, Reread, Reread]]:
    replies = [
        Logged(pair.dialogue.with_reply(text), pair.dialogue.id, {})
        for pair in pairs
        for text in (pair.chosen, pair.rejected)
    ]
    found = versions.read(replies)
    yield from zip(pairs, found[::2], found[1::2], strict=True)
