"""A survey beside its limits: what is over, and what chance alone could have made."""

import json
from collections import Counter

import pytest
from scipy.stats import binomtest

from suasion.data.near import NearIndex
from suasion.data.survey import Leak, Lengths, Places, Split, Survey
from suasion.evaluation.data_check import Finding, as_json, findings
from suasion.evaluation.data_limits import Limits


def split(records: int = 100, **values: object) -> Split:
    made = Split("a.jsonl", True, NearIndex(0.8), records=records)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def measured(made: Split, limits: Limits | None = None, leak: Leak | None = None) -> dict[str, Finding]:
    surveyed = Survey((made,), (leak,) if leak else ())
    return {one.what: one for one in findings(surveyed, limits or Limits())}


@pytest.mark.parametrize(("count", "over"), [(0, False), (1, False), (2, True)])
def test_a_share_over_its_limit_is_told(count: int, over: bool) -> None:
    found = measured(split(duplicates=Places(count, ["x"] * count)))["duplicates"]
    assert (found.found, found.limit, found.over) == (count / 100, 0.01, over)


def test_leaks_have_no_room_by_default() -> None:
    leak = Leak("a", "b", of=50, records=Places(1), near=Places(2), names=Places(1), families=Places(1))
    found = measured(split(), leak=leak)
    assert [found[name].over for name in ("records in both", "near in both")] == [True, False]
    assert [found[name].over for name in ("names in both", "families in both")] == [True, True]
    wider = measured(split(), Limits(leaks=0.02, shared_names=1, shared_families=1), leak)
    assert not any(one.over for one in wider.values())


@pytest.mark.parametrize(
    ("counts", "share", "over"),
    [({"a": 61, "b": 39}, 0.61, True), ({"a": 60, "b": 40}, 0.6, False), ({"a": 19}, None, False)],
)
def test_an_imbalance_needs_enough_to_count(counts: dict[str, int], share: float | None, over: bool) -> None:
    found = measured(split(counts={"stage": Counter(counts)}))["commonest stage"]
    assert (found.found, found.over, found.shown) == (share, over, ("a",))


def lengths(longer: int, shorter: int, each: int = 1) -> dict[str, Lengths]:
    values = [True] * longer + [False] * shorter
    return {"defect": Lengths(values, [number // each for number in range(len(values))])}


@pytest.mark.parametrize(
    ("longer", "shorter", "over"),
    [
        (500, 500, False),
        (800, 200, True),
        (200, 800, True),  # shorter is a bias, too
        (7, 3, False),  # ten pairs say little
        (3, 0, False),  # 3 of 3: 29 % to 100 %
        (50, 0, True),
    ],
)
def test_a_length_bias_is_what_chance_does_not_explain(longer: int, shorter: int, over: bool) -> None:
    found = measured(split(lengths=lengths(longer, shorter)))["chosen longer"]
    assert found.found == pytest.approx(longer / (longer + shorter))
    assert found.over is over


def test_where_all_pairs_agree_the_interval_is_the_exact_one() -> None:
    found = measured(split(lengths=lengths(3, 0)))["chosen longer"]
    exact = binomtest(3, 3).proportion_ci()
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((exact.low, exact.high))


def test_pairs_of_one_context_are_one_reading() -> None:
    alone = measured(split(lengths=lengths(66, 34)))["chosen longer"].interval
    together = measured(split(lengths=lengths(66, 34, each=10)))["chosen longer"].interval
    assert alone is not None
    assert together is not None
    assert alone.low is not None
    assert together.low is not None
    assert together.low < alone.low


def test_each_kind_of_pairs_is_measured_and_all_of_them() -> None:
    both = {"defect": lengths(80, 20)["defect"], "quality": Lengths([False] * 80, list(range(900, 980)))}
    found = measured(split(lengths=both))
    assert found["chosen longer, defect"].found == 0.8
    assert found["chosen longer, quality"].found == 0
    assert found["chosen longer"].found == pytest.approx(80 / 180)


def test_json_has_everything() -> None:
    made = split(lengths=lengths(8, 2))
    surveyed = Survey((made,), ())
    found = findings(surveyed, Limits())
    told = json.loads(json.dumps(as_json(surveyed, Limits(), found)))
    assert told["files"] == [{"file": "a.jsonl", "pairs": True, "records": 100, "broken": 0, "counts": {}}]
    assert len(told["findings"]) == len(found)
    assert told["limits"]["near_duplicates"] == 0.05
