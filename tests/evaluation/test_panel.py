"""The panel: sheets that tell no method, cells that are all checked, and a report that is right by hand."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.errors import InputError
from suasion.evaluation.agreement import ordinal_alpha
from suasion.evaluation.panel import export, read_key
from suasion.evaluation.panel_report import agree_on, queue, report
from suasion.evaluation.ratings import Rating, read_sheets, write_ratings
from suasion.negotiation.dialogue import Dialogue, Turn, write_dialogues

BRIEF = {
    "hotel": "Quay",
    "facts": ["58 people looked."],
    "tickets": [
        {
            "id": "t1",
            "room": "Loft",
            "selling_price": 400,
            "commission_rate": 0.15,
            "target_selling_price": 360,
        }
    ],
}
Row = dict[str, str]


def talks(word: str, count: int = 4) -> list[Dialogue]:
    return [
        Dialogue(
            id=f"1-{number}",
            brief=BRIEF,  # type: ignore[arg-type]  # pydantic reads it
            turns=(
                Turn(speaker="agent", text=f"Hello, {word} {number}."),
                Turn(speaker="counterpart", silence_minutes=40),
                Turn(speaker="agent", text="Any news?"),
                Turn(speaker="counterpart", text="=SUM(1)"),
            ),
        )
        for number in range(count)
    ]


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """A folder with two methods' sheets for three raters, the key beside it."""
    for name in ("one", "two"):
        write_dialogues(tmp_path / f"{name}.jsonl", talks(name))
    files = {name: tmp_path / f"{name}.jsonl" for name in ("one", "two")}
    assert export(files, 3, 7, None, tmp_path / "sheets", tmp_path / "key.json") == 8
    return tmp_path / "sheets"


