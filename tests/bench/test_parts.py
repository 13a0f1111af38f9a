"""The benchmark's parts by hand: plan, payment, comparison, record and lock."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from suasion.bench.compare import MEASURES, contrast, estimate, learned, wins
from suasion.bench.instruments import FILES, Instruments
from suasion.bench.payment import Payment
from suasion.bench.plan import LONGEST, Shard, remaining, shards
from suasion.bench.preset import NAMES, load_preset
from suasion.bench.published import PUBLISHED
from suasion.bench.record import Record, read_record, write_record
from suasion.bench.rows import ROWS
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.suite import RewardSuite

HOTEL = Path(__file__).parents[2] / "benchmarks" / "hotel"


def record(name: str = "repo-0", **changes: Any) -> Record:
    made: dict[str, Any] = {
        "shard": name, "work": "method", "row": name.rsplit("-", 1)[0], "seed": 0, "preset": "tiny",
        "command": "suasion bench paper", "commit": "abc", "versions": {}, "pack": "p", "suite_version": "s",
        "paid_by": "s", "instruments": [], "lock": "l", "dtype": "float32", "finished": "2026-01-01 00:00",
        "minutes": 1.0, "phases": {}, "settings": {}, "curve": [], "measures": {},
    }  # fmt: skip
    return Record.model_validate(made | changes)


def graded(*grades: str) -> dict[str, Any]:
    return {"bad_cases": {"replies": {f"c{place}": {"grade": one} for place, one in enumerate(grades)}}}


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_has_every_method_and_what_a_shard_needs_comes_first(name: str) -> None:
    preset = load_preset(name)
    plan = shards(preset)
    names = [shard.name for shard in plan]
    assert len(set(names)) == len(names)
    for place, shard in enumerate(plan):
        assert set(shard.needs) <= set(names[:place]), shard.name
        assert shard.planned(preset) <= LONGEST
    for row in ROWS.values():
        seeds = {shard.seed for shard in plan if shard.work == "method" and shard.row == row.name}
        trained = row.kind in ("dpo", "rl")
        assert seeds == set(preset.ablation_seeds if row.ablation else preset.seeds if trained else {0})
        assert row.ablation or f"draws-{row.name}" in names
    assert set(PUBLISHED) <= set(ROWS)


def test_the_cpu_preset_is_planned_for_about_eight_hours() -> None:
    preset = load_preset("cpu")
    assert 7 * 60 <= sum(shard.planned(preset) for shard in shards(preset)) <= 9 * 60


def test_what_is_left_is_told_by_what_is_done() -> None:
    """Planned 3 and 4 minutes; the first took 6, so the other is expected to take 8."""
    preset = load_preset("cpu")
    first, second = shards(preset)[:2]
    assert remaining([second], preset, {}) == pytest.approx(4)
    assert remaining([second], preset, {first.name: (first, 6.0)}) == pytest.approx(8)


class Likes:
    version = "likes"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [2.0 for _ in dialogues]


@pytest.fixture(scope="module")
def suite() -> RewardSuite:
    return RewardSuite(Pack.load("hotel"), model=Likes())


@pytest.mark.parametrize(
    ("row", "e_enh", "total"),
    [
        ("repo", 50.0, 3.0),  # 2 x (1 + 0.5)
        ("without-rm", 50.0, 0.5),
        ("without-rf", 80.0, 3.6),  # the judge alone
        ("sum", 50.0, 2.5),
        ("n-50", 50.0, 4.0),  # 2 x (1 + 1)
        ("n-200", 50.0, 2.5),
    ],
)
def test_what_an_ablation_pays(row: str, e_enh: float, total: float, suite: RewardSuite) -> None:
    """R_model 2, judge +80, rules -30."""
    paid = Payment(suite, ROWS[row])
    assert paid.combine(2.0, 80.0, -30.0) == pytest.approx((e_enh, total))


def test_ablations_are_suites_of_their_own(suite: RewardSuite) -> None:
    rows = ("without-rm", "without-rf", "sum", "closed-hole", "n-50", "n-200")
    assert len({Payment(suite, ROWS[row]).version for row in rows} | {suite.version}) == len(rows) + 1
    assert Payment(suite, ROWS["repo"]).version == suite.version


def test_shares_and_differences_by_hand() -> None:
    """3 of 4 clean against 1 of 4, the one being among the three: two gained, none lost, McNemar p 0.5."""
    old = record("ppo-0", measures=graded("clean", "major", "severe", "unresolved"))
    new = record(measures=graded("clean", "clean", "clean", "severe"))
    one = estimate([new], MEASURES["clean"])
    assert one.interval.estimate == 0.75
    assert one.interval.low is not None
    assert one.interval.low < 0.25  # exact, of four
    found = contrast([old], [new], MEASURES["clean"])
    assert found.interval.estimate == pytest.approx(0.5)
    assert found.p_value == pytest.approx(0.5)
    assert not found.decided
    assert found.detectable is not None
    assert found.detectable > 0.5
    assert contrast([old], [new], MEASURES["severe"]).interval.estimate == 0


def test_seeds_are_averaged_before_they_are_compared() -> None:
    old = [record("ppo-0", measures=graded("clean", "major"))]
    new = [
        record("repo-0", measures=graded("clean", "clean")),
        record("repo-1", seed=1, measures=graded("clean", "major")),
    ]
    assert contrast(old, new, MEASURES["clean"]).interval.estimate == pytest.approx(0.25)
    assert estimate(new, MEASURES["clean"]).seeds == (1.0, 0.5)


def test_rates_count_what_they_are_of() -> None:
    rows = [
        {"answered": 1, "won": 1, "tickets": 2, "off": 0.1, "replies": 4, "faults": 1, "rules": 0, "sop": 3},
        {"answered": 0, "won": 0, "tickets": 1, "off": 0.0, "replies": 2, "faults": 0, "rules": 0, "sop": 2},
    ]
    one = [record(measures={"evaluated": rows})]
    expected = {"response": 1 / 2, "success": 1 / 3, "given": 1 / 2, "faults": 1 / 6, "sop": 5 / 6}
    found = {name: estimate(one, MEASURES[name]).interval.estimate for name in expected}
    assert found == pytest.approx(expected)


def test_a_draw_is_won_by_the_most_and_shared_by_equals() -> None:
    def draw(*won: int) -> list[dict[str, Any]]:
        return [{"won": one, "tickets": 1} for one in won]

    draws = {"a": [draw(1, 1), draw(1, 0), draw(0, 0)], "b": [draw(1, 0), draw(0, 1), draw(0, 1)]}
    assert wins(draws, "won", "tickets") == pytest.approx({"a": 1.5 / 3, "b": 1.5 / 3})
    assert wins({}, "won", "tickets") == {}


def test_what_a_curve_learned() -> None:
    curve = [{"step": step, "r_model": float(step)} for step in range(8)]
    assert learned(record(curve=curve), "r_model") == (0.5, 6.5)
    assert learned(record(curve=curve), "margin") is None


def test_a_record_reads_as_it_was_written(tmp_path: Path) -> None:
    measures = graded("clean", "minor") | {"evaluated": [{"answered": 1}]}
    one = record(measures=measures, curve=[{"step": 0, "kl": 0.1}])
    path = write_record(tmp_path, one)
    assert read_record(path) == one
    assert not list(tmp_path.glob("*.part"))
    path.write_text('{"shard": "repo-0"}', encoding="utf-8")
    with pytest.raises(InputError, match="not a shard's JSON"):
        read_record(path)


def test_nothing_is_measured_with_a_changed_instrument(hotel: Pack, tmp_path: Path) -> None:
    for name in ("LOCK", *FILES):
        (tmp_path / name).write_bytes((HOTEL / name).read_bytes())
    assert [one.held for one in Instruments(tmp_path, hotel).locked()] == ["held"] * len(FILES)
    with (tmp_path / "counterpart.yaml").open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"counterpart\.yaml: is not what LOCK says"):
        Instruments(tmp_path, hotel).locked()


def test_a_stage_that_all_share_is_no_method() -> None:
    with pytest.raises(KeyError):
        _ = Shard("start-sft", "start-sft").method
