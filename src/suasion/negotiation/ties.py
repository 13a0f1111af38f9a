"""Two numbers that a range or an alternative ties: "380-400", "5-6k", "8-900", "380 or 400"."""

from dataclasses import replace

from suasion.negotiation.locale import Locale
from suasion.negotiation.numbers import Tokens
from suasion.negotiation.quantities import Quantity, QuantityReader

WIDEST_ALTERNATIVE = 4.0  # "380 or 400" is one thing said twice, "two or 400" is not
WIDEST_SLASH = 2.0
LEAST_SLASH = 100.0  # 350/360; smaller ones are dates, scores and sizes
HUNDRED = 100.0


class Ties:
    """Reads a quantity with the one that is tied to it."""

    def __init__(self, locale: Locale, quantities: QuantityReader) -> None:
        ranges = locale.ranges
        self._quantities = quantities
        self._signs = frozenset((*ranges.signs, *ranges.slashes))
        self._slashes = frozenset(ranges.slashes)
        self._between, self._and = frozenset(ranges.between), frozenset(ranges.and_)
        self._tying = self._signs.union(ranges.alternatives)
        self._commas = frozenset(
            sign for sign in ranges.alternatives if not sign[0].isalnum() and sign not in ranges.and_
        )
        self._leads = [tuple(lead.split()) for lead in ranges.leads]

    def read(self, tokens: Tokens, i: int, currency: str, dated: frozenset[int]) -> tuple[Quantity, ...]:
        """The quantity at token i and the one tied to it, if there are."""
        first = self._quantities.read(tokens, i, currency)
        if first is None:
            return ()
        j = self._sign(tokens, first)
        if tokens.word(j) not in self._tying or j + 1 >= len(tokens.words) or j + 1 in dated:
            return (first,)
        second = self._quantities.read(tokens, j + 1, currency)
        if second is None or (first.percent and not second.percent):
            return (first,)
        first_of_two = self._completed(tokens, first, second, j)
        return (first_of_two, second) if self._ties(tokens, first_of_two, second, j) else (first,)

    def begins(self, tokens: Tokens, i: int) -> bool:
        """Whether a quantity begins at token i."""
        return i < len(tokens.words) and self._quantities.read(tokens, i, "") is not None

    def is_range(self, tokens: Tokens, group: tuple[Quantity, ...]) -> bool:
        """Whether the two of a group are the ends of a range."""
        if len(group) < 2:
            return False
        sign = tokens.word(self._sign(tokens, group[0]))
        return sign in self._signs or (sign in self._and and self._follows_between(tokens, group[0].first))

    def _sign(self, tokens: Tokens, first: Quantity) -> int:
        """Where the sign behind `first` stands: "0 up to 2", "50 all the way to 80"."""
        j = first.last
        for lead in self._leads:
            if tuple(tokens.words[j : j + len(lead)]) == lead and tokens.word(j + len(lead)) in self._signs:
                return j + len(lead)
        return j

    def _completed(self, tokens: Tokens, first: Quantity, second: Quantity, j: int) -> Quantity:
        """`first` with what only the second says: 5-6k, 8-900, three to three fifty."""
        if second.multiplied and not first.multiplied and first.amount < second.amount / HUNDRED:
            return first.times(second.factor)
        short = (
            first.amount.is_integer() and 0 < first.amount < 10 and not (first.multiplied or first.percent)
        )
        hundreds = HUNDRED * first.amount < second.amount < 10 * HUNDRED and not second.percent
        joined = tokens.is_glued(j) and tokens.is_glued(j + 1) and tokens.word(j) not in self._slashes
        written = joined and second.amount % HUNDRED == 0
        said = (first.spelled and second.spelled) and (
            tokens.word(j) in self._signs or self._follows_between(tokens, first.first)
        )
        if short and hundreds and (written or said):
            return replace(first, amount=first.amount * HUNDRED)
        return first

    def _ties(self, tokens: Tokens, first: Quantity, second: Quantity, j: int) -> bool:
        """Whether two quantities are of one sort, so that what one says holds for the other."""
        sign = tokens.word(j)
        if first.marked and not second.marked and sign not in self._signs:
            return False
        if second.marked and not first.marked and sign in self._commas:
            return False  # "if you buy two, 5 bucks"
        if not 0 <= first.amount < second.amount or (not first.amount and not second.marked):
            return False
        if sign in self._slashes:
            near = first.amount >= LEAST_SLASH and second.amount < WIDEST_SLASH * first.amount
            return near and tokens.is_glued(j) and tokens.is_glued(j + 1) and not tokens.is_glued(second.last)
        return sign in self._signs or second.amount <= WIDEST_ALTERNATIVE * first.amount

    def _follows_between(self, tokens: Tokens, i: int) -> bool:
        return any(tokens.word(k) in self._between for k in range(max(0, i - 3), i))