def fill(path: Path, change: Callable[[int, Row], None] = lambda number, row: None) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row |= {"rating": "4", "human_like": "3", "excellent": "none"}
        change(number, row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_sheets_are_blind_and_shuffled(sheets: Path) -> None:
    orders = []
    for rater in (1, 2, 3):
        with (sheets / f"rater-{rater}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        orders.append([row["dialogue"] for row in rows])
        assert {cell[:1] for row in rows for cell in row.values()} <= set("dhA") | {""}  # no formula
    assert len({tuple(order) for order in orders}) == 3
    assert len({frozenset(order) for order in orders}) == 1
    key = read_key(sheets.parent / "key.json")
    methods = [key.dialogues[name].method for name in sorted(key.dialogues)]
    assert methods not in (["one"] * 4 + ["two"] * 4, ["two"] * 4 + ["one"] * 4)
    assert "1-" not in "".join(orders[0])
    assert key.dialogues["d1"].replies == 2
    assert "(no answer for 40 minutes)\nA2: Any news?\nH1: =SUM(1)" in rows[0]["conversation"]
    assert "net 340; a selling price of 360 suffices (private)" in rows[0]["task"]


def test_export_refuses_what_would_not_be_fair(tmp_path: Path) -> None:
    other = [
        one.model_copy(update={"brief": one.brief.model_copy(update={"facts": ()})}) for one in talks("b")
    ]
    write_dialogues(tmp_path / "a.jsonl", talks("a"))
    write_dialogues(tmp_path / "b.jsonl", other)
    files = {"a": tmp_path / "a.jsonl", "b": tmp_path / "b.jsonl"}
    with pytest.raises(InputError, match="about another brief"):
        export(files, 3, 0, None, tmp_path / "sheets", tmp_path / "key.json")
    with pytest.raises(InputError, match="must not lie with the sheets"):
        export(files, 3, 0, None, tmp_path / "sheets", tmp_path / "sheets" / "key.json")
    with pytest.raises(InputError, match="share 4 dialogues, fewer than 5"):
        export({"a": files["a"]}, 3, 0, 5, tmp_path / "sheets", tmp_path / "key.json")


def broken(number: int, row: Row) -> None:
    changes: dict[int, Row] = {
        0: {"rating": "6"},
        1: {"human_like": "3.5"},
        2: {"excellent": "A3"},
        3: {"excellent": ""},
        4: {"dialogue": "d99"},
        5: {"rating": "", "human_like": "", "excellent": "", "comment": "too odd"},
    }
    row |= changes.get(number, {})


def test_every_cell_is_checked(sheets: Path) -> None:
    path = sheets / "rater-1.csv"
    fill(path, broken)
    read = read_sheets([path], read_key(sheets.parent / "key.json"))
    assert [fault.field for fault in read.faults[:5]] == [
        "rating",
        "human_like",
        "excellent",
        "excellent",
        "dialogue",
    ]
    # the first row has four lines of task and four of conversation, from line 2 on
    assert read.faults[0].line == 2
    lines = path.read_text(encoding="utf-8").split("\n")
    assert all(fault.line and lines[fault.line - 1].startswith("d") for fault in read.faults[:5])
    assert "expected marks from A1 to A2" in read.faults[2].message
    assert "is missing" in read.faults[5].message
    assert {rater: len(names) for rater, names in read.skipped.items()} == {"rater-1": 1}
    assert len(read.ratings) == 2


def test_import_writes_nothing_when_something_is_wrong(sheets: Path) -> None:
    output = sheets.parent / "ratings.jsonl"
    for rater in (1, 2, 3):
        fill(sheets / f"rater-{rater}.csv", broken if rater == 2 else lambda number, row: None)
    words = ["panel", "import", "--key", str(sheets.parent / "key.json"), "--output", str(output)]
    for rater in (1, 2, 3):
        words += ["--sheet", str(sheets / f"rater-{rater}.csv")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 1
    assert "rater-2.csv:2: rating: expected a whole number from 1 to 5, found '6'" in told.stderr
    assert not output.exists()


def test_from_sheets_to_the_report(sheets: Path) -> None:
    folder, key = sheets.parent, read_key(sheets.parent / "key.json")

    def rate(number: int, row: Row) -> None:
        better = key.dialogues[row["dialogue"]].method == "two"
        row |= {"rating": "5", "excellent": "A1, A2"} if better else {"rating": "3"}

    words = ["panel", "import", "--key", str(folder / "key.json"), "--output", str(folder / "ratings.jsonl")]
    for rater in (1, 2, 3):
        fill(sheets / f"rater-{rater}.csv", rate)
        words += ["--sheet", str(sheets / f"rater-{rater}.csv")]
    assert CliRunner().invoke(main, words).exit_code == 0
    words = ["panel", "report", "--ratings", str(folder / "ratings.jsonl"), "--raters", "AI raters"]
    words += ["--json", str(folder / "panel.json"), "--queue", str(folder / "queue.csv")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("AI raters: rater-1, rater-2, rater-3")
    found = json.loads((folder / "panel.json").read_text(encoding="utf-8"))
    assert found["methods"]["two"]["rating"]["estimate"] == 5
    assert found["methods"]["one"]["excellent"]["estimate"] == 0
    assert found["pairs"]["two - one"]["rating"]["estimate"] == 2
    assert found["pairs"]["two - one"]["p_value"] == pytest.approx(2 / 16)  # all of 2 ** 4 flips, two-sided
    assert found["pairs"]["two - one"]["excellent_p"] == pytest.approx(2 / 16)
    assert 0 < found["pairs"]["two - one"]["excellent_detectable"] < 1
    assert found["agreement"]["rating"]["value"] == 1
    assert (folder / "queue.csv").read_text(encoding="utf-8").splitlines() == [
        "dialogue,why,ratings,agreed_rating"
    ]


def rated(dialogue: str, *ratings: int, marks: tuple[tuple[int, ...], ...] = ((), (), ())) -> list[Rating]:
    return [
        Rating(f"r{n}", dialogue, "m", dialogue, one, one, mark)
        for n, (one, mark) in enumerate(zip(ratings, marks, strict=True))
    ]


def test_consensus_by_hand() -> None:
    ratings = rated("a", 1, 4, 5, marks=((2,), (1, 2), ())) + rated("b", 3, 3, 4, marks=((1,), (2,), (3,)))
    ratings += rated("c", 2, 4, marks=((1,), ()))
    first, second, third = agree_on(ratings, {})
    assert (first.rating, first.excellent) == (4, True)  # two of three mark the second message
    assert (second.rating, second.excellent) == (3, False)  # each marks another one
    assert (third.rating, third.excellent) == (2, False)  # the lower middle; half is not most
    assert [row["dialogue"] for row in queue(ratings)] == ["a", "c"]
    assert agree_on(ratings, {"a": 2})[0].rating == 2
    assert report(ratings, "people", {"a": 2}, 0)["methods"]["m"]["rating"]["estimate"] == pytest.approx(
        7 / 3
    )


def test_alpha_is_krippendorffs() -> None:
    """The table of Krippendorff (2011): four observers, twelve units, ordinal alpha 0.815."""
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    found = ordinal_alpha([list(unit) for unit in zip(*observers, strict=True)])
    assert found.value == pytest.approx(0.815, abs=5e-4)
    assert found.units == 11
    assert found.low is not None
    assert found.high is not None
    assert 0.4 < found.low < 0.815 < found.high <= 1


def test_alpha_where_nothing_can_be_told() -> None:
    assert ordinal_alpha([[3, 3], [3, 3]]).value is None  # nothing varies
    assert ordinal_alpha([[3, None]]).units == 0
    assert ordinal_alpha([[1, 5], [5, 1]]).value == pytest.approx(-0.5)  # 1 - (n - 1) * 4 d / (2 * 4 d)


def test_what_the_raters_settle_on_counts(tmp_path: Path) -> None:
    ratings, resolved = tmp_path / "ratings.jsonl", tmp_path / "queue.csv"
    write_ratings(ratings, rated("a", 1, 4, 5) + rated("b", 3, 3, 4))
    words = ["panel", "report", "--ratings", str(ratings), "--raters", "people", "--json"]
    words += [str(tmp_path / "panel.json"), "--queue", str(resolved)]
    assert "1 dialogues on which the raters differ, 0 settled" in CliRunner().invoke(main, words).stdout
    text = resolved.read_text(encoding="utf-8")
    assert "r0: 1; r1: 4; r2: 5" in text
    resolved.write_text(text.rstrip() + "2\n", encoding="utf-8")
    words = [*words[:-2], "--resolved", str(resolved)]
    told = CliRunner().invoke(main, words)
    assert "rating 2.50" in told.stdout  # of 2 in the place of 4, and 3
    assert "1 settled" in told.stdout
    resolved.write_text("dialogue,agreed_rating\na,9\n", encoding="utf-8")
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "queue.csv:2: agreed_rating: expected a whole number from 1 to 5" in told.stderr


def test_sheets_as_spreadsheets_save_them(sheets: Path) -> None:
    path = sheets / "rater-1.csv"
    fill(path)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    read = read_sheets([path], read_key(sheets.parent / "key.json"))
    assert not read.faults
    assert len(read.ratings) == 8
    path.write_text("dialogue,rating\nd1,3\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"rater-1.csv:1: no column task, conversation, human_like"):
        read_sheets([path], read_key(sheets.parent / "key.json"))
