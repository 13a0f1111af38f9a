"""Prices, changes and discounts in what people write, and nothing else: no dates, pieces, days or views.

The road: tokens (numbers.py), minus dates (dates.py), to quantities with their currency (quantities.py); how
they are written (notations.py) and the words on both sides (cues.py) say which are prices, and what that
leaves open the numbers around them settle (candidates.py); then each gets its kind (kinds.py) and its role
(roles.py). Words are locale data; all of it runs in linear time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from suasion.negotiation.candidates import Candidate, Relation, Settling, Verdict
from suasion.negotiation.cues import Cue, Side, cue_reader
from suasion.negotiation.dates import DateMention, covered_tokens, find_dates, read_days
from suasion.negotiation.kinds import kind_reader
from suasion.negotiation.locale import load_locale
from suasion.negotiation.money import PriceKind
from suasion.negotiation.notations import Notations
from suasion.negotiation.numbers import Tokens
from suasion.negotiation.quantities import Quantity, QuantityReader
from suasion.negotiation.readers import locale_of, number_reader
from suasion.negotiation.roles import PriceRole, Roles
from suasion.negotiation.ties import Ties

__all__ = ["DateMention", "PriceMention", "PriceRole", "Relation", "find_dates", "find_prices"]

SAYS_PRICE = frozenset((Cue.CERTAIN, Cue.STRONG))
SAYS_COUNT = frozenset((Cue.NOT, Cue.COUNT, Cue.UNKNOWN))


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
    _roles: Roles = field(repr=False, compare=False)

    @property
    def role(self) -> PriceRole:
        """What the price is named for, by the words of its sentence."""
        return self._roles.of(self.span)


def find_prices(text: str, currency: str = "CNY", locale: str | None = None) -> list[PriceMention]:
    """Every price, change, percentage and end of a price range in `text`, in order, none overlapping another.

    `currency` is what an amount without a mark is in, and decides a mark that several share ("¥", "$").
    Without a `locale` the text says whether it is Chinese or English. Raises LocaleError when there is no
    such locale; never for any text.
    """
    return list(_mentions(text, currency, locale or locale_of(text)))


@lru_cache(maxsize=1 << 14)
def _mentions(text: str, currency: str, locale: str) -> tuple[PriceMention, ...]:
    """Rules, tracker and counterpart all read the same messages."""
    tokens, days = read_days(text, locale)
    if not tokens.has_number:
        return ()
    read = _reader(locale).read(tokens, currency, frozenset(covered_tokens(days)))
    found = [(one, quantity) for one in read for quantity in one.group]
    places = [(quantity.first, quantity.last) for _, quantity in found]
    kinds = kind_reader(locale).read(tokens, places, [quantity.percent for _, quantity in found])
    spans = [(tokens.starts[first], tokens.ends[last - 1]) for first, last in places]
    roles = Roles(locale, text, spans, kinds)
    mentions = []
    for (one, quantity), kind, span in zip(found, kinds, spans, strict=True):
        mentions.append(
            PriceMention(
                amount=quantity.amount,
                span=span,
                text=text[span[0] : span[1]],
                kind=kind,
                relation=one.relation,
                direction=one.direction,
                currency=quantity.currency or currency,
                _roles=roles,
            )
        )
    return tuple(mentions)


class _PriceReader:
    """Judges the quantities of a text: a price, a change, or neither."""

    def __init__(self, locale: str) -> None:
        words = load_locale(locale)
        self._quantities = QuantityReader(words, number_reader(locale))
        self._ties = Ties(words, self._quantities)
        self._notations = Notations(words)
        self._settling = Settling(words)
        self._cues = cue_reader(locale)
        self._shapes = words.shapes
        self._percents = words.percents
        self._other = frozenset(words.percents.other)
        self._of_other = frozenset(words.percents.of_other)
        self._of_money = frozenset(words.percents.of_money).union(words.kinds.commission)
        self._lots = frozenset(words.ranges.lots)
        self._articles = frozenset(words.numbers.articles)
        self._before_years = frozenset(words.dates.before_years)

    def read(self, tokens: Tokens, currency: str, dated: frozenset[int]) -> list[Candidate]:
        """All prices among the tokens, in order, but for those that belong to days (`dated`)."""
        candidates: list[Candidate] = []
        last = 0
        for i in self._quantities.openings(tokens, currency):
            group = () if i < last or i in dated else self._ties.read(tokens, i, currency, dated)
            if group:
                candidates.append(self._judge(tokens, group, after_date=i - 1 in dated))
                last = group[-1].last
        return self._settling.settle(tokens, candidates)

    def _judge(self, tokens: Tokens, group: tuple[Quantity, ...], after_date: bool) -> Candidate:
        first, last = group[0], group[-1]
        if any(quantity.percent for quantity in group):
            return self._judge_percents(tokens, group)
        marked = any(quantity.marked for quantity in group)
        if not marked and self._notations.is_no_amount(tokens, group):
            return Candidate(group, Verdict.NO)
        left = Side(Cue.NEUTRAL) if after_date else self._cues.before(tokens, first.first)
        right = self._cues.after(tokens, last.last)
        direction = self._direction(tokens, group, left, right, marked)
        if direction:
            return Candidate(group, Verdict.YES, Relation.DELTA, direction)
        is_range = self._ties.is_range(tokens, group)
        verdict = Verdict.YES if marked else self._verdict(tokens, group, left.cue, right.cue, is_range)
        if verdict is not Verdict.NO:
            return Candidate(group, verdict, Relation.RANGE if is_range else Relation.ABSOLUTE)
        # Two that only "and" or "or" ties may differ: "how about 380 and 400 sofas"
        if len(group) > 1 and not is_range and left.cue in SAYS_PRICE and first.amount >= 100:
            return Candidate(group[:1], Verdict.YES)
        return Candidate(group, Verdict.NO)

    def _direction(
        self, tokens: Tokens, group: Sequence[Quantity], left: Side, right: Side, marked: bool
    ) -> int:
        """-1 or +1 when the sides make it a change, else 0; words behind it decide before those in front."""
        if marked:
            return right.direction or left.direction
        if right.cue in SAYS_COUNT or max(q.amount for q in group) < self._shapes.least_with_strong:
            return 0
        if left.cue is Cue.NOT and tokens.word(group[0].first - 1) not in self._articles:
            return 0  # "exit 12 off the highway"
        if left.cue is Cue.VAGUE and max(q.amount for q in group) > self._shapes.most_vague:
            return right.direction
        return right.direction or left.direction

    def _verdict(
        self, tokens: Tokens, group: Sequence[Quantity], left: Cue, right: Cue, is_range: bool
    ) -> Verdict:
        """Whether the sides and the size make an unmarked quantity a price."""
        amount = max(quantity.amount for quantity in group)
        shapes = self._shapes
        spelled = group[-1].spelled
        if amount >= 10**shapes.most_digits or right is Cue.NOT:
            return Verdict.NO
        if right is Cue.PER_UNIT:
            return _if(amount >= shapes.least_with_strong)
        if left is Cue.MOMENT:  # "in 5", "since 2009"; but "interested in 95", "before 385"
            timely = amount <= shapes.most_days or self._is_yearlike(tokens, group)
            left = Cue.NOT if timely else Cue.WEAK
        if left is Cue.NOT or self._counts_lot(tokens, group):
            return _if(right is Cue.STRONG and amount >= shapes.least_bare, Verdict.NO)
        if right is Cue.COUNT:
            sure = left is Cue.CERTAIN and amount >= shapes.least_certain
            return _if(sure, Verdict.UNLIKELY if amount >= shapes.least_certain else Verdict.NO)
        if Cue.TIMES in (left, right):
            return Verdict.DOUBTFUL
        if self._is_yearlike(tokens, group) and right is not Cue.STRONG:
            adjacent = tokens.word(group[0].first - 1)
            if left not in SAYS_PRICE or adjacent in self._before_years:
                return Verdict.UNLIKELY
        if left in SAYS_PRICE and right is not Cue.UNKNOWN:
            return _if(amount >= (shapes.least_spelled if spelled else shapes.least_with_strong))
        return self._by_size(group, left, right, is_range)

    def _by_size(self, group: Sequence[Quantity], left: Cue, right: Cue, is_range: bool) -> Verdict:
        amount = max(quantity.amount for quantity in group)
        shapes = self._shapes
        if group[-1].has_cents:
            says = left in SAYS_PRICE or left is Cue.WEAK or right is Cue.STRONG
            return _if(says or not (group[-1].is_hour or amount < shapes.least_with_strong))
        if amount < shapes.least_bare:
            return Verdict.DOUBTFUL
        if right is Cue.STRONG or left in SAYS_PRICE:
            return Verdict.YES
        unknown = (left, right).count(Cue.UNKNOWN)
        if unknown > 1:
            return Verdict.UNLIKELY
        if (unknown and amount < shapes.least_certain) or (is_range and amount <= shapes.most_days):
            return Verdict.DOUBTFUL
        return Verdict.LIKELY

    def _counts_lot(self, tokens: Tokens, group: Sequence[Quantity]) -> bool:
        """The 6 of "6 for $25"."""
        last = group[-1].last
        small = group[-1].amount < self._shapes.least_bare and tokens.word(last) in self._lots
        return small and self._ties.begins(tokens, last + 1)

    def _is_yearlike(self, tokens: Tokens, group: Sequence[Quantity]) -> bool:
        (low, high), last = self._shapes.years, group[-1]
        plain = tokens.words[last.first].isdigit() and not last.multiplied  # no year is written 1,950
        return plain and low <= last.amount <= high and last.amount % 100 != 0

    def _judge_percents(self, tokens: Tokens, group: tuple[Quantity, ...]) -> Candidate:
        first, last = group[0].first, group[-1].last
        right = self._cues.after(tokens, last)
        left = self._cues.before(tokens, first)
        direction = right.direction or left.direction
        window = self._percents.other_window
        near = {tokens.word(k) for k in (*range(first - window, first), *range(last, last + window - 1))}
        behind = set(tokens.words[last : last + window + 1])
        shares = tokens.word(last) in self._of_other and left.cue not in SAYS_PRICE
        if not direction and shares and (near | behind).isdisjoint(self._of_money):
            return Candidate(group, Verdict.NO, Relation.PERCENT)
        if not right.direction and not near.isdisjoint(self._other):
            return Candidate(group, Verdict.NO, Relation.PERCENT)
        if any(quantity.reduced for quantity in group):
            direction = -1
        group = tuple(replace(quantity, percent=True) for quantity in group)
        sure = direction or left.cue in SAYS_PRICE or not near.isdisjoint(self._of_money)
        return Candidate(group, _if(bool(sure), Verdict.LIKELY), Relation.PERCENT, direction)


def _if(holds: bool, otherwise: Verdict = Verdict.DOUBTFUL) -> Verdict:
    return Verdict.YES if holds else otherwise


@lru_cache
def _reader(locale: str) -> _PriceReader:
    return _PriceReader(locale)
