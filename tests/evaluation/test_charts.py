"""What is drawn stands where the numbers say."""

from suasion.evaluation.charts import LEFT, PAD, RIGHT, STRIP, WIDTH, panels, strip
from suasion.evaluation.statistics import Interval


def test_a_gap_breaks_the_line_and_is_never_zero() -> None:
    rows: list[dict[str, float | None]] = [
        {"step": step, "r_total": value, "mine": 1.0}
        for step, value in enumerate([1.0, 2.0, None, 3.0, 2.0], start=1)
    ]
    drawn = panels(rows)
    assert [panel.title for panel in drawn] == ["R_total"], "what has no title is left to the log"
    total = drawn[0]
    assert (len(total.dots), len(total.lines)) == (4, 2)
    assert (total.dots[0][0], total.dots[-1][0]) == (LEFT, WIDTH - RIGHT)
    assert total.dots[0][1] > total.dots[1][1]  # higher values stand higher
    assert total.summary == "R_total: 1 at step 1, 2 at step 5"


def test_one_step_or_none() -> None:
    (panel,) = panels([{"step": 5, "kl": 0.0}])
    assert len(panel.dots) == 1
    assert panel.lines == ()
    assert panels([]) == ()
    assert panels([{"step": 1, "kl": None}]) == ()


def test_zero_is_drawn_only_inside() -> None:
    (crossing,) = panels([{"kl": -1.0}, {"kl": 1.0}])
    (above,) = panels([{"kl": 1.0}, {"kl": 2.0}])
    assert crossing.zero is not None
    assert above.zero is None


def test_strip_by_hand() -> None:
    drawing = strip([("sft", Interval(5, 0, 10, 9)), ("repo", None), ("base", Interval(10, None, None, 1))])
    assert drawing is not None
    first, second = drawing.whiskers
    assert (first.low, first.at, first.high) == (PAD, STRIP / 2, STRIP - PAD)
    assert (second.name, second.at, second.low) == ("base", STRIP - PAD, None)
    assert strip([("sft", None)]) is None


def test_the_zone_lies_where_a_requirement_holds() -> None:
    change = [("repo", Interval(5.0, 0.0, 10.0, 9))]
    zones = [
        strip(change, (5.0,), "above"),
        strip(change, (5.0,), "below"),
        strip(change, (0.0, 5.0), "between"),
    ]
    assert [zone and zone.zone for zone in zones] == [(100, STRIP), (0, 100), (PAD, 100)]
