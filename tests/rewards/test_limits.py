"""Requests and tokens a minute, on a clock that the test moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suasion.rewards.limits import MINUTE, Window


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_wait_is_until_there_is_room() -> None:
    clock = Clock()
    window = Window(3, clock)
    for second in (0, 10, 20):
        clock.now = 1000.0 + second
        assert window.take(1) == 0
    assert window.take(1) == pytest.approx(40), "the first of them is then a minute old"
    assert window.take(2) == pytest.approx(50)
    clock.now = 1060.0
    assert window.take(1) == 0
    assert window.take(1) == pytest.approx(10)


def test_what_it_really_cost_is_counted() -> None:
    clock = Clock()
    window = Window(100, clock)
    assert window.take(80) == 0
    assert window.take(30) == pytest.approx(60)
    window.correct(-50)
    assert window.take(70) == 0
    window.correct(40)
    assert window.take(1) == pytest.approx(60)


def test_more_than_the_limit_waits_for_an_empty_minute_and_no_longer() -> None:
    clock = Clock()
    window = Window(10, clock)
    assert window.take(25) == 0
    assert window.take(25) == pytest.approx(60)
    clock.now += 60
    assert window.take(25) == 0


def test_no_limit_never_waits() -> None:
    window = Window(None, Clock())
    assert [window.take(1e9) for _ in range(3)] == [0, 0, 0]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5)), max_size=60), st.integers(5, 12))
def test_no_minute_ever_holds_more(steps: list[tuple[float, int]], limit: int) -> None:
    clock = Clock()
    window = Window(limit, clock)
    taken = []
    for pause, amount in steps:
        clock.now += pause
        while wait := window.take(amount):
            clock.now += wait
        taken.append((clock.now, amount))
        recent = sum(amount for when, amount in taken if when > clock.now - MINUTE)
        assert recent <= limit
