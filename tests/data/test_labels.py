"""Labelled verdicts from a file: what they become, and what is refused where."""

import json
from pathlib import Path

import pytest

from suasion.data.labels import read_labels, rubric_of
from suasion.errors import InputError

LINE = {
    "context": [{"speaker": "agent", "text": "Hello."}, {"speaker": "counterpart", "silence_minutes": 45}],
    "reply": "Did you see my message?",
    "criterion": "Is it polite?",
    "verdict": True,
}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "verdicts.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_replies_are_told_apart_and_questions_are_the_rubric(tmp_path: Path) -> None:
    other = LINE | {"criterion": "Does it ask something?"}
    found = read_labels(written(tmp_path, LINE, "", other, LINE | {"reply": "Hm.", "verdict": False}))
    assert [one.dialogue.id for one in found] == ["1", "1", "4"]
    assert [one.verdict for one in found] == [True, True, False]
    assert found[0].dialogue.turns[1].silence_minutes == 45
    assert [c.question for c in rubric_of(found).criteria] == ["Is it polite?", "Does it ask something?"]


@pytest.mark.parametrize(
    ("broken", "field", "says"),
    [
        ("{", None, "JSON"),
        ("[1]", None, "object"),
        (LINE | {"verdict": "yes"}, "verdict", "boolean"),
        (LINE | {"verdict": 1}, "verdict", "boolean"),
        (LINE | {"reply": " "}, "reply", "pattern"),
        (LINE | {"context": [{"speaker": "guest", "text": "Hi"}]}, "context.0.speaker", "agent"),
        (LINE | {"note": "?"}, "note", "unknown key"),
        ({"context": [], "reply": "a", "verdict": True}, "criterion", "required"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: object, field: str | None, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_labels(written(tmp_path, LINE, broken))
    assert (caught.value.line, caught.value.field) == (2, field)


def test_another_raters_verdict_is_another_one(tmp_path: Path) -> None:
    found = read_labels(written(tmp_path, LINE, LINE | {"verdict": False}, LINE))
    assert [(one.dialogue.id, one.verdict) for one in found] == [("1", True), ("2", False), ("3", True)]


def test_a_byte_order_mark_is_no_content_and_other_encodings_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, LINE)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_labels(path)) == 1
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_labels(path)


def test_a_line_separator_within_a_string_ends_no_line(tmp_path: Path) -> None:
    line = json.dumps(LINE | {"reply": "one\u2028two\u0085three"}, ensure_ascii=False)
    assert read_labels(written(tmp_path, line))[0].dialogue.reply == "one\u2028two\u0085three"


def test_a_file_without_verdicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no verdict"):
        read_labels(written(tmp_path, ""))
    with pytest.raises(InputError, match="can't be read"):
        read_labels(tmp_path / "none.jsonl")
