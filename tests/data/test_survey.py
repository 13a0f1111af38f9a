"""What is planted into files is found, once and where it stands; what is not there is not found."""

import json
from pathlib import Path

import pytest
from tests.data.talks import HELLO, pair, talk

from suasion.data.examples import Example, Pair, write_pairs
from suasion.data.pairs import make_pairs
from suasion.data.survey import Leak, Split, Survey, survey
from suasion.data.synthesize import synthesize
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue, write_dialogues
from suasion.negotiation.pack import Pack

LONG = (
    "We looked at the prices of the week and saw that the Queen Room of the house next door sells at less, "
    "so that guests who look at both of them mostly take the other one"
)


def look(pack: Pack, *paths: Path, complain: list[InputError] | None = None) -> Survey:
    told = complain if complain is not None else []
    return survey(paths, pack, "hotel", 0.8, told.append, lambda done: None)


def written(path: Path, records: list[Dialogue] | list[Pair]) -> Path:
    if records and isinstance(records[0], Pair):
        write_pairs(path, records)  # type: ignore[arg-type]
    else:
        write_dialogues(path, records)  # type: ignore[arg-type]
    return path


def one(pack: Pack, path: Path, records: list[Dialogue] | list[Pair]) -> Split:
    return look(pack, written(path, records)).splits[0]


def test_equal_and_nearly_equal_records_are_told_apart(pack: Pack, tmp_path: Path) -> None:
    records = [
        talk("a", HELLO, "Yes.", LONG),
        talk("b", HELLO, "What do you want from us at this hour?"),
        talk("c", HELLO.upper(), "Yes. ", LONG),  # equal but for case, spaces and id
        talk("d", HELLO, "Yes.", LONG + "."),  # other marks, the same words
        talk("e", HELLO, "Yes.", LONG, hotel="Other Hotel"),  # of another brief
    ]
    split = one(pack, tmp_path / "a.jsonl", records)
    file = tmp_path / "a.jsonl"
    assert split.duplicates.shown == [f"{file}:3 as {file}:1"]
    assert split.near_duplicates.count == 2
    assert split.near_duplicates.shown[0] == f"{file}:4 like {file}:1"


def test_records_are_compared_with_what_was_last_said(pack: Pack, tmp_path: Path) -> None:
    """The prefixes of one long dialogue are no near duplicates of one another."""
    said = [f"{LONG} in week {number} of year {number * 7}, {number * 3} rooms" for number in range(24)]
    said = [" ".join(f"{word}{number}" for word in text.split()) for number, text in enumerate(said)]
    records = [talk(f"d#{n}", *said[:n]).with_reply(said[n]) for n in range(0, 24, 2)]
    split = one(pack, tmp_path / "a.jsonl", records)
    assert (split.duplicates.count, split.near_duplicates.count) == (0, 0)


def test_pairs_of_one_context_are_not_near_one_another(pack: Pack, tmp_path: Path) -> None:
    first, other = talk("d#2", HELLO, "Yes?"), talk("e#2", HELLO, "Yes?")
    records = [
        pair(first, LONG, LONG + " now"),
        pair(first, LONG, LONG + " today"),
        pair(first, LONG, LONG + " now"),
        pair(other, LONG, LONG + " soon"),
    ]
    split = one(pack, tmp_path / "pairs.jsonl", records)
    assert (split.duplicates.count, split.near_duplicates.count) == (1, 1)
    assert split.near_duplicates.shown[0].startswith(f"{tmp_path / 'pairs.jsonl'}:4 like")


def test_leaks_between_files_are_found(pack: Pack, tmp_path: Path) -> None:
    train = [
        talk("a", HELLO, "Yes.", LONG, family="plain"),
        talk("b", HELLO, "No.", hotel="Moon Hotel", family="warm"),
    ]
    test = [
        talk("t1", HELLO, "Yes.", LONG, family="brisk"),
        talk("t2", HELLO, "Yes.", LONG + ".", hotel="Star Hotel", family="warm"),
        talk("t3", "Good day to you.", "Who is that?", hotel="MOON hotel", family="warm"),
        talk("t4", "Good evening to all of you.", hotel="Sea Hotel", family="human"),
    ]
    found = look(pack, written(tmp_path / "train.jsonl", train), written(tmp_path / "test.jsonl", test))
    (leak,) = found.leaks
    assert (leak.records.count, leak.near.count, leak.of) == (1, 1, 4)
    assert leak.records.shown == [f"{tmp_path / 'test.jsonl'}:1 as {tmp_path / 'train.jsonl'}:1"]
    assert (leak.names.count, leak.names.shown) == (2, ["Sunrise Hotel", "MOON hotel"])
    assert (leak.families.count, leak.families.shown) == (1, ["warm"])


