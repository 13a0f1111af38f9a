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
        numbers, percents = locale.numbers, locale.percents
        self._places = {**numbers.tens, **numbers.hundreds, **numbers.thousands}
        self._highest = max(self._places.values())  # 万: what stands before it is a number of its own
        self._begins = frozenset((*numbers.units, *self._places, *numbers.zeros))
        self._shares = frozenset((*percents.remainders, *percents.tenths))
        self._currencies = frozenset((*locale.currency.words, *locale.currency.marks))
        self._periods = locale.after.periods
        by_first: dict[str, list[str]] = defaultdict(list)
        for word in {
            word for word in _strings(locale.model_dump(exclude={"dates": {"render"}, "roles": True})) if word
        }:
            if not word.isascii():
                by_first[word[0]].append(word)
        self._words = {first: sorted(words, key=len, reverse=True) for first, words in by_first.items()}
        self._numeral = lru_cache(maxsize=1 << 12)(self._read_numeral)

    def opens(self, word: str) -> bool:
        return word[0] in self._begins and self.whole(word) is not None

    def whole(self, word: str) -> float | None:
        numeral = self._numeral(word) if word else None
        return numeral[0] if numeral and numeral[1] == len(word) else None

    def _is_numeric(self, word: str) -> bool:
        return super()._is_numeric(word) or self.opens(word)

    def _cut(self, found: str) -> Iterator[tuple[str, int, int]]:
        if found.isascii():
            yield from super()._cut(found)
            return
        place = 0
        while place < len(found):
            end = place + self._length_of_word(found, place)
            yield found[place:end].lower(), place, end
            place = end

    def _length_of_word(self, found: str, place: int) -> int:
        word = next((word for word in self._words.get(found[place], ()) if found.startswith(word, place)), "")
        numeral = 0
        if found[place] in self._begins:
            run = found[place : place + LONGEST_NUMERAL]
            read = self._numeral(run)
            numeral = self._length_of_some(run) or (read[1] if read else 0)
        length = max(len(word), numeral, 1)
        if length == 1 and found[place].isascii():
            while place + length < len(found) and found[place + length].isascii():
                length += 1
        return length

    def _length_of_some(self, text: str) -> int:
        """两三, 七八百, 二三十: two digits that name no amount, with the places behind them."""
        first, second = (self._numbers.units.get(char) for char in text[:2].ljust(2))
        if first is None or second is None or not 0 < second - first <= 2:
            return 0
        end = 2
        while text[end : end + 1] in self._places:
            end += 1
        after = text[end : end + 1]
        return (
            0
            if after in self._numbers.units or after in self._numbers.zeros or after in self._shares
            else end
        )

    def _read_numeral(self, text: str) -> tuple[float, int] | None:
        """The number that `text` begins with, and its length in characters."""
        units, zeros = self._numbers.units, self._numbers.zeros
        if text[:1] not in self._begins or self._length_of_some(text):
            return None
        digits = 0
        while digits < len(text) and (text[digits] in units or text[digits] in zeros):
            digits += 1
        if text[digits : digits + 1] not in self._places:
            fraction = self._fraction(text, digits)
            if fraction is not None:
                return fraction
            if digits > 1:  # said digit by digit: 三八零, 八五折
                return float("".join(str(units.get(char, 0)) for char in text[:digits])), digits
        return self._read_places(text)

    def _fraction(self, text: str, digits: int) -> tuple[float, int] | None:
        """八点五 of 八点五折, 一点二万: elsewhere 点 is the hour's."""
        mark, tenth = text[digits : digits + 1], self._numbers.units.get(text[digits + 1 : digits + 2])
        after = text[digits + 2 : digits + 3]
        if digits != 1 or mark not in self._numbers.decimal_words or tenth is None:
            return None
        value = self._numbers.units.get(text[0], 0) + tenth / 10
        if after and self._places.get(after) == self._highest:
            return value * self._highest, digits + 3
        return (value, digits + 2) if not after or after in self._shares else None

    def _read_places(self, text: str) -> tuple[float, int] | None:
        total, section, place, lowest = 0.0, 0.0, 0, self._highest * 10
        while place < len(text):
            skipped = place
            while text[skipped : skipped + 1] in self._numbers.zeros and skipped < len(text):
                skipped += 1
            digit = self._numbers.units.get(text[skipped : skipped + 1])
            at = skipped + (digit is not None)
            size = self._places.get(text[at : at + 1])
            if size == self._highest and (section or digit):
                total, section = (total + section + (digit or 0)) * size, 0.0
                lowest, place = size, at + 1
            elif size is not None and size < lowest and (digit is not None or size == 10):
                section, lowest, place = section + (digit or 1) * size, size, at + 1
            else:
                if digit is not None and self._is_last(text, skipped, place == 0):
                    # a last digit takes the next lower place, unless a zero says no: 三百八, 三百零八
                    lower = lowest / 10 if place and skipped == place and lowest > 10 else 1
                    section, place = section + digit * lower, at
                break
        return (total + section, place) if place else None

    def _is_last(self, text: str, at: int, alone: bool) -> bool:
        """Whether the digit at `at` belongs to the number before it: not in 三百一晚, 五百两间, 三百四百."""
        if alone:
            return True
        rest = text[at + 1 :]
        if rest[:1] in self._places and rest:
            return False
        counts = rest.startswith(self._periods) or text[at] in ("两", "俩")
        return not (counts and self._numbers.units[text[at]] <= 2)

    def _after_digits(self, tokens: Tokens, i: int, value: float, marked: bool) -> Number:
        if not (tokens.is_glued(i + 1) and tokens.word(i + 1) in self._places):
            return self._approximate(
                tokens, self._with_tenths(tokens, super()._after_digits(tokens, i, value, marked))
            )
        total, lowest, j = 0.0, self._highest * 10, i
        while True:
            size = self._places.get(tokens.word(j + 1)) if tokens.is_glued(j + 1) else None
            digits = tokens.value(j)
            if digits is None or size is None or size >= lowest or (j > i and not tokens.is_glued(j)):
                break
            total, lowest, j = total + digits * size, size, j + 2
        more = self._glued_rest(tokens, j, lowest)
        if more is not None:
            return Number(i, j + 1, total + more, factor=lowest)
        return self._approximate(tokens, Number(i, j, total, factor=lowest))

    def _with_tenths(self, tokens: Tokens, number: Number) -> Number:
        """1k2 is 1200."""
        digit = tokens.value(number.last) if tokens.is_glued(number.last) else None
        if number.factor == 1 or digit is None or len(tokens.word(number.last)) > 1:
            return number
        return Number(
            number.first, number.last + 1, number.amount + digit * number.factor / 10, factor=number.factor
        )

    def _glued_rest(self, tokens: Tokens, j: int, lowest: float) -> float | None:
        """What is written onto 4百: the 80 of 4百80, the 80 that 4百8 and 4百八 mean, the 5 of 4百05."""
        word = tokens.word(j)
        if not tokens.is_glued(j) or tokens.word(j + 1) in self._shares:
            return None
        value = tokens.value(j)
        if value is None:
            value = self.whole(word)
        if value is None or value >= lowest:
            return None
        return value * lowest / 10 if len(word) == 1 and 0 < value < 10 and lowest > 10 else value

    def _spelled(self, tokens: Tokens, i: int) -> Number | None:
        amount = self.whole(tokens.words[i])
        if amount is None:
            return None
        factor = self._places.get(tokens.words[i][-1], 1)
        digit = tokens.value(i + 1)
        if digit is not None and factor > 10 and tokens.is_glued(i + 1) and len(tokens.word(i + 1)) == 1:
            return Number(i, i + 2, amount + digit * factor / 10, True)  # 两万8
        return self._approximate(tokens, Number(i, i + 1, amount, True, factor))

    def _approximate(self, tokens: Tokens, number: Number) -> Number:
        """三百来块: the word between the number and its currency is part of the number."""
        about = tokens.word(number.last) in self._numbers.about
        if not about or tokens.word(number.last + 1) not in self._currencies:
            return number
        return Number(number.first, number.last + 1, number.amount, number.spelled, number.factor)


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
