"""An amount's kind is never guessed, and a conversion agrees with the commission worked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suasion.negotiation.money import Money, PriceKind, same_amount, to_net, to_selling


def money(amount: float, kind: PriceKind, currency: str = "CNY") -> Money:
    return Money(amount, currency, kind)


@pytest.mark.parametrize(
    ("selling", "rate", "net"),
    [(380, 0.15, 323), (420, 0.15, 357), (400, 0.10, 360), (380, 0.0, 380), (500, 0.125, 437.5)],
)
def test_conversion_by_hand(selling: float, rate: float, net: float) -> None:
    assert to_net(money(selling, PriceKind.SELLING), rate).amount == pytest.approx(net)
    assert to_selling(money(net, PriceKind.NET), rate).amount == pytest.approx(selling)


@given(st.floats(0, 1e9), st.floats(0, 0.99))
def test_there_and_back_is_the_same(amount: float, rate: float) -> None:
    selling = money(amount, PriceKind.SELLING)
    back = to_selling(to_net(selling, rate), rate)
    assert back.amount == pytest.approx(amount)
    assert back.kind is PriceKind.SELLING


def test_converting_to_its_own_kind_changes_nothing() -> None:
    assert to_net(money(323, PriceKind.NET), 0.15) == money(323, PriceKind.NET)
    assert to_selling(money(380, PriceKind.SELLING), 0.15) == money(380, PriceKind.SELLING)


@pytest.mark.parametrize("kind", [PriceKind.UNKNOWN, PriceKind.COMMISSION])
def test_what_is_neither_net_nor_selling_is_not_converted(kind: PriceKind) -> None:
    with pytest.raises(ValueError, match=rf"its kind is {kind}"):
        to_net(money(380, kind), 0.15)
    with pytest.raises(ValueError, match=rf"its kind is {kind}"):
        to_selling(money(380, kind), 0.15)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 15.0, float("nan")])
def test_a_rate_outside_its_range_says_how_to_write_it(rate: float) -> None:
    with pytest.raises(ValueError, match=r"such as 0.15 for 15 percent"):
        to_net(money(380, PriceKind.SELLING), rate)


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
def test_an_amount_is_a_finite_number(amount: float) -> None:
    with pytest.raises(ValueError, match=r"finite"):
        money(amount, PriceKind.NET)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (money(323, PriceKind.NET), money(322.8, PriceKind.NET), True),
        (money(323, PriceKind.NET), money(323.5, PriceKind.NET), True),
        (money(323, PriceKind.NET), money(323.6, PriceKind.NET), False),
        (money(323, PriceKind.NET), money(323, PriceKind.SELLING), False),
        (money(323, PriceKind.NET), money(323, PriceKind.UNKNOWN), False),
        (money(323, PriceKind.NET), money(323, PriceKind.NET, "USD"), False),
    ],
)
def test_same_amount(a: Money, b: Money, same: bool) -> None:
    assert same_amount(a, b) is same
    assert same_amount(b, a) is same
