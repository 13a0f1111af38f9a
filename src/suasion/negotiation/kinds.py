"""Whether a price is net, selling or a commission, from the phrases near it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from suasion.negotiation.locale import Locale, load_locale
from suasion.negotiation.money import PriceKind
from suasion.negotiation.numbers import Tokens

LONGEST_PHRASE = 5  # tokens

Place = tuple[int, int]  # tokens first..last, last excluded


@dataclass(frozen=True, slots=True)
class _Phrase:
    start: int
    end: int
    kind: PriceKind


class _Clause:
    """Words with the phrases and the prices in them, by position."""

    def __init__(self, words: list[str], phrases: list[_Phrase], numbers: set[int]) -> None:
        self.words = words
        self.numbers = numbers
        self.by_start = {phrase.start: phrase for phrase in phrases}
        self.by_end = {phrase.end: phrase for phrase in phrases}


class KindReader:
    """Gives each price the nearest phrase of its clause that no earlier price has taken."""

    def __init__(self, locale: Locale) -> None:
        kinds = locale.kinds
        sections = (
            (PriceKind.NET, kinds.net),
            (PriceKind.SELLING, kinds.selling),
            (PriceKind.COMMISSION, kinds.commission),
        )
        self._phrases = {phrase: kind for kind, phrases in sections for phrase in phrases}
        self._openers = frozenset(phrase.split()[0] for phrase in self._phrases)
        self._links = frozenset(kinds.links)
        self._breaks = frozenset(kinds.breaks)
        self._window = kinds.window

    def read(self, tokens: Tokens, prices: Sequence[Place], percents: Sequence[bool]) -> list[PriceKind]:
        """The kind of each price, in order; `percents` says which of them are percentages."""
        unknown = [PriceKind.UNKNOWN] * len(prices)
        if not prices or self._openers.isdisjoint(tokens.words):
            return unknown
        # Percentages are lifted out for amounts, so that "after 15% commission" reads "after commission".
        lifted = {
            token
            for place, percent in zip(prices, percents, strict=True)
            if percent
            for token in range(*place)
        }
        amounts = unknown if all(percents) else self._assign(tokens, prices, percents, lifted, percent=False)
        shares = self._assign(tokens, prices, percents, set(), percent=True) if any(percents) else unknown
        return [
            share if percent else amount
            for amount, share, percent in zip(amounts, shares, percents, strict=True)
        ]

    def _assign(
        self,
        tokens: Tokens,
        prices: Sequence[Place],
        percents: Sequence[bool],
        lifted: set[int],
        *,
        percent: bool,
    ) -> list[PriceKind]:
        kept = [i for i in range(len(tokens.words)) if i not in lifted]
        position = {token: k for k, token in enumerate(kept)}
        own = [place for place, is_percent in zip(prices, percents, strict=True) if is_percent == percent]
        clause = _Clause(
            words=[tokens.words[i] for i in kept],
            phrases=self._find(tokens, kept, percent=percent),
            numbers={position[token] for place in prices for token in range(*place) if token in position},
        )
        taken: set[int] = set()
        found = {}
        for place in own:
            phrase = self._nearest(clause, taken, position[place[0]], position[place[1] - 1] + 1)
            if phrase is not None:
                taken.add(phrase.start)
                found[place] = phrase.kind
        return [found.get(place, PriceKind.UNKNOWN) for place in prices]

    def _find(self, tokens: Tokens, kept: list[int], *, percent: bool) -> list[_Phrase]:
        """The longest phrases, in positions of `kept`."""
        found: list[_Phrase] = []
        k = 0
        while k < len(kept):
            step = 1
            if tokens.words[kept[k]] in self._openers:
                for length in range(min(LONGEST_PHRASE, len(kept) - k), 0, -1):
                    kind = self._phrases.get(" ".join(tokens.words[i] for i in kept[k : k + length]))
                    if kind is not None:
                        # A percentage is a share: the only kind it can have is the commission's.
                        if not percent or kind is PriceKind.COMMISSION:
                            found.append(_Phrase(k, k + length, kind))
                        step = length
                        break
            k += step
        return found

    def _nearest(self, clause: _Clause, taken: set[int], first: int, last: int) -> _Phrase | None:
        """The nearest phrase that no price has taken, the left one on a tie."""
        reach = 2 * self._window  # words that only link don't count as distance, but the walk stays bounded
        left = self._walk(clause, range(first, max(0, first - reach), -1), back=True)
        right = self._walk(clause, range(last, min(len(clause.words), last + reach)), back=False)
        free = [found for found in (left, right) if found is not None and found[1].start not in taken]
        return min(free, key=lambda found: found[0])[1] if free else None

    def _walk(self, clause: _Clause, path: range, *, back: bool) -> tuple[int, _Phrase] | None:
        """The first phrase on the path and its distance, unless a clause end or a price comes first."""
        distance = 0
        phrases = clause.by_end if back else clause.by_start
        for k in path:
            if k in phrases:
                return distance, phrases[k]
            at = k - 1 if back else k
            word = clause.words[at]
            if at in clause.numbers or word in self._breaks:
                return None
            distance += word not in self._links
            if distance > self._window:
                return None
        return None


@lru_cache
def kind_reader(locale: str) -> KindReader:
    """The one reader of a locale. Raises LocaleError when there is no such locale."""
    return KindReader(load_locale(locale))
