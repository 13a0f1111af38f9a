"""What a text leaves open about a number is settled by the numbers around it.

People name one price in full and the next in short: "mowing 35 a visit, hedges fifty", "ten percent, not
fifteen", "move by 5 or 10, not 40". And what counts or names things goes on doing so: "18 chairs today and
17 are gone". So a number that its own words say too little about follows a decided one of its size.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum, auto

from suasion.negotiation.locale import Locale
from suasion.negotiation.numbers import Tokens
from suasion.negotiation.quantities import Quantity

ALIKE = 4.0  # how many times larger than a price another one may be
ALMOST_EQUAL = 2.0  # the same, where its own words speak against it
COUNTED_ALIKE = 3.0
ROUND = 5  # what people ask and offer is mostly a multiple of it, what they count is not
LOOKED_BACK = 8  # numbers, so that reading stays linear
MOST_BETWEEN = 3  # tokens between two of a list: ", not by"


class Relation(StrEnum):
    """How an amount relates to a price."""

    ABSOLUTE = "absolute"  # it is one
    DELTA = "delta"  # a change by it
    PERCENT = "percent"  # a share, in percent
    RANGE = "range"  # one end of a range of prices


class Verdict(Enum):
    """What a number's own words say."""

    YES = auto()
    LIKELY = auto()  # it has the size of a price
    DOUBTFUL = auto()  # small, or beside unknown words
    UNLIKELY = auto()  # like a year, or between unknown words
    NO = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One quantity, or two that are tied, with what is thought of them."""

    group: tuple[Quantity, ...]
    verdict: Verdict
    relation: Relation = Relation.ABSOLUTE
    direction: int = 0

    @property
    def amount(self) -> float:
        return max(quantity.amount for quantity in self.group)

    @property
    def is_open(self) -> bool:
        return self.verdict in (Verdict.LIKELY, Verdict.DOUBTFUL, Verdict.UNLIKELY)

    @property
    def is_price(self) -> bool:
        """Whether it is surely a price, and no change or share."""
        return self.verdict is Verdict.YES and self.relation in (Relation.ABSOLUTE, Relation.RANGE)


class Settling:
    """Settles what is open, in the words of one locale."""

    def __init__(self, locale: Locale) -> None:
        ranges, self._shapes = locale.ranges, locale.shapes
        self._listing = frozenset((*ranges.alternatives, *ranges.and_, *ranges.not_, *locale.deltas.by))
        self._by = frozenset(locale.deltas.by)
        self._ends = frozenset(ranges.ends)

    def settle(self, tokens: Tokens, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates that are prices, changes or shares, in order."""
        if not any(one.is_open for one in candidates):
            return [one for one in candidates if one.verdict is Verdict.YES]
        known = self._known_prices(tokens, candidates)
        settled: list[Candidate] = []
        of_other = False
        for i, one in enumerate(candidates):
            of_other = of_other or (one.verdict is Verdict.NO and one.relation is Relation.PERCENT)
            listed = self._as_listed(tokens, settled[-1], one) if settled and one.is_open else None
            if listed is not None:
                settled.append(listed)
            elif one.relation is Relation.PERCENT:
                if one.verdict is Verdict.YES or (one.is_open and not of_other):
                    settled.append(one)
            elif one.verdict is Verdict.YES or (
                one.is_open and self._is_price(tokens, one, known, candidates[max(0, i - LOOKED_BACK) : i])
            ):
                settled.append(one)
        return settled

    def _known_prices(self, tokens: Tokens, candidates: Sequence[Candidate]) -> list[float]:
        """Amounts that are prices by themselves, in order of size; what looks like a day is not believed."""
        return sorted(
            one.amount
            for i, one in enumerate(candidates)
            if one.is_price
            or (
                one.verdict is Verdict.LIKELY
                and one.amount > self._shapes.most_days
                and self._is_price(tokens, one, (), candidates[max(0, i - LOOKED_BACK) : i])
            )
        )

    def _as_listed(self, tokens: Tokens, before: Candidate, one: Candidate) -> Candidate | None:
        """It as a change or a share, when it stands in a list with one: "by 5 or 10, not 40"."""
        if before.relation not in (Relation.DELTA, Relation.PERCENT) or before.group[-1].marked:
            return None
        between = tokens.words[before.group[-1].last : one.group[0].first]
        listed = 0 < len(between) <= MOST_BETWEEN and self._listing.issuperset(between)
        if not listed and not (before.relation is Relation.DELTA and between and between[-1] in self._by):
            return None
        if not one.amount <= 10 * before.amount:
            return None
        percent = before.relation is Relation.PERCENT
        group = tuple(replace(quantity, percent=percent) for quantity in one.group)
        return Candidate(group, Verdict.YES, before.relation, before.direction)

    def _is_price(
        self, tokens: Tokens, one: Candidate, known: Sequence[float], before: Sequence[Candidate]
    ) -> bool:
        far = ALMOST_EQUAL if one.verdict is Verdict.UNLIKELY else ALIKE
        alike = bisect_right(known, one.amount * far) - bisect_left(known, one.amount / far)
        of_itself = one.verdict is Verdict.LIKELY and bool(known) and one.amount > self._shapes.most_days
        if one.amount >= self._shapes.least_with_strong and alike > of_itself:
            return True
        if one.group[-1].has_cents and known:
            return True
        if one.verdict is not Verdict.LIKELY or one.amount % ROUND == 0:
            return one.verdict is Verdict.LIKELY
        return not any(
            other.verdict is Verdict.NO
            and _alike(one.amount, other.amount, COUNTED_ALIKE)
            and self._same_sentence(tokens, other, one)
            for other in before
        )

    def _same_sentence(self, tokens: Tokens, one: Candidate, other: Candidate) -> bool:
        return self._ends.isdisjoint(tokens.words[one.group[-1].last : other.group[0].first])


def _alike(one: float, other: float, times: float) -> bool:
    return one <= times * other and other <= times * one
