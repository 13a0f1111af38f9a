"""Text to tokens, and tokens to numbers: "1,280", "1.5k", "three eighty", "four and a half hundred".

Tokens are read chunk by chunk (a chunk is what stands between white space), and a chunk's tokens are
remembered: people's words repeat, and one RE2 run per new chunk is what makes reading fast. Everything here
is linear in the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import re2

from suasion.negotiation.locale import Locale

# A longer chunk is no word of any language: reading it again costs less than remembering it.
LONGEST_REMEMBERED = 40
FIRST_UNSPACED = "\u2e80"  # Chinese and Japanese begin here
FULL_WIDTH = {ord("０") + digit: str(digit) for digit in range(10)} | {ord("．"): "."}


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words, numbers and signs of a text, as columns of equal length.

    `words` is lower case, `values` holds the number that a token of digits stands for, `glued[i]` says that
    token i follows the one before it without white space.
    """

    words: list[str]
    starts: list[int]
    ends: list[int]
    values: list[float | None]
    glued: list[bool]
    has_number: bool

    def word(self, index: int) -> str:
        """The word at `index`, or "" outside the text."""
        return self.words[index] if 0 <= index < len(self.words) else ""

    def is_glued(self, index: int) -> bool:
        """Whether tokens index - 1 and index both exist and touch."""
        return 0 < index < len(self.words) and self.glued[index]

    def value(self, index: int) -> float | None:
        """The value of the digits at `index`, or None."""
        return self.values[index] if 0 <= index < len(self.values) else None


@dataclass(frozen=True, slots=True)
class Number:
    """A number read from tokens first..last (last excluded)."""

    first: int
    last: int
    amount: float
    spelled: bool = False
    factor: float = 1.0  # of a suffix or a word: 1000 for 5k and two grand


def is_of_word(token: str) -> bool:
    """Whether a token is a letter's or a digit's of a writing where touching means belonging."""
    return token[0].isalnum() and token[0] < FIRST_UNSPACED


_Piece = tuple[str, int, int, float | None]


