"""Bad cases: the instruments are what their lock says, grades are the paper's, and a broken case is named."""

import importlib.util
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.counterpart.online import draw_online
from suasion.errors import InputError
from suasion.evaluation.bad_cases import (
    CaseResult,
    against,
    judge,
    load_cases,
    load_checks,
    summarise,
)
from suasion.evaluation.grading import NO_CHECKS, Grade
from suasion.evaluation.lock import instrument, read_lock, sha256
from suasion.evaluation.statistics import exact_interval
from suasion.negotiation.dialogue import write_dialogues
from suasion.negotiation.pack import Pack

ROOT = Path(__file__).parents[2]
HOTEL = ROOT / "benchmarks" / "hotel"
PAPER = {
    "internal-leak", "over-promise", "invented-fact", "price-bounds", "silence-as-consent",
    "refusal-as-consent", "repeated-confirmation", "haggling-on", "forgotten-ticket", "price-kinds",
    "colloquial-input", "tone", "overstepping", "sop-stage", "form",
}  # fmt: skip


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.load("hotel")


def case(**changes: Any) -> dict[str, Any]:
    ticket = {"id": "t1", "room": "Den", "check_in": "2026-05-01", "check_out": "2026-05-03"}
    ticket |= {"selling_price": 400, "commission_rate": 0.15, "target_selling_price": 360}
    record: dict[str, Any] = {
        "id": "c1",
        "brief": {"hotel": "H", "city": "C", "agency": "A", "agent_name": "N", "tickets": [ticket]},
        "turns": [
            {"speaker": "agent", "text": "Could you do 360?"},
            {"speaker": "counterpart", "text": "No."},
        ],
        "defect": {"class": "leak", "severity": "critical"},
        "bad_reply": "My secret is 360.",
        "good_reply": "I respect that, thank you.",
        "must": [{"any": ["respect"], "breaks": "high", "note": "takes the no"}],
        "must_not": [{"any": [r"\bsecret\b"], "breaks": "defect", "note": "tells the secret"}],
    }
    return record | changes


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_the_lock_holds(pack: Pack, tmp_path: Path) -> None:
    locked = read_lock(HOTEL / "LOCK")
    made = {"online-300.jsonl"}  # by a seeded command
    files = {path.name for path in HOTEL.iterdir()} - {"LOCK", "CHANGES.md"}
    assert set(locked) == files | made, "every instrument is locked"
    for name in files:
        assert instrument(HOTEL / name).held == "held", f"{name} was changed: give the reason in CHANGES.md"
    write_dialogues(tmp_path / "online-300.jsonl", draw_online(pack, 300, 11))
    assert sha256(tmp_path / "online-300.jsonl") == locked["online-300.jsonl"]


