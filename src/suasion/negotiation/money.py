"""Money with a type: an amount is a selling price, a net price, a commission, or not known.

One side names what it receives (net), its customers see what they pay (selling). Comparing the two as they
stand is how an agent accepts a price above its target, so a conversion needs the commission rate and refuses
what it can't know.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite


class PriceKind(StrEnum):
    """What an amount of money stands for."""

    SELLING = "selling"
    NET = "net"
    COMMISSION = "commission"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217 code), and what it stands for.

    Raises ValueError for an amount that is not a finite number.
    """

    amount: float
    currency: str
    kind: PriceKind

    def __post_init__(self) -> None:
        if not isfinite(self.amount):
            raise ValueError(f"An amount of money must be a finite number, found {self.amount}.")


def to_selling(money: Money, commission_rate: float) -> Money:
    """The selling price of a net or selling price: selling = net / (1 - commission_rate).

    Raises ValueError when the kind is unknown or a commission, or the rate is not in [0, 1).
    """
    share = _net_share(money, commission_rate)
    if money.kind is PriceKind.SELLING:
        return money
    return Money(money.amount / share, money.currency, PriceKind.SELLING)


def to_net(money: Money, commission_rate: float) -> Money:
    """The net price of a selling or net price: net = selling * (1 - commission_rate).

    Raises ValueError when the kind is unknown or a commission, or the rate is not in [0, 1).
    """
    share = _net_share(money, commission_rate)
    if money.kind is PriceKind.NET:
        return money
    return Money(money.amount * share, money.currency, PriceKind.NET)


def same_amount(a: Money, b: Money, tolerance: float = 0.5) -> bool:
    """Whether two amounts are the same money: same currency, same kind, at most `tolerance` apart.

    Rounding to whole units is ordinary in talk (322.8 is said as 323), hence the tolerance. An unknown kind
    equals no other kind: convert or ask first.
    """
    # The small slack keeps 0.5 apart within 0.5 when floats fall just above it.
    near = abs(a.amount - b.amount) <= tolerance + 1e-9
    return a.currency == b.currency and a.kind is b.kind and near


def _net_share(money: Money, commission_rate: float) -> float:
    """1 - commission_rate, after both arguments of a conversion were checked."""
    if money.kind not in (PriceKind.SELLING, PriceKind.NET):
        raise ValueError(
            f"Can't convert {money.amount:g} {money.currency}: its kind is {money.kind}, "
            "and only a selling or a net price can be converted."
        )
    if not 0.0 <= commission_rate < 1.0:
        raise ValueError(
            f"The commission rate is a share in [0, 1), such as 0.15 for 15 percent; found {commission_rate}."
        )
    return 1.0 - commission_rate
