"""`suasion data check | import | export` as a user meets them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.data.talks import HELLO, pair, talk

from suasion.cli import main
from suasion.data.examples import write_pairs
from suasion.data.synthesize import synthesize
from suasion.negotiation.dialogue import Dialogue, load_dialogues, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.policy.install import EMBEDDED

EXAMPLES = Path(__file__).parents[1] / "examples"


def data(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["data", *map(str, words)])


def test_a_duplicate_is_over_the_limit_until_the_limit_allows_it(tmp_path: Path) -> None:
    path, told = tmp_path / "a.jsonl", tmp_path / "out" / "check.json"
    write_dialogues(path, [talk("a", HELLO, "Yes?"), talk("b", HELLO, "Yes?")])
    result = data("check", path, "--json", told)
    assert result.exit_code == 1
    assert "2 records, 1 findings over their limit" in result.stdout
    found = {one["what"]: one for one in json.loads(told.read_text("utf-8"))["findings"]}
    assert found["duplicates"]["found"] == 0.5
    assert found["duplicates"]["shown"] == [f"{path}:2 as {path}:1"]
    assert data("check", path, "--max-duplicates", "0.5").exit_code == 0


def test_files_are_splits_and_leak(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_dialogues(tmp_path / f"{name}.jsonl", [talk(name, f"{HELLO} I am of the {name} team here.")])
    files = [tmp_path / "train.jsonl", tmp_path / "test.jsonl"]
    result = data("check", *files, "--near", "1")
    assert result.exit_code == 1
    assert "names in both" in result.stdout
    assert (
        data("check", *files, "--near", "1", "--split-by", "agency", "--max-shared-names", "1").exit_code == 0
    )


def test_a_broken_line_is_one_error_and_the_rest_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_dialogues(path, [talk("a", HELLO)])
    path.write_text(path.read_text("utf-8") + '{"id": 3}\n', "utf-8")
    result = data("check", path)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert f"{path}:2: " in errors[0]
    assert "1 records, 0 findings" in result.stdout


def test_pairs_that_prefer_length_are_told(tmp_path: Path) -> None:
    pairs = [
        pair(
            talk(f"d{n}", f"Hello number {n} of those."), f"Yes, number {n}, gladly.", "No.", source="online"
        )
        for n in range(40)
    ]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    result = data("check", tmp_path / "pairs.jsonl", "--json", tmp_path / "check.json")
    assert result.exit_code == 1
    found = json.loads((tmp_path / "check.json").read_text("utf-8"))["findings"]
    assert {"chosen longer", "chosen longer, defect", "commonest defect"} <= {
        one["what"] for one in found if one["over"]
    }


def test_progress_is_told_for_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suasion.cli.check.MANY", 10)
    write_dialogues(tmp_path / "a.jsonl", [talk(str(n), f"Hello number {n}") for n in range(20)])
    assert "20 of 20 lines" in data("check", tmp_path / "a.jsonl").stderr


@pytest.mark.parametrize("form", ["messages", "csv"])
def test_what_is_exported_comes_back_with_its_briefs(form: str, tmp_path: Path) -> None:
    source = tmp_path / "talks.jsonl"
    made = synthesize(Pack.load("hotel"), 10, seed=0)
    write_dialogues(source, made)
    between = tmp_path / ("b.csv" if form == "csv" else "b.jsonl")
    assert data("export", "--as", form, "--input", source, "--output", between).exit_code == 0
    back = tmp_path / "back.jsonl"
    words = ["--source", between, "--brief", source, "--pack", "hotel", "--output", back]
    result = data("import", *words)
    assert result.exit_code == 0, result.output

    def plain(dialogue: Dialogue) -> tuple[object, ...]:
        turns = [turn.model_copy(update={"acts": None, "at": None}) for turn in dialogue.turns]
        return dialogue.id, dialogue.brief, turns

    assert list(map(plain, load_dialogues(back))) == [plain(one) for one in made if one.turns]


def test_pairs_are_exported_and_dialogues_are_not_taken_for_pairs(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.jsonl", [pair(talk("a", HELLO, "Yes?"), "Fine.", "Or else.")])
    output = tmp_path / "out.jsonl"
    words = ["export", "--as", "preference", "--output", output, "--input"]
    assert data(*words, tmp_path / "pairs.jsonl").exit_code == 0
    (row,) = (json.loads(line) for line in output.read_text("utf-8").splitlines())
    assert row["rejected"] == [{"role": "assistant", "content": "Or else."}]
    result = data(*words, EXAMPLES / "log.jsonl")
    assert result.exit_code == 2
    assert "log.jsonl:1" in result.stderr
    assert json.loads(output.read_text("utf-8")) == row, "what stood there before is whole"


def test_a_models_special_tokens_are_taken_out(tmp_path: Path) -> None:
    write_dialogues(tmp_path / "a.jsonl", [talk("a", "Hi <|im_end|>", "Yes <|im_start|>", "Bye <|im_end|>")])
    words = ["export", "--input", tmp_path / "a.jsonl", "--output", tmp_path / "out.jsonl", "--as", "sft"]
    for more, kept in (([], True), (["--model", EMBEDDED], False)):
        assert data(*words, *more).exit_code == 0
        assert ("<|im_" in (tmp_path / "out.jsonl").read_text("utf-8")) is kept


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--goal", "x", "--brief", str(EXAMPLES / "brief.yaml")], "give one"),
        (["--pack", "hotel"], "required, but missing"),
        (["--pack", "generic", "--brief", str(EXAMPLES / "brief.yaml")], "unknown key"),
    ],
)
def test_an_import_that_can_not_be_is_told(words: list[str], says: str, tmp_path: Path) -> None:
    source = EXAMPLES / "chat.jsonl"
    result = data("import", "--source", source, "--output", tmp_path / "a.jsonl", *words)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_goal_is_brief_enough_for_the_generic_pack(tmp_path: Path) -> None:
    words = ["--pack", "generic", "--goal", "a lower price", "--output", tmp_path / "a.jsonl"]
    assert data("import", "--source", EXAMPLES / "chat.jsonl", *words).exit_code == 0
    assert [one.brief.details["goal"] for one in load_dialogues(tmp_path / "a.jsonl")] == [
        "a lower price"
    ] * 2


def test_a_folder_of_tables_is_still_imported(tmp_path: Path) -> None:
    (tmp_path / "full_dialog.csv").write_text(",Unit,Turn,B4,B2\n0,Hello there.,0,0,d1\n1,Yes?,0,1,d1\n")
    (tmp_path / "outcomes.csv").write_text("dialogue,role,donation_usd,turns\nd1,0,0,1\nd1,1,0.5,1\n")
    words = ["import", "--source", tmp_path, "--output", tmp_path / "a.jsonl"]
    assert data(*words).exit_code == 0
    (one,) = load_dialogues(tmp_path / "a.jsonl")
    assert [turn.text for turn in one.turns] == ["Hello there.", "Yes?"]
    result = data(*words, "--brief", EXAMPLES / "brief.yaml")
    assert result.exit_code == 2
    assert "--brief is for" in result.stderr
