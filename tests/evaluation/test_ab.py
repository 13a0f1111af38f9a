"""The A/B test: right by hand and by simulation, and a log that can't be believed is said to be one."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import norm, ttest_ind

from suasion.cli import main
from suasion.errors import InputError
from suasion.evaluation.ab import analyse, compare, conversations_needed, split_of
from suasion.evaluation.ab_log import Conversation, read_log
from suasion.evaluation.statistics import Rates, rate_difference

LINES = [
    {"hotel": "A", "arm": "old", "responded": True, "success": False},
    {"hotel": "B", "arm": "old", "responded": True, "success": True},
    {"hotel": "C", "arm": "new", "responded": True, "success": True},
    {"hotel": "D", "arm": "new", "responded": False, "success": False},
]


def arm(values: list[float], clusters: list[int] | None = None) -> Rates:
    return Rates(values, [1.0] * len(values), clusters if clusters is not None else list(range(len(values))))


def hotels(rng: np.random.Generator, count: int, rate: float) -> Rates:
    """Hotels with one to six conversations and a rate of their own."""
    won, names = [], []
    for hotel in range(count):
        own = rng.beta(4 * rate, 4 * (1 - rate))
        for _ in range(int(rng.integers(1, 7))):
            won.append(float(rng.random() < own))
            names.append(hotel)
    return arm(won, names)


def test_without_clusters_it_is_welchs_test() -> None:
    old, new = [1.0, 0, 0, 1, 0, 0, 1, 0], [1.0, 1, 0, 1, 1, 1, 0, 1, 1, 0]
    found = rate_difference(arm(old), arm(new))
    known = ttest_ind(new, old, equal_var=False)
    assert found.p_value == pytest.approx(float(known.pvalue))
    interval = known.confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high))


def test_what_one_hotel_says_five_times_is_said_once() -> None:
    old, new = [1.0, 0, 0, 1, 0, 0], [1.0, 1, 0, 1, 1, 1]
    once = rate_difference(arm(old), arm(new))
    names = [name for name in range(6) for _ in range(5)]
    often = rate_difference(*(arm([v for v in side for _ in range(5)], names) for side in (old, new)))
    assert often.p_value == pytest.approx(once.p_value)
    assert often.interval.low == pytest.approx(once.interval.low)


def test_no_difference_is_found_in_one_of_twenty() -> None:
    rng = np.random.default_rng(0)
    p_values = [rate_difference(hotels(rng, 60, 0.3), hotels(rng, 50, 0.3)).p_value for _ in range(600)]
    wrong = float(np.mean([p is not None and p < 0.05 for p in p_values]))
    assert 0.03 < wrong < 0.075


def test_looking_again_and_again_is_wrong_in_one_of_twenty_at_most() -> None:
    rng, once, ever = np.random.default_rng(1), 0, 0
    for _ in range(150):
        old, new = rng.random(800) < 0.3, rng.random(800) < 0.3
        looks = [
            rate_difference(arm(old[:n].astype(float).tolist()), arm(new[:n].astype(float).tolist()))
            for n in range(50, 801, 50)
        ]
        once += any(look.p_value is not None and look.p_value < 0.05 for look in looks)
        ever += any(
            look.always.low is not None and abs(look.always.estimate) > look.always.estimate - look.always.low
            for look in looks
        )
    assert once > 0.12 * 150, "a fixed interval is for one look"
    assert ever <= 0.06 * 150


def test_two_conversations_are_too_few_for_an_interval() -> None:
    found = rate_difference(arm([1.0]), arm([0.0, 1.0]))
    assert (found.p_value, found.interval.low, found.always.low) == (None, None, None)


def test_power_by_the_textbook() -> None:
    h = 2 * math.asin(math.sqrt(0.253)) - 2 * math.asin(math.sqrt(0.193))
    needed = (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 / h**2 * 2
    assert conversations_needed(0.193, 0.253, 0.8) == math.ceil(needed)
    assert conversations_needed(0.193, 0.253, 0.8, per_hotel=3, correlation=0.5) == math.ceil(2 * needed)


def test_success_given_a_response_counts_those_that_answered() -> None:
    found = compare([Conversation.model_validate(line) for line in LINES], "old", "new")
    assert (found["success"].control, found["success"].treated) == (0.5, 0.5)
    assert (found["success_given_response"].control, found["success_given_response"].treated) == (0.5, 1.0)


def test_all_three_formats_say_the_same(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    rows = [",".join(LINES[0])] + [
        ",".join(str(v).lower() if isinstance(v, bool) else v for v in line.values()) for line in LINES
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(LINES), tmp_path / "a.parquet")
    logs = [read_log(tmp_path / f"a.{ending}") for ending in ("jsonl", "csv", "parquet")]
    assert logs[0] == logs[1] == logs[2]
    assert len(logs[0]) == 4


@pytest.mark.parametrize(
    ("name", "text", "line", "field", "says"),
    [
        ("a.jsonl", '{"hotel": "A"}', 1, "arm", "required"),
        ("a.jsonl", "{", 1, None, "not valid JSON"),
        ("a.jsonl", "[]", 1, "", "dictionary"),
        ("a.csv", "hotel,arm,responded,success\nA,old,maybe,false", 2, "responded", "boolean"),
        ("a.csv", "hotel,arm,responded,success\nA,old,false,true", 2, "success", "without a response"),
        ("a.csv", "hotel,arm,responded,success\n", None, None, "no conversation"),
        ("a.parquet", "no table", None, None, "not a Parquet file"),
        ("a.txt", "", None, None, "ends in"),
    ],
)
def test_a_broken_log_is_named(
    tmp_path: Path, name: str, text: str, line: int | None, field: str | None, says: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says) as caught:
        read_log(tmp_path / name)
    assert (caught.value.line, caught.value.field) == (line, field)


def test_a_split_that_is_not_as_meant_is_not_sound() -> None:
    log = [
        Conversation(hotel=f"h{n}", arm="old" if n % 3 else "new", responded=False, success=False)
        for n in range(300)
    ]
    assert not split_of(log, {"old": 1, "new": 1}).sound
    assert split_of(log, {"old": 2, "new": 1}).sound
    twice = [*log, Conversation(hotel="h0", arm="old", responded=False, success=False)]
    assert split_of(twice, {"old": 2, "new": 1}).mixed == ("h0",)
    assert not split_of(twice, {"old": 2, "new": 1}).sound


def test_arms_are_named_rightly(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    with pytest.raises(InputError, match="no conversation of arm 'older'; the log has new, old"):
        analyse(path, "older", {})
    with pytest.raises(InputError, match="arm 'new' has no share"):
        analyse(path, "old", {"old": 1})


def test_the_command_warns_by_its_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    mixed = [*LINES, LINES[0] | {"arm": "new"}]
    for lines, code in ((LINES, 0), (mixed, 1)):
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        arguments = [
            "ab",
            "analyze",
            str(path),
            "--control",
            "old",
            "--json",
            str(tmp_path / "out" / "ab.json"),
        ]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, result.output
        assert "new against old" in result.output
    content = json.loads((tmp_path / "out" / "ab.json").read_text(encoding="utf-8"))
    assert content["split"]["mixed"] == ["A"]
    bad = CliRunner().invoke(main, ["ab", "analyze", str(path), "--control", "old", "--share", "old"])
    assert bad.exit_code == 2
    assert "arm=weight" in bad.output


def test_more_columns_give_more_measures(tmp_path: Path) -> None:
    more = {"tickets": 2, "tickets_won": 1, "reduction": 0.05, "replies": 4, "violations": 1, "city": "X"}
    rows = [line | more | {"city": city} for line, city in zip(LINES, "XYXY", strict=True)]
    rows[0] |= {"tickets_won": 0, "reduction": 0.0}
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = analyse(path, "old", {}, "city")
    measures = found["comparisons"]["new"]
    assert (measures["ticket_success"]["control"], measures["ticket_success"]["treated"]) == (0.25, 0.5)
    assert measures["price_reduction"]["control"] == pytest.approx(0.025)
    assert measures["violations"]["control"] == pytest.approx(25)  # per 100 replies
    assert set(found["segments"]["new"]) == {"X", "Y"}
    assert found["segments"]["new"]["Y"]["success"]["treated"] == 0
    with pytest.raises(InputError, match="colour: no line has this column"):
        analyse(path, "old", {}, "colour")
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, LINES[0]]), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"log.jsonl:5: tickets: a column is filled in every line or in none"
    ):
        analyse(path, "old", {})


def test_the_papers_test_of_two_proportions() -> None:
    log = [
        Conversation(hotel=str(number), arm=arm, responded=number < hits, success=False)
        for arm, hits, n in (("old", 2254, 4825), ("new", 2842, 4828))
        for number in range(n)
    ]
    p = compare(log, "old", "new")["response"].two_proportions
    pooled = (2254 + 2842) / 9653
    z = (2842 / 4828 - 2254 / 4825) / math.sqrt(pooled * (1 - pooled) * (1 / 4825 + 1 / 4828))
    assert p == pytest.approx(2 * norm.sf(z))
    assert compare(log, "old", "new")["success"].two_proportions is None  # nobody agreed


def test_what_could_be_seen() -> None:
    """A test planned for a difference finds just this one detectable."""
    needed = conversations_needed(0.193, 0.253, 0.8)
    log = [
        Conversation(hotel=f"{arm}{n}", arm=arm, responded=True, success=n < round(rate * needed))
        for arm, rate in (("old", 0.193), ("new", 0.253))
        for n in range(needed)
    ]
    assert compare(log, "old", "new")["success"].detectable == pytest.approx(0.06, rel=0.02)