def test_a_context_split_over_two_files_of_pairs_is_a_leak(pack: Pack, tmp_path: Path) -> None:
    context = talk("d#2", HELLO, "Yes?")
    files = [
        written(tmp_path / f"{name}.jsonl", [pair(context, LONG, f"{LONG} {name}")]) for name in ("a", "b")
    ]
    (leak,) = look(pack, *files).leaks
    assert (leak.records.count, leak.near.count, leak.names.count) == (0, 1, 1)


def test_the_splits_of_synthetic_dialogues_share_no_hotel(pack: Pack, tmp_path: Path) -> None:
    files = [
        written(tmp_path / f"{split}.jsonl", synthesize(pack, 40, 0, split))  # type: ignore[arg-type]
        for split in ("train", "validation", "test")
    ]
    leaks = {(Path(leak.first).stem, Path(leak.second).stem): leak for leak in look(pack, *files).leaks}
    assert len(leaks) == 3
    assert all((leak.names.count, leak.records.count) == (0, 0) for leak in leaks.values())
    held_out: Leak = leaks["train", "test"]
    assert held_out.families.count < leaks["train", "validation"].families.count


def test_what_is_counted(pack: Pack, tmp_path: Path) -> None:
    said = talk("a", HELLO, "Yes.", "Goodbye.", source="online")
    marked = said.model_copy(
        update={"turns": tuple(turn.model_copy(update={"acts": ("greet",)}) for turn in said.turns)}
    )
    split = one(pack, tmp_path / "a.jsonl", [marked, talk("b", HELLO, "No.").with_reply("Goodbye.")])
    assert split.counts["act"]["greet"] == 2, "the acts that a record comes with are believed"
    assert split.counts["act"]["bye"] == 1, "a reply's are heard"
    assert split.counts["source"] == {"online": 1, "none given": 1}
    assert split.counts["speaker"] == {"agent": 3, "counterpart": 2}
    assert split.counts["stage"].total() == 3
    assert set(split.counts["stage"]) >= {stage.id for stage in pack.sop.stages}, "with those that never come"
    assert not split.counts["defect"]


def test_pairs_are_counted_by_defect_and_length(pack: Pack, examples: list[Example], tmp_path: Path) -> None:
    pairs = make_pairs(examples, pack, 100, seed=0)
    split = one(pack, tmp_path / "pairs.jsonl", pairs)
    assert split.records == split.counts["defect"].total() == split.counts["stage"].total() == 100
    longer = sum(len(pair.chosen) > len(pair.rejected) for pair in pairs)
    assert sum(sum(lengths.longer) for lengths in split.lengths.values()) == longer
    assert set(split.lengths) == {"defect", "quality"}
    assert all(len(lengths.longer) == len(lengths.contexts) for lengths in split.lengths.values())


BROKEN = [
    ("{not json", None, "JSON"),
    ("[1]", None, "object"),
    ('{"id": "x", "brief": {"hotel": 3}}', "brief.", "brief"),
    ('{"id": "x", "brief": {}, "turns": [{"speaker": "cat", "text": "x"}]}', "turns.0.speaker", "agent"),
]


def test_a_broken_line_is_named_and_the_rest_is_surveyed(pack: Pack, tmp_path: Path) -> None:
    good = talk("a", HELLO).model_dump_json(exclude_none=True)
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(line for text, _, _ in BROKEN for line in (text, good)) + "\n", "utf-8")
    told: list[InputError] = []
    split = look(pack, path, complain=told).splits[0]
    assert (split.records, split.broken, split.duplicates.count) == (4, 4, 3)
    for number, (error, (_, field, says)) in enumerate(zip(told, BROKEN, strict=True)):
        assert (error.file, error.line) == (str(path), 2 * number + 1)
        assert says in str(error)
        assert (error.field or "").startswith(field or "")


def test_broken_pairs_are_named(pack: Pack, tmp_path: Path) -> None:
    path = written(tmp_path / "pairs.jsonl", [pair(talk("a", HELLO), "Yes.", "No, not at all.")])
    content = json.loads(path.read_text("utf-8"))
    no_hotel = json.loads(json.dumps(content))
    del no_hotel["dialogue"]["brief"]["hotel"]
    lines = ["{", json.dumps(content | {"rejected": 3}), json.dumps(no_hotel), json.dumps(content)]
    path.write_text("\n".join(lines), "utf-8")
    told: list[InputError] = []
    split = look(pack, path, complain=told).splits[0]
    assert (split.records, split.broken) == (1, 3)
    assert [(error.line, error.field) for error in told] == [
        (1, None),
        (2, "rejected"),
        (3, "dialogue.brief.hotel"),
    ]


def test_a_file_without_lines_or_none_at_all_is_told(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match="no record"):
        look(pack, tmp_path / "empty.jsonl")
    with pytest.raises(InputError, match="can't be read"):
        look(pack, tmp_path / "missing.jsonl")
