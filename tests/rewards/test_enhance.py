"""The paper's formula: by hand, and what must hold for every input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suasion import enhance
from suasion.rewards.enhance import OPERATORS

reward = st.floats(-50, 50)
points = st.floats(-500, 500)


@pytest.mark.parametrize(
    ("r", "judge", "rules", "total"),
    [
        (+2.0, +30, +20, +3.0),  # good reply, good E: amplified
        (+2.0, -30, -20, +1.0),
        (+2.0, -150, 0, 0.0),  # the first hole: a breach can't go below 0
        (-2.0, +50, 0, -1.0),  # bad reply, good E: softened
        (-2.0, -50, 0, -3.0),  # bad reply, bad E: worse
        (-2.0, +500, 0, 0.0),
        (0.0, +50, -90, 0.0),  # the second hole: no force at zero
        (+1.0, None, 20, +1.2),  # an unread judge is neutral
        (+1.0, None, None, +1.0),
    ],
)
def test_by_hand(r: float, judge: float | None, rules: float | None, total: float) -> None:
    assert enhance(r, judge, rules) == pytest.approx(total)


@given(reward, points, points)
def test_factor_lies_between_0_and_2(r: float, judge: float, rules: float) -> None:
    total = enhance(r, judge, rules)
    assert min(0, 2 * r) - 1e-9 <= total <= max(0, 2 * r) + 1e-9


@given(reward, points, points, points, st.sampled_from(sorted(OPERATORS)))
def test_better_e_is_never_worse(r: float, judge: float, low: float, more: float, operator: str) -> None:
    assert (
        enhance(r, judge, low, operator=operator)
        <= enhance(r, judge, low + abs(more), operator=operator) + 1e-9
    )


@given(reward, st.floats(-400, 400))
def test_closed_hole_always_has_a_slope(r: float, e: float) -> None:
    assert enhance(r, 0, e, operator="closed-hole") < enhance(r, 0, e + 1, operator="closed-hole")


@given(reward, points, reward, points)
def test_with_closed_hole_a_breach_is_below_any_reply_without(
    liked: float, praised: float, disliked: float, faulted: float
) -> None:
    breach = enhance(liked, praised, 0, operator="closed-hole", breach=True)
    assert -4 < breach < enhance(disliked, faulted, 0, operator="closed-hole") < 3


@given(reward, points, points, st.sampled_from(["paper", "sum"]))
def test_elsewhere_a_breach_counts_by_its_points_alone(
    r: float, judge: float, rules: float, operator: str
) -> None:
    assert enhance(r, judge, rules, operator=operator, breach=True) == enhance(
        r, judge, rules, operator=operator
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"r_model": float("nan")}, "finite"),
        ({"e_judge": float("inf")}, "finite"),
        ({"n": 0}, "positive"),
        ({"operator": "magic"}, "unknown operator"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        enhance(**({"r_model": 1.0, "e_judge": 0.0, "e_func": 0.0} | arguments))
