"""What the words around a number say about it: a price, a change, a count of something else, or nothing.

The words are locale data. To the left a search walks over fillers ("how about just 380"); to the right only
the next words count. Both look at a bounded number of tokens, so reading stays linear.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from suasion.negotiation.locale import Locale, load_locale
from suasion.negotiation.numbers import Tokens

LONGEST_WALK = 7


class Cue(Enum):
    """What a side of a number says."""

    CERTAIN = auto()  # a price, whatever an unknown word on the other side says: price of 420, listed at 420
    STRONG = auto()  # a price
    PER_UNIT = auto()  # a price for a time or a piece: 380 a day
    WEAK = auto()  # may be a price, if it has the size of one
    NEUTRAL = auto()  # nothing
    UNKNOWN = auto()  # a word that the locale doesn't have
    COUNT = auto()  # an unknown plural: 420 sofas, but also 420 seems
    NOT = auto()  # something else than a price
    DOWN = auto()
    UP = auto()
    BY = auto()
    EXTRA = auto()
    FILLER = auto()
    OBJECT = auto()
    TO = auto()
    MORE_WORDS = auto()
    TIMES = auto()
    MOMENT = auto()  # a day, hour or year, if it has the size of one
    VAGUE = auto()  # a change, if it has the size of one


@dataclass(frozen=True, slots=True)
class Side:
    """What one side says, with the direction of a change (-1, +1, or 0 when there is none)."""

    cue: Cue
    direction: int = 0


class CueReader:
    """Reads the sides of a number in the words of one locale."""

    def __init__(self, locale: Locale) -> None:
        before, after, deltas = locale.before, locale.after, locale.deltas
        self._after_words = after
        self._left = _Table(
            (Cue.TIMES, before.times),
            (Cue.MOMENT, before.moments),
            (Cue.NOT, before.not_),
            (Cue.TO, before.to),
            (Cue.WEAK, before.weak),
            (Cue.STRONG, before.strong),
            (Cue.NEUTRAL, before.neutral),
            (Cue.FILLER, before.filler),
        )
        self._change = _Table(
            (Cue.DOWN, deltas.down),
            (Cue.UP, deltas.up),
            (Cue.EXTRA, deltas.extra),
            (Cue.VAGUE, deltas.vague),
            (Cue.BY, deltas.by),
            (Cue.FILLER, deltas.filler),
            (Cue.OBJECT, deltas.object),
        )
        kinds = (*locale.kinds.net, *locale.kinds.selling, *locale.kinds.commission)
        self._right = _Table(
            (Cue.TIMES, before.times),
            (Cue.STRONG, (*after.price, *kinds)),
            (Cue.NOT, after.units),
            (Cue.DOWN, after.down),
            (Cue.UP, after.up),
            (Cue.MORE_WORDS, after.extra),
            (Cue.NEUTRAL, (*after.neutral, *before.weak, *before.to)),
        )
        self._per = frozenset(after.per)
        self._periods = frozenset(after.periods)
        self._units = frozenset(after.units)
        self._subjects = frozenset(before.subjects)
        self._extra = frozenset(after.extra)

    def before(self, tokens: Tokens, i: int) -> Side:
        """What stands left of token i."""
        change = self._change_before(tokens, i)
        if change is not None and abs(change.direction) == 1 and change.cue is not Cue.TO:
            return change
        k, cue, anchored = i, None, False
        for _ in range(LONGEST_WALK):
            found = self._left.ending_at(tokens, k)
            if found is None:
                known = self._is_boundary(tokens, k - 1) or k < i or not self._after_words.unknown_counts
                if not known and tokens.word(k - 2) in self._subjects:
                    cue = Cue.WEAK  # an unknown verb: "would prefer 60"
                return Side(cue or (Cue.NEUTRAL if known else Cue.UNKNOWN))
            kind, length = found
            if kind is Cue.NOT and k == i and self._has_its_number(tokens, k - 1):
                return Side(Cue.NEUTRAL)  # the noun has its number: "10 chairs 325"
            if kind in (Cue.NOT, Cue.TIMES, Cue.MOMENT):
                return Side(kind if k == i else cue or Cue.NEUTRAL)
            if kind is Cue.STRONG:
                return Side(Cue.CERTAIN if cue is Cue.WEAK else Cue.STRONG)
            if kind is Cue.NEUTRAL:
                return Side(cue or Cue.NEUTRAL)
            if kind in (Cue.WEAK, Cue.TO):
                cue = Cue.WEAK
                anchored = anchored or kind is Cue.TO
            k -= length
            # "bring it down to 350": a change towards a price names a price
            if anchored and (change := self._change_before(tokens, k)) is not None:
                return Side(Cue.STRONG)
        return Side(cue or Cue.NEUTRAL)

    def _has_its_number(self, tokens: Tokens, noun: int) -> bool:
        known = self._after_words.unknown_counts and tokens.word(noun) in self._units
        return known and tokens.value(noun - 1) is not None

    def _change_before(self, tokens: Tokens, i: int) -> Side | None:
        """The change that "knock off", "reduce the rate by" or "another" announce, if one does."""
        k, extra, by, vague = i, False, False, False
        for _ in range(LONGEST_WALK):
            found = self._change.ending_at(tokens, k)
            if found is None and self._is_boundary(tokens, k - 1):
                found = self._change.ending_at(tokens, k - 1)  # will you come down a bit? like 15
                if found is None or found[0] is not Cue.VAGUE:
                    break
                k -= 1
            if found is None:
                break
            kind, length = found
            if kind in (Cue.DOWN, Cue.UP):
                direction = -1 if kind is Cue.DOWN else 1
                return Side(Cue.VAGUE if vague and not by else kind, direction)
            if kind is Cue.BY:
                by = True
            elif kind is Cue.VAGUE:
                vague = True
            elif kind is Cue.EXTRA:
                extra = True
            elif not (by or vague) and (kind is Cue.OBJECT or (not extra and k < i - 2)):
                break  # "off the 420" is a price, "the rate by 30" a change
            k -= length
        return Side(Cue.EXTRA, 1) if extra else None

    def after(self, tokens: Tokens, j: int) -> Side:
        """What stands right of the token before j."""
        word = tokens.word(j)
        if not word or self._is_boundary(tokens, j):
            return Side(Cue.NEUTRAL)
        if word in self._per and tokens.word(j + 1) in self._periods:
            return Side(Cue.PER_UNIT)
        found = self._right.starting_at(tokens, j)
        if found is None:
            known_number = tokens.value(j) is not None or not word[0].isalpha()
            if known_number or not self._after_words.unknown_counts:
                return Side(Cue.NEUTRAL)
            counts = word.endswith(self._after_words.count_endings)
            return Side(Cue.COUNT if counts else Cue.UNKNOWN)
        kind, length = found
        if word in self._extra:
            # "3 more days", "20 more sofas" count; "20 more" and "20 more than" don't
            beyond = self.after(tokens, j + 1).cue if tokens.word(j + 1) not in self._extra else Cue.UNKNOWN
            if beyond in (Cue.NOT, Cue.COUNT, Cue.UNKNOWN) and length == 1:
                return Side(Cue.NOT)
        if kind is Cue.MORE_WORDS:
            return Side(Cue.NEUTRAL)
        return Side(kind, {Cue.DOWN: -1, Cue.UP: 1}.get(kind, 0))

    def _is_boundary(self, tokens: Tokens, i: int) -> bool:
        word = tokens.word(i)
        return not word or not (word[0].isalnum() or word in ("#", "№", "°"))


class _Table:
    """Phrases and their cues; the first section that has a phrase keeps it."""

    def __init__(self, *sections: tuple[Cue, Iterable[str]]) -> None:
        self._cues: dict[str, Cue] = {}
        # How long a phrase with this first (last) word may be: most words begin none, and cost one look-up.
        self._longest_from: dict[str, int] = {}
        self._longest_to: dict[str, int] = {}
        for cue, phrases in sections:
            for phrase in phrases:
                self._cues.setdefault(phrase, cue)
                words = phrase.split()
                self._longest_from[words[0]] = max(len(words), self._longest_from.get(words[0], 0))
                self._longest_to[words[-1]] = max(len(words), self._longest_to.get(words[-1], 0))

    def ending_at(self, tokens: Tokens, end: int) -> tuple[Cue, int] | None:
        """The longest phrase that ends before token `end`, with its length in tokens."""
        if end <= 0:
            return None
        for length in range(min(self._longest_to.get(tokens.words[end - 1], 0), end), 0, -1):
            cue = self._cues.get(" ".join(tokens.words[end - length : end]))
            if cue is not None:
                return cue, length
        return None

    def starting_at(self, tokens: Tokens, start: int) -> tuple[Cue, int] | None:
        """The longest phrase that begins with token `start`, with its length in tokens."""
        left = len(tokens.words) - start
        for length in range(min(self._longest_from.get(tokens.word(start), 0), left), 0, -1):
            cue = self._cues.get(" ".join(tokens.words[start : start + length]))
            if cue is not None:
                return cue, length
        return None


@lru_cache
def cue_reader(locale: str) -> CueReader:
    """The one reader of a locale. Raises LocaleError when there is no such locale."""
    return CueReader(load_locale(locale))