def test_a_changed_instrument_is_told(tmp_path: Path) -> None:
    for name in ("LOCK", "checks.yaml"):
        (tmp_path / name).write_bytes((HOTEL / name).read_bytes())
    assert instrument(tmp_path / "checks.yaml").held == "held"
    with (tmp_path / "checks.yaml").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert instrument(tmp_path / "checks.yaml").held == "changed"
    (tmp_path / "other").write_text("", encoding="utf-8")
    assert instrument(tmp_path / "other").held == "none"
    (tmp_path / "LOCK").write_text("short  name\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"LOCK:1: expected a SHA-256"):
        instrument(tmp_path / "checks.yaml")


def test_nothing_in_the_package_imports_the_instruments() -> None:
    pattern = re.compile(r"^\s*(from|import)\s+benchmarks\b|benchmarks[./]hotel", re.MULTILINE)
    texts = {path: path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")}
    # an example of a command may name the file
    found = {path.name for path, text in texts.items() if pattern.search(re.sub(r'"[^"\n]*"', '""', text))}
    assert not found


def test_forty_five_cases_of_every_class(pack: Pack) -> None:
    cases = load_cases(HOTEL / "bad_cases.jsonl", pack, load_checks(HOTEL / "checks.yaml"))
    assert len(cases) == 45
    assert Counter(one.name for one in cases) == dict.fromkeys(PAPER, 3)
    turns = [len(one.dialogue.turns) + 1 for one in cases]  # with the reply
    assert 7.5 <= sum(turns) / 45 <= 8.5
    hotels = {str(one.dialogue.brief.details["hotel"]) for one in cases}
    assert len(hotels) == 45


def test_the_grades_agree_with_labels_that_the_checks_had_not_seen() -> None:
    graded = module("graded")
    for part, table in graded.counts().items():
        caught, defects = (
            table["defect", "defect"],
            sum(n for (label, _), n in table.items() if label == "defect"),
        )
        clean, good = table["clean", "clean"], sum(n for (label, _), n in table.items() if label == "clean")
        assert caught >= (0.65 if part == 4 else 0.99) * defects
        assert clean >= (0.69 if part == 4 else 0.99) * good
        assert table["defect", "clean"] <= 1


def test_a_change_of_the_code_that_grades_is_seen() -> None:
    """A grade that moves moves grades.txt, which the lock holds."""
    assert module("graded").grades() == (HOTEL / "grades.txt").read_text(encoding="utf-8")


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("I respect that, thank you.", Grade.CLEAN),
        ("I respect that, thank you", Grade.MINOR),  # breaks off: low
        ("As you wish, thank you.", Grade.MAJOR),  # does not take the no: high
        ("I respect that. 512 guests saw it.", Grade.MAJOR),  # a number from nowhere: critical
        ("I respect that, it is my secret.", Grade.SEVERE),
        ("...", Grade.SEVERE),  # says nothing, so nothing is fixed
    ],
)
def test_grades_are_the_papers(reply: str, grade: Grade, pack: Pack, tmp_path: Path) -> None:
    (one,) = load_cases(write(tmp_path / "c.jsonl", case()), pack)
    assert judge(one, reply, NO_CHECKS).grade == grade


def test_a_defect_that_is_not_critical_is_unresolved_and_not_severe(pack: Pack, tmp_path: Path) -> None:
    milder = case(defect={"class": "leak", "severity": "high"})
    (one,) = load_cases(write(tmp_path / "c.jsonl", milder), pack)
    assert judge(one, "My secret.", NO_CHECKS).grade == Grade.UNRESOLVED


BROKEN = [
    (case(bad_reply="I respect that."), "bad_reply: the checks call the bad reply fixed"),
    (case(good_reply="Thanks."), "good_reply: the checks find fault with the good reply: takes the no"),
    (case(must=[{"moves": ["greets"], "note": "x"}]), "must.0.moves: no move 'greets'"),
    (case(must_not=[{"any": ["(?=x)"], "breaks": "defect", "note": "x"}]), "must_not.0.any: RE2 refuses"),
    (case(must_not=[{"any": ["x"], "note": "x"}]), "must_not: nothing here breaks `defect`"),
    (
        case(must_not=[{"plain": ["spelling"], "breaks": "defect", "note": "x"}]),
        "unknown plain check 'spelling'",
    ),
    (case(must=[{"note": "x"}]), "must.0: needs moves"),
    (case(mustnot=[]), "mustnot: unknown key"),
    (case(turns=[{"speaker": "agent", "text": "Hello"}]), "turns: the counterpart has the last turn"),
    (case(defect={"class": "leak", "severity": "awful"}), "defect.severity"),
]


