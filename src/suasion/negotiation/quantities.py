"""Numbers with what is written onto them: a currency, a percent sign, "half off"."""

from dataclasses import dataclass, replace

from suasion.negotiation.locale import Locale, Words
from suasion.negotiation.numbers import Number, NumberReader, Tokens


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its currency or percent sign, in tokens first..last (last excluded)."""

    first: int
    last: int
    amount: float
    spelled: bool = False
    factor: float = 1.0  # of a multiplier: 1000 for 6k
    currency: str | None = None  # as written
    percent: bool = False
    reduced: bool = False  # half off, half price, 九折
    has_cents: bool = False  # two decimals: 12.50

    @property
    def multiplied(self) -> bool:
        """Whether a multiplier is said with it."""
        return self.factor != 1

    @property
    def marked(self) -> bool:
        """Whether a currency is written with it."""
        return self.currency is not None

    @property
    def is_hour(self) -> bool:
        """Whether an hour with a point may be meant: 5.30."""
        return self.has_cents and self.amount < 24 and round(self.amount % 1 * 100) < 60

    def times(self, factor: float) -> "Quantity":
        """The same tokens, standing for a multiple: the 5 of "5-6k"."""
        return replace(self, amount=self.amount * factor, factor=factor)


class QuantityReader:
    """Reads quantities in the words of one locale."""

    def __init__(self, locale: Locale, numbers: NumberReader) -> None:
        self._numbers = numbers
        self._marks = locale.currency.marks
        self._words = locale.currency.words
        self._prefixes = locale.currency.prefixes
        self._minor = locale.currency.minor
        self._own = locale.currency.own
        self._percents = locale.percents
        self._decimals = frozenset(locale.numbers.decimal_words)
        self._decimal_mark = locale.numbers.decimal_mark
        self._halves = sorted(locale.percents.halves.items(), key=lambda half: -len(half[0]))
        own = (*self._marks, *self._words, *self._prefixes, *locale.percents.halves)
        self._openers = frozenset(phrase.split()[0] for phrase in own).union(locale.percents.prefixes)
        self._half_openers = frozenset(phrase.split()[0] for phrase in locale.percents.halves)

    def read(self, tokens: Tokens, i: int, currency: str) -> Quantity | None:
        """The quantity that begins at token i, its mark included.

        `currency` decides a shared mark, and its code is a mark whether the locale has it or not.
        """
        word = tokens.words[i]
        if not (tokens.values[i] is not None or self._opens(word) or word == currency.lower()):
            return None
        half = self._half(tokens, i) if word in self._half_openers else None
        if half is not None:
            return half
        codes, start = self._currency_before(tokens, i, currency)
        prefixed = word in self._percents.prefixes
        start += prefixed
        if start >= len(tokens.words):
            return None
        number = self._numbers.read(tokens, start, marked=codes is not None)
        if number is None:
            return None
        if prefixed:
            return self._with_fraction(tokens, Quantity(i, number.last, number.amount, percent=True))
        return self._discount(tokens, number) or self._completed(tokens, i, number, codes, currency)

    def openings(self, tokens: Tokens, currency: str) -> list[int]:
        """The tokens at which a quantity may begin, in order: most begin none."""
        code, values = currency.lower(), tokens.values
        return [
            i
            for i, word in enumerate(tokens.words)
            if values[i] is not None or self._opens(word) or word == code
        ]

    def _opens(self, word: str) -> bool:
        return word in self._openers or self._numbers.opens(word)

    def _discount(self, tokens: Tokens, number: Number) -> Quantity | None:
        """九折 and 八五折 leave 90 and 85 percent to pay; 一成 is ten percent, 五成五 fifty-five."""
        first, last, amount = number.first, number.last, number.amount
        word = tokens.word(last)
        if word in self._percents.remainders and 0 < amount < 100 and amount != 10:
            left = amount if amount > 10 else amount * 10
            return Quantity(first, last + 1, 100 - left, number.spelled, percent=True, reduced=True)
        if word in self._percents.tenths and number.spelled and 0 < amount <= 10:
            more = self._numbers.read(tokens, last + 1) if last + 1 < len(tokens.words) else None
            if more is not None and more.spelled and more.amount < 10:
                return Quantity(first, more.last, amount * 10 + more.amount, spelled=True, percent=True)
            return Quantity(first, last + 1, amount * 10, spelled=True, percent=True)
        return None

    def _with_fraction(self, tokens: Tokens, percent: Quantity) -> Quantity:
        """百分之十二点五 is 12.5 percent."""
        j = percent.last
        if tokens.word(j) not in self._decimals or j + 1 >= len(tokens.words):
            return percent
        more = self._numbers.read(tokens, j + 1)
        if more is None or not more.spelled or more.amount >= 10:
            return percent
        return replace(percent, last=more.last, amount=percent.amount + more.amount / 10)

    def _completed(
        self, tokens: Tokens, i: int, number: Number, codes: Words | None, currency: str
    ) -> Quantity:
        last, amount = number.last, number.amount
        percent = False
        if codes is None:
            codes, last = self._currency_after(tokens, last, currency)
        minor = self._minor.get(tokens.word(last))
        if minor is not None and (codes is None or amount < 1):
            # "0.30 cents" is thirty of them: nobody bargains over less than one
            codes, last, amount = codes or minor, last + 1, amount / 100 if amount >= 1 else amount
        if codes is None:
            length = self._percent_length(tokens, last)
            percent, last = length > 0, last + length
        written = None if codes is None else _resolved(codes, currency)
        cents = tokens.words[number.first][-3:-2] == self._decimal_mark and number.factor == 1
        return Quantity(
            i,
            last,
            amount,
            number.spelled,
            number.factor,
            written,
            percent,
            has_cents=cents,
        )

    def _currency_before(self, tokens: Tokens, i: int, currency: str) -> tuple[Words | None, int]:
        """The currency written at token i and the token behind it: "$", "US$", "RMB"."""
        code = self._prefixes.get(tokens.words[i])
        if code and tokens.is_glued(i + 1) and tokens.word(i + 1) in self._marks:
            return (code,), i + 2
        codes = self._codes(tokens.words[i], currency)
        return (codes, i + 1) if codes is not None else (None, i)

    def _currency_after(self, tokens: Tokens, j: int, currency: str) -> tuple[Words | None, int]:
        """The currency written behind a number; a mark that the next number wears is not this one's."""
        codes = self._codes(tokens.word(j), currency)
        if codes is None or (
            tokens.value(j + 1) is not None and tokens.word(j) in self._marks and tokens.is_glued(j + 1)
        ):
            return None, j
        return codes, j + 1

    def _codes(self, word: str, currency: str) -> Words | None:
        """What the word or mark may stand for."""
        known = self._marks.get(word) or self._words.get(word)
        if known is None and self._own.get(word) == currency:
            return (currency,)
        return known or ((currency,) if word and word == currency.lower() else None)

    def _percent_length(self, tokens: Tokens, j: int) -> int:
        if tokens.word(j) in self._percents.words:
            return 1
        return 2 if f"{tokens.word(j)} {tokens.word(j + 1)}" in self._percents.words else 0

    def _half(self, tokens: Tokens, i: int) -> Quantity | None:
        for phrase, amount in self._halves:
            length = phrase.count(" ") + 1
            if " ".join(tokens.words[i : i + length]) == phrase:
                return Quantity(i, i + length, amount, spelled=True, percent=True, reduced=True)
        return None


def _resolved(codes: Words, currency: str) -> str:
    return currency if currency in codes else codes[0]
