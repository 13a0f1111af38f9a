"""Pairs half and half, reproducible, without a repetition; verdicts follow from how the replies were made."""

from collections import Counter
from pathlib import Path

import pytest

from suasion.data.defects import DEFECTS
from suasion.data.examples import (
    Example,
    Pair,
    read_examples,
    read_pairs,
    read_verdicts,
    write_examples,
    write_pairs,
    write_verdicts,
)
from suasion.data.pairs import SOURCES, make_faults, make_pairs, make_verdicts
from suasion.data.rubric import load_rubric
from suasion.errors import InputError
from suasion.negotiation.dialogue import dump_dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet


@pytest.fixture(scope="module")
def pairs(pack: Pack, examples: list[Example]) -> list[Pair]:
    return make_pairs(examples, pack, 1000, seed=0)


def test_half_of_the_pairs_are_of_each_kind(pairs: list[Pair]) -> None:
    assert Counter(pair.kind for pair in pairs) == {"defect": 500, "quality": 500}


def test_every_fault_and_reason_has_its_share(pairs: list[Pair]) -> None:
    faults = Counter(pair.defect for pair in pairs if pair.kind == "defect")
    assert set(faults) == set(DEFECTS)
    assert min(faults.values()) >= 8
    reasons = Counter(pair.defect for pair in pairs if pair.kind == "quality")
    assert set(reasons) == {"empathy", "evidence", "progress", "brevity", "naturalness"}
    assert min(reasons.values()) >= 50


def test_pairs_are_reproducible_and_differ(pack: Pack, examples: list[Example], pairs: list[Pair]) -> None:
    assert make_pairs(examples, pack, 1000, seed=0) == pairs
    assert len({(pair.dialogue.id, pair.rejected) for pair in pairs}) == len(pairs)
    assert all(pair.chosen != pair.rejected and pair.dialogue.reply is None for pair in pairs)


def test_sources_mix_as_in_the_paper(pairs: list[Pair]) -> None:
    total = sum(SOURCES.values())
    assert total == 6632
    counts = Counter(pair.source for pair in pairs)
    assert all(abs(counts[source] / len(pairs) - share / total) < 0.06 for source, share in SOURCES.items())


def test_both_replies_of_a_quality_pair_are_free_of_faults(pack: Pack, pairs: list[Pair]) -> None:
    rules = RuleSet.load(pack)
    quality = [pair for pair in pairs if pair.kind == "quality"]
    broken = [
        (hit.name, text)
        for pair in quality
        for text in (pair.chosen, pair.rejected)
        for hit in rules.check(pair.dialogue.with_reply(text)).evidence
    ]
    assert len(broken) <= 0.01 * len(quality), broken[:5]


def test_length_does_not_tell_the_better_reply(pairs: list[Pair]) -> None:
    longer = sum(len(pair.chosen) > len(pair.rejected) for pair in pairs)
    shorter = sum(len(pair.chosen) < len(pair.rejected) for pair in pairs)
    assert 0.4 < longer / (longer + shorter) < 0.6


def test_no_pairs_from_no_examples(pack: Pack) -> None:
    assert make_pairs([], pack, 10, seed=0) == []


def test_each_reply_is_asked_about_once_on_every_criterion(
    pack: Pack, pairs: list[Pair], examples: list[Example]
) -> None:
    rubric = load_rubric(pack)
    verdicts = make_verdicts([*pairs, *examples[:100]], pack)
    asked = Counter((dump_dialogue(verdict.dialogue), verdict.criterion) for verdict in verdicts)
    assert set(asked.values()) == {1}
    counts = Counter((verdict.criterion, verdict.verdict) for verdict in verdicts)
    for criterion in rubric.criteria:
        assert counts[criterion.id, True] > 20
        assert counts[criterion.id, True] + counts[criterion.id, False] == len(asked) / len(rubric.criteria)


def test_every_fault_that_the_judge_is_asked_about_is_shown_as_often(
    pack: Pack, examples: list[Example]
) -> None:
    asked = [criterion for criterion in load_rubric(pack).criteria if criterion.defects]
    faults = make_faults(examples, pack, 200, seed=0)
    counts = Counter(one.id for pair in faults for one in asked if pair.defect in one.defects)
    assert sum(counts.values()) == len(faults) == 200
    assert max(counts.values()) - min(counts.values()) <= 10
    assert all(pair.kind == "defect" for pair in faults)


def test_a_good_reply_has_no_faulty_verdict(pack: Pack, examples: list[Example]) -> None:
    rubric = {criterion.id: criterion for criterion in load_rubric(pack).criteria}
    verdicts = make_verdicts(examples, pack)
    assert all(rubric[verdict.criterion].points > 0 for verdict in verdicts if verdict.verdict)


def test_records_come_back_from_their_files(
    tmp_path: Path, pack: Pack, pairs: list[Pair], examples: list[Example]
) -> None:
    verdicts = make_verdicts(pairs[:50], pack)
    assert write_examples(tmp_path / "e.jsonl", examples) == len(examples)
    assert write_pairs(tmp_path / "p.jsonl", pairs) == len(pairs)
    assert write_verdicts(tmp_path / "v.jsonl", verdicts) == len(verdicts)
    assert list(read_examples(tmp_path / "e.jsonl")) == examples
    assert list(read_pairs(tmp_path / "p.jsonl")) == pairs
    assert list(read_verdicts(tmp_path / "v.jsonl")) == verdicts
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ("{", None, "not valid JSON: .* at byte 1$"),
        ("[]", None, "JSON object"),
        ('{"dialogue": {"id": "a", "brief": {}}, "criterion": "x"}', "verdict", "missing"),
        (
            '{"dialogue": {"id": "a", "brief": {}}, "criterion": "x", "verdict": true, "x": 1}',
            "x",
            "unknown key",
        ),
        (
            '{"dialogue": {"id":"","brief":{},"turns": [{"speaker": ""}]}, "criterion": "", "verdict": 1}',
            "dialogue.turns.0.speaker",
            "agent",
        ),
    ],
)
def test_a_broken_record_is_named_by_file_line_and_field(
    tmp_path: Path, line: str, field: str | None, message: str
) -> None:
    path = tmp_path / "v.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=message) as caught:
        list(read_verdicts(path))
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), 2, field)


def test_a_missing_file_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        list(read_pairs(tmp_path / "none.jsonl"))