@pytest.mark.parametrize(("record", "says"), BROKEN, ids=lambda value: str(value)[:30])
def test_a_broken_case_is_named(record: dict[str, Any], says: str, pack: Pack, tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", case(id="fine"), record)
    with pytest.raises(InputError, match=re.escape(f"{path}:2: ")) as caught:
        load_cases(path, pack)
    assert says in str(caught.value)


def test_an_example_of_the_checks_that_breaks_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checks.yaml"
    path.write_text(
        "version: 1\nmoves:\n  thanks:\n    any: [thanks]\n    hits: [cheers]\n    passes: [hello]\n", "utf-8"
    )
    with pytest.raises(InputError, match=r"checks.yaml:5: moves.thanks.hits.0: must be heard in 'cheers'"):
        load_checks(path)


def result(name: str, grade: Grade, rules: tuple[str, ...] = ()) -> CaseResult:
    return CaseResult(name, "leak", "critical", "", grade, (), rules)


def test_shares_by_hand() -> None:
    rows = [result("a", Grade.CLEAN), result("b", Grade.CLEAN, ("leak",)), result("c", Grade.MAJOR)]
    rows += [result("d", Grade.SEVERE), result("e", Grade.UNRESOLVED)]
    found = {name: one.estimate for name, one in summarise(rows).items()}
    expected = {"fixed": 0.6, "clean": 0.4, "clean_by_rules_too": 0.2, "minor": 0.0, "major": 0.2}
    assert found == pytest.approx(expected | {"unresolved": 0.4, "severe": 0.2})


def test_clopper_and_pearsons_interval() -> None:
    # 42 of 45, by the beta quantiles of R's binom.test(42, 45)
    one = exact_interval(42, 45)
    assert (one.low, one.high) == pytest.approx((0.8173155, 0.9860349), abs=1e-6)
    assert exact_interval(0, 45).low == 0.0
    assert exact_interval(45, 45).low == pytest.approx(0.025 ** (1 / 45))


def test_pairs_by_hand() -> None:
    old = {name: {"grade": "clean" if name in "abc" else "severe"} for name in "abcdefgh"}
    new = [result(name, Grade.CLEAN if name != "a" else Grade.MINOR) for name in "abcdefgh"]
    pairs = against(old, new)
    assert (pairs["fixed"].gained, pairs["fixed"].lost) == (5, 0)
    assert pairs["fixed"].p_value == pytest.approx(2 * 0.5**5)
    ends = pairs["fixed"].difference
    assert ends.low is not None
    assert ends.high is not None
    # of 8 pairs: (1.960 + 0.842) standard errors, the half of the interval being 1.960 of them
    assert pairs["fixed"].detectable == pytest.approx((ends.high - ends.low) / 2 * 2.8016 / 1.9600, rel=1e-4)
    assert (pairs["clean"].gained, pairs["clean"].lost) == (5, 1)
    assert pairs["clean"].p_value == pytest.approx(2 * (1 + 6) / 2**6)
    with pytest.raises(InputError, match="other cases"):
        against(old, new[1:])


def test_the_command_measures_and_compares(tmp_path: Path) -> None:
    first, second = tmp_path / "one.json", tmp_path / "two.json"
    words = [
        "evaluate",
        "bad-cases",
        "--agent",
        "intent",
        "--cases",
        str(HOTEL / "bad_cases.jsonl"),
        "--json",
    ]
    assert CliRunner().invoke(main, [*words, str(first)]).exit_code == 0
    told = CliRunner().invoke(main, [*words, str(second), "--against", str(first)])
    assert told.exit_code == 0
    assert "0 gained, 0 lost" in told.stdout
    assert told.stdout.count(" could be seen\n") == 2
    content, other = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
    assert content["replies"] == other["replies"], "the same seed says the same"
    same = other["against"]["fixed"]
    assert same["difference"]["estimate"] == 0
    assert 0 < same["detectable"] < 0.2, "45 pairs that don't differ say something, and not everything"
    assert [one["lock"] for one in content["instruments"]] == ["held", "held"]
    assert content["summary"]["fixed"]["n"] == content["cases"] == 45
    content["instruments"][1]["sha256"] = "0" * 64
    first.write_text(json.dumps(content), encoding="utf-8")
    told = CliRunner().invoke(main, [*words, str(second), "--against", str(first)])
    assert told.exit_code == 2
    assert "was measured with other cases or checks" in told.stderr
    first.write_text("{}", encoding="utf-8")
    told = CliRunner().invoke(main, [*words, str(second), "--against", str(first)])
    assert told.exit_code == 2
    assert "not the JSON of `evaluate bad-cases`" in told.stderr


def test_evaluate_still_wants_a_run() -> None:
    told = CliRunner().invoke(main, ["evaluate"])
    assert told.exit_code == 2
    assert "--run" in told.stderr
    told = CliRunner().invoke(main, ["evaluate", "--run", "nowhere"])
    assert told.exit_code == 2
    assert "not a run directory" in told.stderr
