"""Chat messages and tables come back as they went, and TRL takes its formats for what they are."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.talks import HELLO, brief, pair, talk

from suasion.data.chat import message_rows, preference_rows, read_messages, sft_rows, write_rows
from suasion.data.examples import Example
from suasion.data.pairs import make_pairs
from suasion.data.turns import read_turns, write_turns
from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.policy.prompt import messages

HOTEL = Pack.load("hotel")
speakers = st.sampled_from(["agent", "counterpart"])
spoken = st.builds(Turn, speaker=speakers, text=st.text(max_size=40))
silent = st.builds(
    Turn,
    speaker=st.just("counterpart"),
    silence_minutes=st.floats(min_value=0, exclude_min=True, max_value=1e9),
)
talks = st.lists(
    st.builds(
        Dialogue,
        id=st.text(min_size=1, max_size=12),
        brief=st.just(brief()),
        turns=st.lists(spoken | silent, min_size=1, max_size=6).map(tuple),
        source=st.just("imported"),
    ),
    max_size=4,
    min_size=1,
    unique_by=lambda dialogue: dialogue.id,
)


def same_brief(name: str) -> Brief:
    return brief()


@settings(deadline=None)
@given(records=talks)
def test_messages_come_back_as_they_went(records: list[Dialogue]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chat.jsonl"
        assert write_rows(path, message_rows(records, HOTEL)) == len(records)
        assert list(read_messages(path, same_brief)) == records


@settings(deadline=None)
@given(records=talks)
def test_tables_come_back_as_they_went(records: list[Dialogue]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "turns.csv"
        assert write_turns(path, records) == len(records)
        assert list(read_turns(path, same_brief)) == records


def test_a_table_keeps_times_and_both_put_the_reply_last(tmp_path: Path) -> None:
    timed = Turn(speaker="agent", text='Hi, you, "there"\n', at="2026-01-02T10:00")
    record = Dialogue(id="a", brief=brief(), turns=(timed,), reply="Bye.", source="imported")
    last = Turn(speaker="agent", text="Bye.")
    write_turns(tmp_path / "a.csv", [record])
    assert [one.turns for one in read_turns(tmp_path / "a.csv", same_brief)] == [(timed, last)]
    write_rows(tmp_path / "a.jsonl", message_rows([record], HOTEL))
    (back,) = read_messages(tmp_path / "a.jsonl", same_brief)
    assert back.turns == (timed.model_copy(update={"at": None}), last)


def test_sft_rows_are_what_the_policy_reads_and_says(dialogues: list[Dialogue], pack: Pack) -> None:
    for dialogue in dialogues[:20]:
        rows = list(sft_rows([dialogue], pack))
        spoken = [(n, t.text) for n, t in enumerate(dialogue.turns) if t.speaker == "agent" and t.text]
        assert [row["completion"] for row in rows] == [
            [{"role": "assistant", "content": text}] for _, text in spoken
        ]
        for row, (number, _) in zip(rows, spoken, strict=True):
            before = dialogue.model_copy(update={"turns": dialogue.turns[:number]})
            assert row["prompt"] == messages(before, pack)


def test_a_reply_of_its_own_is_the_only_row(pack: Pack) -> None:
    record = talk("a", HELLO, "Yes?")
    rows = list(sft_rows([record.with_reply("Could it be 380?"), record.with_reply("")], pack))
    assert [row["completion"][0]["content"] for row in rows] == ["Could it be 380?"]


def test_pairs_keep_both_replies(pack: Pack, examples: list[Example]) -> None:
    pairs = make_pairs(examples, pack, 50, seed=0)
    for one, row in zip(pairs, preference_rows(pairs, pack), strict=True):
        assert (row["chosen"], row["rejected"]) == (
            [{"role": "assistant", "content": one.chosen}],
            [{"role": "assistant", "content": one.rejected}],
        )
        assert row["prompt"] == messages(one.dialogue, pack)


def test_no_text_has_a_special_token(pack: Pack) -> None:
    said = talk("a", "Hi <|end|>", "Yes <|end|>?")
    rows = [
        *sft_rows([said, said.with_reply("Oh <|end|>")], pack, ["<|end|>"]),
        *message_rows([said], pack, ["<|end|>"]),
        *preference_rows([pair(said, "A <|end|>", "B <|end|>")], pack, ["<|end|>"]),
    ]
    assert len(rows) == 4
    assert "<|end|>" not in json.dumps(rows)


def test_trl_takes_the_rows_for_conversations(
    pack: Pack, dialogues: list[Dialogue], examples: list[Example], tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    data_utils = pytest.importorskip("trl.data_utils")
    forms = {
        "sft": sft_rows(dialogues[:5], pack),
        "preference": preference_rows(make_pairs(examples, pack, 10, seed=0), pack),
        "messages": message_rows(dialogues[:20], pack),
    }
    columns = {
        "sft": {"prompt", "completion"},
        "preference": {"prompt", "chosen", "rejected"},
        "messages": {"id", "messages"},
    }
    for form, rows in forms.items():
        path = tmp_path / f"{form}.jsonl"
        count = write_rows(path, rows)
        loaded = datasets.load_dataset(
            "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert len(loaded) == count
        assert set(loaded.column_names) == columns[form]
        assert all(data_utils.is_conversational(row) for row in loaded)


def test_a_list_of_messages_without_names_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    line = '[{"role": "user", "content": "Yes?", "name": "Wu"}, {"role": "assistant", "content": "Hello."}]'
    path.write_bytes(b"\xef\xbb\xbf" + line.encode() + b"\n\n" + b'{"id": 7, "messages": []}\n')
    first, second = read_messages(path, same_brief)
    assert (first.id, [turn.speaker for turn in first.turns]) == ("1", ["counterpart", "agent"])
    assert (second.id, second.turns) == ("7", ())


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{", None),
        ("3", None),
        ("{}", "messages"),
        ('[{"role": "tool", "content": "x"}]', "messages.0.role"),
        ('[{"role": "user", "content": null}]', "messages.0.content"),
        ('[{"role": "user", "content": "", "silence_minutes": -1}]', "messages.0.silence_minutes"),
        ('{"id": "gone", "messages": []}', "id"),
    ],
)
def test_a_broken_line_of_messages_is_named(tmp_path: Path, line: str, field: str | None) -> None:
    def only_good(name: str) -> Brief:
        if name == "gone":
            raise InputError("no such record", field="id")
        return brief()

    path = tmp_path / "chat.jsonl"
    path.write_text(f'{{"id": "a", "messages": []}}\n{line}\n', "utf-8")
    with pytest.raises(InputError) as caught:
        list(read_messages(path, only_good))
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), 2, field)


@pytest.mark.parametrize(
    ("table", "line", "field"),
    [
        ("dialogue,text\na,x\n", 1, "speaker"),
        ("dialogue,speaker,text\na,agent,x\na,cat,x\n", 3, "speaker"),
        ("dialogue,speaker,text\n,agent,x\n", 2, "dialogue"),
        ('dialogue,speaker,text\na,user,"x\ny"\nb,agent,x\na,agent,x\n', 5, "dialogue"),
        ("dialogue,speaker,text\na,agent,x, y\n", 2, None),
        ("dialogue,speaker,text,silence_minutes\na,user,,soon\n", 2, "silence_minutes"),
        ("dialogue,speaker,text,silence_minutes\na,user,Hi,3\n", 2, None),
        ('dialogue,speaker,text\na,agent,"x\n', 2, None),
    ],
)
def test_a_broken_row_of_a_table_is_named(tmp_path: Path, table: str, line: int, field: str | None) -> None:
    path = tmp_path / "turns.csv"
    path.write_text(table, "utf-8")
    with pytest.raises(InputError) as caught:
        list(read_turns(path, same_brief))
    assert (caught.value.file, caught.value.line, caught.value.field) == (str(path), line, field)


def test_what_is_no_utf8_is_told(tmp_path: Path) -> None:
    for name, read in (("a.csv", read_turns), ("a.jsonl", read_messages)):
        (tmp_path / name).write_bytes(b"dialogue,speaker,text\na,agent,\xff\n")
        with pytest.raises(InputError):
            list(read(tmp_path / name, same_brief))
        with pytest.raises(InputError, match="can't be read"):
            list(read(tmp_path / f"no-{name}", same_brief))


def test_what_would_be_empty_or_mixed_up_is_not_written(tmp_path: Path) -> None:
    nothing: list[Any] = []
    with pytest.raises(InputError, match="empty"):
        write_rows(tmp_path / "a.jsonl", nothing)
    with pytest.raises(InputError, match="empty"):
        write_turns(tmp_path / "a.csv", nothing)
    with pytest.raises(InputError, match="two dialogues"):
        write_turns(tmp_path / "a.csv", [talk("a", HELLO), talk("a", HELLO)])
    assert not list(tmp_path.iterdir())
