"""What stands in files of dialogues or pairs: repetitions, leaks between the files, counts, lengths.

One record is held at a time. Of those before it hashes are kept, a good 1 kB a record, and no text.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_core import from_json

from suasion.data.examples import Pair, each_pair
from suasion.data.near import NearIndex, Sketch, digest, sketch
from suasion.data.synthesize import examples_of, without_acts
from suasion.errors import InputError
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, read_dialogues
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track

SHOWN = 5  # places told of each kind
EXCHANGE = 2  # last turns of a context, which stand beside its reply for what may repeat
NO_FAMILY = ("", "human")  # words of people are of no family of phrasing
DIMENSIONS = ("stage", "act", "defect", "source", "speaker")


@dataclass(slots=True)
class Places:
    """How often something was found, and the first few places or names."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(place)


@dataclass(slots=True)
class Lengths:
    """Of pairs whose replies differ in length: is the chosen one longer, and which context was it after."""

    longer: list[bool] = field(default_factory=list)
    contexts: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Split:
    """One file: what was counted in it, and what later records and files are compared with.

    pairs: whether it has pairs, and not dialogue records.
    counts: of each of DIMENSIONS; acts and stages are those of the agent's replies (of a pair, the chosen).
    lengths: of pairs, by their kind.
    """

    file: str
    pairs: bool
    near: NearIndex
    records: int = 0
    broken: int = 0
    duplicates: Places = field(default_factory=Places)
    near_duplicates: Places = field(default_factory=Places)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    lengths: dict[str, Lengths] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    names: set[int] = field(default_factory=set)
    families: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Leak:
    """What two files share: records, nearly equal records, names that a brief is split by, families."""

    first: str
    second: str
    of: int = 0  # records of the second
    records: Places = field(default_factory=Places)
    near: Places = field(default_factory=Places)
    names: Places = field(default_factory=Places)
    families: Places = field(default_factory=Places)


@dataclass(frozen=True, slots=True)
class Survey:
    """All files, and each two of them."""

    splits: tuple[Split, ...]
    leaks: tuple[Leak, ...]


@dataclass(frozen=True, slots=True)
class _Sample:
    """A record as it is compared: equal ones have the same digest, near ones similar sketches."""

    place: int
    digest: int
    made: Sketch
    group: int | None
    name: str
    family: str


def survey(
    paths: Sequence[Path],
    pack: Pack,
    split_by: str | None,
    least: float,
    complain: Callable[[InputError], None],
    tell: Callable[[int], None],
) -> Survey:
    """Go through the files once, in order.

    Args:
        split_by: the brief's field that no two files may share a value of; None compares no names.
        least: similarity from which records are near duplicates, from 0 to 1.
        complain: is told each line that can't be read; the others are surveyed all the same.
        tell: is told how many lines of all files are done.

    Raises InputError when a file can't be read at all, or has no record.
    """
    splits: list[Split] = []
    leaks: list[Leak] = []
    done = 0
    for path in paths:
        split = _split(path, pack, least)
        between = [Leak(earlier.file, split.file) for earlier in splits]
        before = done
        for number, record in _records(path, split, pack.check_brief):
            if isinstance(record, InputError):
                split.broken += 1
                complain(record)
            else:
                _take(record, split, pack)
                _compare(_sample(record, number, split_by), split, list(zip(splits, between, strict=True)))
            done = before + number
            tell(done)
        if not split.records + split.broken:
            raise InputError("there is no record in it", str(path))
        for leak in between:
            leak.of = split.records
        splits.append(split)
        leaks += between
    return Survey(tuple(splits), tuple(leaks))


def count_lines(path: Path) -> int:
    """Lines of the file. Raises InputError when it can't be read."""
    with _opened(path) as lines:
        return sum(1 for _ in lines)


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[bytes]]:
    try:
        with path.open("rb") as lines:
            yield lines
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}", str(path)) from None


def _split(path: Path, pack: Pack, least: float) -> Split:
    made = Split(str(path), _holds_pairs(path), NearIndex(least))
    made.counts = {name: Counter() for name in DIMENSIONS}
    made.counts["stage"].update({stage.id: 0 for stage in (*pack.sop.stages, *pack.sop.side_states)})
    return made


