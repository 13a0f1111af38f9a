"""Numbers where each place is named and no spaces are written: 三百八 is 380, 4百8 480, 一千零五 1005.

Text is cut into numbers and the longest words of the locale; a character that begins neither is a token.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from suasion.negotiation.locale import Locale
from suasion.negotiation.numbers import Number, NumberReader, Tokens

LONGEST_NUMERAL = 16  # 九千九百九十九万九千九百九十九 and one more


class PositionalReader(NumberReader):
    """Reads tokens and numbers of such a locale."""

    def __init__(self, locale: Locale) -> None:
        super().__init__(locale)
        numbers = locale.numbers
        self._places = {**numbers.tens, **numbers.hundreds, **numbers.thousands}
        self._highest = max(self._places.values())  # 万: what stands before it is a number of its own
        self._begins = frozenset((*numbers.units, *self._places, *numbers.zeros))
        self._about = frozenset(numbers.about)
        by_first: dict[str, list[str]] = defaultdict(list)
        for word in {word for word in _strings(locale.model_dump()) if word and not word.isascii()}:
            by_first[word[0]].append(word)
        self._words = {first: sorted(words, key=len, reverse=True) for first, words in by_first.items()}
        self._numeral = lru_cache(maxsize=1 << 12)(self._read_numeral)

    def opens(self, word: str) -> bool:
        return word[0] in self._begins and self._whole(word) is not None

    def _is_numeric(self, word: str) -> bool:
        return super()._is_numeric(word) or self.opens(word)

    def _cut(self, found: str) -> Iterator[tuple[str, int, int]]:
        if found.isascii():
            yield from super()._cut(found)
            return
        place = 0
        while place < len(found):
            end = self._end_of_word(found, place)
            yield found[place:end].lower(), place, end
            place = end

    def _end_of_word(self, found: str, place: int) -> int:
        word = next((word for word in self._words.get(found[place], ()) if found.startswith(word, place)), "")
        numeral = self._numeral(found[place : place + LONGEST_NUMERAL])
        length = max(len(word), numeral[1] if numeral else 0, 1)
        if length == 1 and found[place].isascii():
            while place + length < len(found) and found[place + length].isascii():
                length += 1
        return place + length

    def _whole(self, word: str) -> float | None:
        numeral = self._numeral(word)
        return numeral[0] if numeral and numeral[1] == len(word) else None

    def _read_numeral(self, text: str) -> tuple[float, int] | None:
        """The number that `text` begins with, and its length in characters."""
        units, zeros = self._numbers.units, self._numbers.zeros
        if text[:1] not in self._begins:
            return None
        digits = 0
        while digits < len(text) and (text[digits] in units or text[digits] in zeros):
            digits += 1
        if (
            digits > 1 and text[digits : digits + 1] not in self._places
        ):  # said digit by digit: 三八零, 八五折
            return float("".join(str(units.get(char, 0)) for char in text[:digits])), digits
        total, section, place, used, lowest = 0.0, 0.0, 0, 0, self._highest * 10
        while place < len(text):
            skipped = place
            while skipped < len(text) and text[skipped] in zeros:
                skipped += 1
            digit = units.get(text[skipped : skipped + 1])
            at = skipped + (digit is not None)
            size = self._places.get(text[at : at + 1])
            if size == self._highest and (section or digit):
                total, section = (total + section + (digit or 0)) * size, 0.0
                lowest, place = size, at + 1
            elif size is not None and size < lowest and (digit is not None or size == 10):
                section, lowest, place = section + (digit or 1) * size, size, at + 1
            else:
                if digit is not None and lowest > 1:
                    # a last digit takes the next lower place, unless a zero says no: 三百八, 三百零八
                    full = skipped == place and used and lowest > 10
                    section += digit * (lowest / 10 if full else 1)
                    place = at
                used = place
                break
            used = place
        return (total + section, used) if used else None

    def _after_digits(self, tokens: Tokens, i: int, value: float, marked: bool) -> Number:
        size = self._places.get(tokens.word(i + 1)) if tokens.is_glued(i + 1) else None
        if size is None:
            number = super()._after_digits(tokens, i, value, marked)
            return self._approximate(tokens, number)
        last = tokens.value(i + 2) if tokens.is_glued(i + 2) else self._whole(tokens.word(i + 2) or " ")
        if last is not None and last < 10 and size > 10:
            return Number(i, i + 3, value * size + last * size / 10, multiplied=True)
        return self._approximate(tokens, Number(i, i + 2, value * size, multiplied=True))

    def _spelled(self, tokens: Tokens, i: int) -> Number | None:
        amount = self._whole(tokens.words[i])
        if amount is None:
            return None
        return self._approximate(tokens, Number(i, i + 1, amount, spelled=True))

    def _approximate(self, tokens: Tokens, number: Number) -> Number:
        """三百来块: the word between the number and its currency is part of the number."""
        if (
            tokens.word(number.last) not in self._about
            or tokens.word(number.last + 1) not in self._currencies
        ):
            return number
        return Number(number.first, number.last + 1, number.amount, number.spelled, number.multiplied)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield key
            yield from _strings(value)
    elif isinstance(data, tuple | list):
        for value in data:
            yield from _strings(value)