class NumberReader:
    """Reads tokens and numbers in the words of one locale."""

    def __init__(self, locale: Locale) -> None:
        numbers = locale.numbers
        self._numbers = numbers
        self._small = {**numbers.teens, **numbers.tens}
        self._multipliers = {**numbers.hundreds, **numbers.thousands}
        group, mark = re2.escape(numbers.group_separator), re2.escape(numbers.decimal_mark)
        fraction = rf"(?:{mark}\d+)?"
        self._pattern = re2.compile(
            rf"\d{{1,3}}(?:{mark}\d{{3}})+{group}\d{{2}}|\d{{1,3}}(?:{group}\d{{3}})+{fraction}|\d{{1,4}}{group}(?:\d0|\d[59])\b|\d+{fraction}|{mark}\d+|\pL+(?:['’]\pL+)*|[^\s]"
        )
        openers = [*numbers.units, *self._small, *self._multipliers, *numbers.couples, *numbers.halves]
        self._openers = frozenset(openers + [phrase.split()[0] for phrase in locale.percents.halves])
        self._articles = frozenset(numbers.articles)
        self._fused = {
            f"{digit}{more}": len(digit)
            for digit in (*numbers.units, *numbers.tens)
            for more in (*numbers.hundreds, *numbers.tens, *numbers.teens)
            if digit in numbers.units or more in numbers.hundreds
        }  # fourhundred, threefifty
        self._remembered = lru_cache(maxsize=1 << 14)(self._read_chunk)

    def opens(self, word: str) -> bool:
        """Whether a number in words may begin with `word`."""
        return word in self._openers or word in self._articles

    def whole(self, word: str) -> float | None:
        """The number that one token says in words, where the writing puts it into one."""
        return None

    def tokenize(self, text: str) -> Tokens:
        """All tokens of `text`, with their places in it."""
        words: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        values: list[float | None] = []
        glued: list[bool] = []
        has_number = False
        place = 0
        for chunk in text.split():
            place = text.index(chunk, place)  # only white space lies between, so this is found at once
            read = self._remembered if len(chunk) <= LONGEST_REMEMBERED else self._read_chunk
            pieces, numeric = read(chunk)
            has_number = has_number or numeric
            touches = False
            for word, start, end, value in pieces:
                words.append(word)
                starts.append(place + start)
                ends.append(place + end)
                values.append(value)
                glued.append(touches)
                touches = True
            place += len(chunk)
        return Tokens(words, starts, ends, values, glued, has_number)

    def _read_chunk(self, chunk: str) -> tuple[tuple[_Piece, ...], bool]:
        # A lone surrogate has no UTF-8 form; "?" in its place keeps the length.
        text = chunk.encode("utf-8", "replace").decode("utf-8").translate(FULL_WIDTH)
        pieces: list[_Piece] = []
        numeric = False
        for match in self._pattern.finditer(text):
            value = self._digits(match.group())
            for word, start, end in self._cut(match.group()):
                numeric = numeric or value is not None or self._is_numeric(word)
                pieces.append((word, match.start() + start, match.start() + end, value))
        return tuple(pieces), numeric

    def _cut(self, found: str) -> Iterator[tuple[str, int, int]]:
        """The words of what stands together, with their places in it."""
        word = found.lower().replace("’", "'")
        cut = self._fused.get(word, 0)
        if cut:
            yield word[:cut], 0, cut
        yield word[cut:], cut, len(found)

    def _is_numeric(self, word: str) -> bool:
        return word in self._openers

    def _digits(self, found: str) -> float | None:
        if not any(char in "0123456789" for char in found):
            return None
        group, mark = self._numbers.group_separator, self._numbers.decimal_mark
        if found.rfind(group) > found.rfind(mark) >= 0 or found[-3:-2] == group:
            group, mark = mark, group  # 1.280,00 and 82,50 as other countries write them
        # More than 15 digits is no amount, and a double would not hold it.
        plain = found.replace(group, "").replace(mark, ".")
        return float(plain) if len(plain) <= 15 else None

    def read(self, tokens: Tokens, i: int, *, marked: bool = False) -> Number | None:
        """The number that begins at token i; `marked` when a currency mark stands before it."""
        value = tokens.values[i]
        if value is not None:
            return self._after_digits(tokens, i, value, marked)
        return self._spelled(tokens, i) if self.opens(tokens.words[i]) else None

    def _after_digits(self, tokens: Tokens, i: int, value: float, marked: bool) -> Number:
        grouped = self._grouped_by_space(tokens, i, marked)
        if grouped is not None:
            return Number(i, i + 2, value * 1000 + grouped)
        after = tokens.word(i + 1)
        if tokens.is_glued(i + 1):
            factor = self._numbers.suffixes.get(after)
            if factor is None and marked:
                factor = self._numbers.marked_suffixes.get(after)
            if factor is not None:
                return Number(i, i + 2, value * factor, factor=factor)
            return Number(i, i + 1, value)
        value, j = self._and_a_half(tokens, i + 1, value)
        multiplier = self._multipliers.get(tokens.word(j))
        if multiplier is None:
            tens = self._below_hundred(tokens, i + 1) if 0 < value < 10 and value.is_integer() else None
            if tens is not None and tens[0] >= 10 and tokens.word(i + 1) not in self._numbers.units:
                return Number(i, tens[1], value * 100 + tens[0], True)  # 3 fifty
            return Number(i, i + 1, value)
        return Number(i, j + 1, value * multiplier, factor=multiplier)

    def _grouped_by_space(self, tokens: Tokens, i: int, marked: bool) -> float | None:
        """The 280 of "¥ 1 280", or of a text that begins with it; elsewhere two numbers are two numbers."""
        second = tokens.value(i + 1)
        if (
            second is None
            or tokens.is_glued(i + 1)
            or len(tokens.words[i]) > 2
            or len(tokens.word(i + 1)) != 3
        ):
            return None
        alone = (marked or i == 0) and tokens.value(i + 2) is None and tokens.word(i + 1).isdigit()
        return second if alone and tokens.words[i].isdigit() else None

    def _spelled(self, tokens: Tokens, i: int) -> Number | None:
        if tokens.words[i] in self._numbers.halves and tokens.word(i + 1) in self._articles:
            multiplier = self._multipliers.get(tokens.word(i + 2))
            return Number(i, i + 3, multiplier / 2, True, multiplier) if multiplier else None
        group = self._group(tokens, i)
        if group is None:
            return None
        amount, j = group
        thousands = self._numbers.thousands.get(tokens.word(j))
        if thousands is None:
            return Number(i, j, amount, True, self._multipliers.get(tokens.word(j - 1), 1))
        amount *= thousands
        j += 1
        tail = self._group(tokens, self._skip_joiner(tokens, j), tail=True)
        if tail is not None and tokens.word(tail[1]) not in self._numbers.thousands:
            amount, j = amount + tail[0], tail[1]
        return Number(i, j, amount, True, thousands)

    def _group(self, tokens: Tokens, i: int, *, tail: bool = False) -> tuple[float, int] | None:
        """A number below a thousand or said in pairs ("twelve fifty"), and the token after it."""
        lead = self._below_hundred(tokens, i) or (None if tail else self._implied_one(tokens, i))
        if lead is None:
            return None
        value, j = self._and_a_half(tokens, lead[1], float(lead[0]))
        hundreds = self._numbers.hundreds.get(tokens.word(j))
        if hundreds is not None:
            return self._hundreds(tokens, j + 1, value * hundreds)
        pair = self._second_of_pair(tokens, j, lead[0])
        if pair is not None:
            return value * 100 + pair[0], pair[1]
        return value, j

    def _hundreds(self, tokens: Tokens, j: int, value: float) -> tuple[float, int]:
        k = self._skip_joiner(tokens, j)
        rest = self._below_hundred(tokens, k)
        if rest is None:
            return value, j
        # "between three hundred and four hundred": the four begins the next number
        after = tokens.word(rest[1])
        if after in self._numbers.hundreds or self._below_hundred(tokens, rest[1]) is not None:
            return value, j
        return value + rest[0], rest[1]

    def _second_of_pair(self, tokens: Tokens, j: int, lead: int) -> tuple[int, int] | None:
        """ "eighty" of "three eighty" or "three-eighty", "oh five" of "three oh five", "nine eight"."""
        tens, unit = (self._numbers.units.get(tokens.word(k)) for k in (j, j + 1))
        if lead < 10 and tens is not None and unit is not None:
            follows = tokens.word(j + 2)  # said digit by digit: three nine eight
            ends = follows not in self._numbers.units and follows not in self._multipliers
            return (10 * tens + unit, j + 2) if ends else None
        if lead >= 20 and lead % 10 == 0:
            return None
        if lead < 10 and tokens.word(j) == "-" and tokens.is_glued(j) and tokens.is_glued(j + 1):
            j += 1
        if tokens.word(j) in self._numbers.zeros:
            k = j + 2 if tokens.word(j + 1) == "-" and tokens.is_glued(j + 1) else j + 1
            if tokens.word(k) in self._numbers.units:
                return self._numbers.units[tokens.word(k)], k + 1
        second = self._below_hundred(tokens, j)
        if second is None or second[0] < 10 or tokens.word(second[1]) in self._numbers.hundreds:
            return None
        return second

    def _below_hundred(self, tokens: Tokens, i: int) -> tuple[int, int] | None:
        word = tokens.word(i)
        unit = self._numbers.units.get(word)
        if unit is not None:
            return unit, i + 1
        value = self._small.get(word)
        if value is None:
            return None
        j = i + 2 if tokens.word(i + 1) == "-" and tokens.is_glued(i + 1) else i + 1
        unit = self._numbers.units.get(tokens.word(j)) if word in self._numbers.tens else None
        return (value, i + 1) if unit is None else (value + unit, j + 1)

    def _implied_one(self, tokens: Tokens, i: int) -> tuple[int, int] | None:
        """The one of "a hundred", the two of "a couple of hundred"."""
        j = i + 1 if tokens.word(i) in self._numbers.articles else i
        couple = self._numbers.couples.get(tokens.word(j))
        if couple is not None:
            j = j + 2 if tokens.word(j + 1) in self._numbers.of else j + 1
        elif j == i:
            return None
        return (couple or 1, j) if tokens.word(j) in self._multipliers else None

    def _and_a_half(self, tokens: Tokens, j: int, value: float) -> tuple[float, int]:
        """ "and a half" counts only before a multiplier: "two and a half sofas" is no amount."""
        words = self._numbers
        if (
            tokens.word(j) in words.joiners
            and tokens.word(j + 1) in words.articles
            and tokens.word(j + 2) in words.halves
            and tokens.word(j + 3) in self._multipliers
        ):
            return value + 0.5, j + 3
        return value, j

    def _skip_joiner(self, tokens: Tokens, j: int) -> int:
        return j + 1 if tokens.word(j) in self._numbers.joiners else j