def _holds_pairs(path: Path) -> bool:
    """By the first line that is a JSON object."""
    with _opened(path) as lines:
        for line in lines:
            try:
                content = from_json(line)
            except ValueError:
                continue
            if isinstance(content, dict):
                return "chosen" in content
    return False


def _records(
    path: Path, split: Split, check: Callable[[Brief], None]
) -> Iterator[tuple[int, Dialogue | Pair | InputError]]:
    return each_pair(path, check) if split.pairs else read_dialogues(path, check)


def _take(record: Dialogue | Pair, split: Split, pack: Pack) -> None:
    """Count the record."""
    split.records += 1
    dialogue = record.dialogue if isinstance(record, Pair) else record
    counts = split.counts
    counts["source"][record.source or "none given"] += 1
    counts["speaker"].update(turn.speaker for turn in dialogue.turns)
    if isinstance(record, Pair):
        counts["defect"][record.defect] += 1
        _take_reply(dialogue, record.chosen, record.chosen_acts, split, pack)
        _take_lengths(record, split)
    elif record.reply is not None:
        _take_reply(dialogue, record.reply, (), split, pack)
    else:
        for example in examples_of([dialogue], pack):
            counts["stage"][example.stage] += 1
            counts["act"].update(example.acts)


def _take_reply(dialogue: Dialogue, reply: str, acts: tuple[str, ...], split: Split, pack: Pack) -> None:
    hearing = load_hearing(pack)
    state = track(without_acts(dialogue), pack.sop, hearing)
    split.counts["stage"][state.side or state.stage] += 1
    split.counts["act"].update(acts or hearing.hear("agent", reply))


def _take_lengths(pair: Pair, split: Split) -> None:
    if len(pair.chosen) != len(pair.rejected):
        lengths = split.lengths.setdefault(pair.kind, Lengths())
        lengths.longer.append(len(pair.chosen) > len(pair.rejected))
        lengths.contexts.append(digest(pair.dialogue.id))


def _sample(record: Dialogue | Pair, number: int, split_by: str | None) -> _Sample:
    """Pairs of one context are one group: they differ in what they set against each other."""
    replies: tuple[str, ...]
    if isinstance(record, Pair):
        dialogue, replies, family = record.dialogue, (record.chosen, record.rejected), record.family
    else:
        dialogue, family = record, str((record.model_extra or {}).get("family", ""))
        replies = () if record.reply is None else (record.reply,)
    said = [f"{turn.speaker}: {turn.text}" if turn.text is not None else "silence" for turn in dialogue.turns]
    plain = [" ".join(text.casefold().split()) for text in (*said, *replies)]
    return _Sample(
        place=number,
        digest=digest("\n".join([dialogue.brief.model_dump_json(), str(len(said)), *plain])),
        made=sketch(" ".join([*(said[-EXCHANGE:] if replies else said), *replies])),
        group=digest(dialogue.id) if isinstance(record, Pair) else None,
        name=str(dialogue.brief.details.get(split_by, "")) if split_by else "",
        family=family if family not in NO_FAMILY else "",
    )


def _compare(sample: _Sample, split: Split, earlier: Sequence[tuple[Split, Leak]]) -> None:
    """Look for the record in its own file and in those before it, then remember it."""
    here = f"{split.file}:{sample.place}"
    _look(sample, here, split, sample.group, split.duplicates, split.near_duplicates)
    name = digest(sample.name.casefold()) if sample.name else None
    for other, leak in earlier:
        _look(sample, here, other, None, leak.records, leak.near)
        if name in other.names and name not in split.names:
            leak.names.add(sample.name)
        if sample.family in other.families and sample.family not in split.families:
            leak.families.add(sample.family)
    if name is not None:
        split.names.add(name)
    if sample.family:
        split.families.add(sample.family)
    if split.seen.setdefault(sample.digest, sample.place) == sample.place:
        split.near.add(sample.place, sample.made, sample.group)


def _look(sample: _Sample, here: str, among: Split, group: int | None, equal: Places, near: Places) -> None:
    place = among.seen.get(sample.digest)
    if place is not None:
        equal.add(f"{here} as {among.file}:{place}")
        return
    place = among.near.find(sample.made, group)
    if place is not None:
        near.add(f"{here} like {among.file}:{place}")
