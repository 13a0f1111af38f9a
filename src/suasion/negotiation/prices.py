"""Prices, changes and discounts in what people write, and nothing else: no dates, pieces, days or views.

The road: tokens (numbers.py), minus dates (dates.py), to quantities with their currency (quantities.py); the
words on both sides (cues.py) say which are prices; then each gets its kind (kinds.py). Words are locale data;
all of it runs in linear time.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from suasion.negotiation.cues import Cue, Side, cue_reader
from suasion.negotiation.dates import DateMention, covered_tokens, date_reader, find_dates
from suasion.negotiation.kinds import kind_reader
from suasion.negotiation.locale import load_locale
from suasion.negotiation.money import PriceKind
from suasion.negotiation.numbers import Tokens, is_of_word
from suasion.negotiation.quantities import Quantity, QuantityReader
from suasion.negotiation.readers import locale_of, number_reader

__all__ = ["DateMention", "PriceMention", "Relation", "find_dates", "find_prices"]

SAYS_PRICE = frozenset((Cue.CERTAIN, Cue.STRONG))
SAYS_COUNT = frozenset((Cue.NOT, Cue.COUNT, Cue.UNKNOWN))


class Relation(StrEnum):
    """How an amount relates to a price."""

    ABSOLUTE = "absolute"  # it is one
    DELTA = "delta"  # a change by it
    PERCENT = "percent"  # a share, in percent
    RANGE = "range"  # one end of a range of prices


@dataclass(frozen=True, slots=True)
class PriceMention:
    """An amount that a text names; `text` is the text at `span`.

    `amount` is in units of `currency`, or a number of percent. `direction` is -1 or +1 for a change, and for
    a percentage whose words say so, else 0. `currency` is the written one, or the caller's.
    """

    amount: float
    span: tuple[int, int]
    text: str
    kind: PriceKind
    relation: Relation
    direction: int
    currency: str


@dataclass(frozen=True, slots=True)
class _Judged:
    quantity: Quantity
    relation: Relation
    direction: int


def find_prices(text: str, currency: str = "CNY", locale: str | None = None) -> list[PriceMention]:
    """Every price, change, percentage and end of a price range in `text`, in order, none overlapping another.

    `currency` is what an amount without a mark is in, and decides a mark that several share ("¥", "$").
    Without a `locale` the text says whether it is Chinese or English. Raises LocaleError when there is no
    such locale; never for any text.
    """
    locale = locale or locale_of(text)
    tokens = number_reader(locale).tokenize(text)
    if not tokens.has_number:
        return []
    judged = _reader(locale).read(tokens, currency)
    places = [(found.quantity.first, found.quantity.last) for found in judged]
    kinds = kind_reader(locale).read(tokens, places, [found.quantity.percent for found in judged])
    mentions = []
    for found, kind in zip(judged, kinds, strict=True):
        span = (tokens.starts[found.quantity.first], tokens.ends[found.quantity.last - 1])
        mentions.append(
            PriceMention(
                amount=found.quantity.amount,
                span=span,
                text=text[span[0] : span[1]],
                kind=kind,
                relation=found.relation,
                direction=found.direction,
                currency=found.quantity.currency or currency,
            )
        )
    return mentions


class _PriceReader:
    """Judges the quantities of a text: a price, a change, or neither."""

    def __init__(self, locale: str) -> None:
        words = load_locale(locale)
        self._quantities = QuantityReader(words, number_reader(locale))
        self._cues = cue_reader(locale)
        self._dates = date_reader(locale)
        self._shapes = words.shapes
        self._ranges = words.ranges
        self._tying = frozenset((*words.ranges.signs, *words.ranges.alternatives))
        self._percents = words.percents
        self._inch_marks = frozenset(words.after.inch_marks)
        self._suffixes = frozenset(words.after.price)

    def read(self, tokens: Tokens, currency: str) -> list[_Judged]:
        """All prices among the tokens, in order."""
        dated = frozenset(covered_tokens(self._dates.read(tokens)))
        judged: list[_Judged] = []
        i = 0
        while i < len(tokens.words):
            group = [] if i in dated else self._group(tokens, i, currency, dated)
            if not group:
                i += 1
                continue
            judged.extend(self._judge(tokens, group, after_date=i - 1 in dated))
            i = group[-1].last
        return judged

    def _group(self, tokens: Tokens, i: int, currency: str, dated: frozenset[int]) -> list[Quantity]:
        """The quantity at token i, with a second one that a range or an alternative ties to it."""
        first = self._quantities.read(tokens, i, currency)
        if first is None:
            return []
        j = first.last
        if tokens.word(j) not in self._tying or j + 1 >= len(tokens.words) or j + 1 in dated:
            return [first]
        second = self._quantities.read(tokens, j + 1, currency)
        if second is None or (first.percent and not second.percent):
            return [first]
        if second.multiplied and not first.multiplied and first.amount < second.amount / 100:
            first = first.times(second.factor)  # 5-6k
        return [first, second] if self._ties(tokens, first, second) else [first]

    def _ties(self, tokens: Tokens, first: Quantity, second: Quantity) -> bool:
        """Whether two quantities are of one sort, so that what one says holds for the other."""
        sign = tokens.word(first.last)
        if first.marked and not second.marked and sign not in self._ranges.signs:
            return False
        if not 0 < first.amount < second.amount:
            return False
        return sign in self._ranges.signs or second.amount <= 4 * first.amount

    def _judge(self, tokens: Tokens, group: list[Quantity], after_date: bool) -> list[_Judged]:
        first, last = group[0], group[-1]
        if any(quantity.percent for quantity in group):
            return self._judge_percents(tokens, group)
        marked = any(quantity.marked for quantity in group)
        if not marked and (
            self._is_part_of_more(tokens, first.first, last.last) or self._is_phone(tokens, group)
        ):
            return []
        left = Side(Cue.NEUTRAL) if after_date else self._cues.before(tokens, first.first)
        right = self._cues.after(tokens, last.last)
        direction = self._direction(group, left, right, marked)
        if direction:
            return [_Judged(quantity, Relation.DELTA, direction) for quantity in group]
        if marked or self._is_price(group, left.cue, right.cue):
            relation = Relation.RANGE if self._is_range(tokens, group) else Relation.ABSOLUTE
            return [_Judged(quantity, relation, 0) for quantity in group]
        # Two that only "and" or "or" ties may differ: "how about 380 and 400 sofas"
        if (
            len(group) > 1
            and not self._is_range(tokens, group)
            and left.cue in SAYS_PRICE
            and first.amount >= 100
        ):
            return [_Judged(first, Relation.ABSOLUTE, 0)]
        return []

    def _direction(self, group: list[Quantity], left: Side, right: Side, marked: bool) -> int:
        """-1 or +1 when the sides make it a change, else 0; words behind it decide before those in front."""
        if marked:
            return right.direction or left.direction
        if right.cue in SAYS_COUNT or max(q.amount for q in group) < self._shapes.least_with_strong:
            return 0
        return right.direction or left.direction

    def _is_price(self, group: list[Quantity], left: Cue, right: Cue) -> bool:
        """Whether the sides and the size make an unmarked quantity a price."""
        amount = max(quantity.amount for quantity in group)
        shapes = self._shapes
        spelled = group[-1].spelled
        if amount >= 10**shapes.most_digits or right is Cue.NOT:
            return False
        if right is Cue.PER_UNIT:
            return amount >= shapes.least_with_strong
        if left is Cue.NOT:
            return right is Cue.STRONG and amount >= shapes.least_bare
        if right is Cue.COUNT:
            return left is Cue.CERTAIN and amount >= shapes.least_certain
        if left in SAYS_PRICE and right is not Cue.UNKNOWN:
            return amount >= (shapes.least_spelled if spelled else shapes.least_with_strong)
        if group[-1].has_cents:
            return amount >= shapes.least_with_strong
        if amount < shapes.least_bare:
            return False
        if right is Cue.STRONG or left in SAYS_PRICE:
            return True
        unknown = (left, right).count(Cue.UNKNOWN)
        if unknown > 1 or (unknown and amount < shapes.least_certain):
            return False
        yearlike = shapes.years[0] <= amount <= shapes.years[1] and amount % 100 != 0
        return spelled or left is Cue.WEAK or group[-1].multiplied or not yearlike

    def _is_range(self, tokens: Tokens, group: list[Quantity]) -> bool:
        if len(group) < 2:
            return False
        sign = tokens.word(group[0].last)
        return sign in self._ranges.signs or (
            sign in self._ranges.and_ and self._follows_between(tokens, group[0].first)
        )

    def _follows_between(self, tokens: Tokens, i: int) -> bool:
        return any(tokens.word(k) in self._ranges.between for k in range(max(0, i - 3), i))

    def _judge_percents(self, tokens: Tokens, group: list[Quantity]) -> list[_Judged]:
        first, last = group[0].first, group[-1].last
        right = self._cues.after(tokens, last)
        direction = right.direction
        if not direction:
            direction = self._cues.before(tokens, first).direction
        window = self._percents.other_window
        near = {tokens.word(k) for k in (*range(first - window, first), *range(last, last + window - 1))}
        if not right.direction and not near.isdisjoint(self._percents.other):
            return []
        if any(quantity.reduced for quantity in group):
            direction = -1
        return [_Judged(quantity, Relation.PERCENT, direction) for quantity in group]

    def _is_part_of_more(self, tokens: Tokens, first: int, last: int) -> bool:
        """Whether it is written as no amount is: 9:30, 4.6/5, 32gb, PS4, #3, F-150, 28+, 00921."""
        if len(tokens.words[first]) > 1 and tokens.words[first][0] == "0" and tokens.words[first].isdigit():
            return True
        if tokens.is_glued(first):
            sign = tokens.word(first - 1)
            if is_of_word(sign) or sign in ("#", "/", "_", "+", "°"):
                return True
            if (
                sign in ("-", "–", ".", ":")
                and tokens.is_glued(first - 1)
                and is_of_word(tokens.word(first - 2))
            ):
                return sign != ":" or tokens.value(first - 2) is not None
        if not tokens.is_glued(last):
            return False
        sign, beyond = tokens.word(last), tokens.word(last + 1)
        if sign in self._inch_marks:
            return sum(word == sign for word in tokens.words[max(0, last - 12) : last]) % 2 == 0
        if sign == "-" and beyond in self._suffixes:
            return False
        if is_of_word(sign):
            return sign not in self._suffixes
        if sign == "+":  # 28+ days
            return not tokens.is_glued(last + 1)
        return (
            sign in ("/", ":", "-", "–", ".", "°", "_")
            and tokens.is_glued(last + 1)
            and (beyond[0].isdigit() if sign in ("/", ":") else is_of_word(beyond))
        )

    def _is_phone(self, tokens: Tokens, group: list[Quantity]) -> bool:
        """Digits beside digits with nothing between, or a group of three tied to one of four."""
        first, last = group[0].first, group[-1].last
        if group[0].spelled:
            return False
        if tokens.value(first - 1) is not None or tokens.value(last) is not None:
            return True
        shapes = [len(tokens.word(quantity.first)) for quantity in group]
        return shapes == [3, 4] and tokens.is_glued(last - 1) and not group[-1].multiplied


@lru_cache
def _reader(locale: str) -> _PriceReader:
    return _PriceReader(locale)
