"""Dates in text: "1 December", "Dec 1-2", "2026-12-01", "12/1"; and the same written out."""

import datetime
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from suasion.negotiation.locale import Locale, load_locale
from suasion.negotiation.numbers import NumberReader, Tokens, is_of_word
from suasion.negotiation.readers import locale_of, number_reader


@dataclass(frozen=True, slots=True)
class DateMention:
    """One day that a text names; `span` covers its own words, so the ends of a range have one each."""

    month: int
    day: int
    year: int | None
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Found:
    first: int  # token
    last: int  # token, excluded
    month: int
    day: int
    year: int | None


def find_dates(text: str, locale: str | None = None) -> list[DateMention]:
    """Every day that `text` names with its month, in order; a range gives its two ends.

    Without a `locale` the text says whether it is Chinese or English. Raises LocaleError when there is no
    such locale; never for any text.
    """
    tokens, days = read_days(text, locale or locale_of(text))
    return [_mention(tokens, found) for found in days]


@lru_cache(maxsize=512)
def read_days(text: str, locale: str) -> tuple[Tokens, tuple[_Found, ...]]:
    """The tokens of a text and the days among them: read once for its prices and its dates."""
    tokens = number_reader(locale).tokenize(text)
    return tokens, tuple(date_reader(locale).read(tokens))


def render_dates(
    first: datetime.date, last: datetime.date | None = None, *, year: bool = True, locale: str = "en"
) -> str:
    """A day, or the days first to last, as people write them: "1-2 December 2026".

    Raises LocaleError when there is no such locale.
    """
    dates = load_locale(locale).dates
    render, names = dates.render, dates.month_names

    def one(day: datetime.date) -> str:
        form = render.day_year if year else render.day
        return form.format(day=day.day, month=names[day.month - 1], year=day.year)

    if last is None or last == first:
        return one(first)
    if (first.year, first.month) != (last.year, last.month):
        return render.span.format_map({"from": one(first), "to": one(last)})
    form = render.same_month_year if year else render.same_month
    return form.format(first=first.day, last=last.day, month=names[first.month - 1], year=first.year)


class DateReader:
    """Finds days in tokens, in the words of one locale."""

    def __init__(self, locale: Locale, numbers: NumberReader) -> None:
        self._dates = locale.dates
        self._numbers = numbers
        self._signs = frozenset(locale.dates.signs)
        self._not_after = frozenset(locale.dates.not_after)

    def is_month(self, word: str) -> bool:
        """Whether `word` names a month."""
        return word in self._dates.months

    def read(self, tokens: Tokens) -> list[_Found]:
        """All days, in order, none overlapping another."""
        if not tokens.has_number:
            return []
        found: list[_Found] = []
        i = 0
        months, values = self._dates.months, tokens.values
        while i < len(tokens.words):
            if values[i] is None and tokens.words[i] not in months:
                i += 1
                continue
            days = self._at(tokens, i)
            found.extend(days)
            i = days[-1].last if days else i + 1
        return found

    def _at(self, tokens: Tokens, i: int) -> list[_Found]:
        value = tokens.values[i]
        if value is not None:
            readings = (self._iso, self._slashed, self._signed, self._day_first)
            return next((found for read in readings if (found := read(tokens, i))), [])
        return self._month_first(tokens, i) if self.is_month(tokens.words[i]) else []

    def _iso(self, tokens: Tokens, i: int) -> list[_Found]:
        """2026-12-01, 2026/12/1."""
        sign = tokens.word(i + 1)
        if sign not in ("-", "/") or tokens.word(i + 3) != sign or len(tokens.words[i]) != 4:
            return []
        if not all(tokens.is_glued(k) for k in range(i + 1, i + 5)):
            return []
        return self._checked(tokens, i, i + 5, (i + 2, i + 4, i))

    def _slashed(self, tokens: Tokens, i: int) -> list[_Found]:
        """12/1, 12/1/2026; the order of day and month is the locale's."""
        if tokens.word(i + 1) != "/" or not tokens.is_glued(i + 1) or not tokens.is_glued(i + 2):
            return []
        if tokens.is_glued(i) and tokens.word(i - 1) != "(":
            return []
        order = (i, i + 2) if self._dates.order == "mdy" else (i + 2, i)
        if tokens.word(i + 3) == "/" and tokens.is_glued(i + 3) and tokens.is_glued(i + 4):
            both_orders = self._checked(tokens, i, i + 5, (*order, i + 4))
            return both_orders or self._checked(tokens, i, i + 5, (order[1], order[0], i + 4))
        if tokens.word(i + 3) in self._not_after or self._touches(tokens, i + 3):
            return []
        return self._checked(tokens, i, i + 3, (*order, None))

    def _month_first(self, tokens: Tokens, i: int) -> list[_Found]:
        """December 1; Dec 1st, 2026; Dec 1-2; Dec 24, 25 and 26."""
        month = self._dates.months[tokens.words[i]]
        j = i + 1
        if tokens.word(j) == "." and tokens.is_glued(j):
            j += 1
        j = j + 1 if tokens.word(j) in self._dates.the else j
        return self._with_year(tokens, self._days(tokens, i, j, month))

    def _signed(self, tokens: Tokens, i: int) -> list[_Found]:
        """12月1日, 2026年12月1日至3日."""
        year, j = None, i
        if tokens.word(i + 1) in self._dates.year_signs:
            year, j = tokens.value(i), i + 2
        month = tokens.value(j)
        if month is None or month not in range(1, 13) or tokens.word(j + 1) not in self._dates.month_signs:
            return []
        found = self._days(tokens, i, j + 2, int(month))
        if year is None:
            return found
        return [replace(day, year=int(year)) for day in found if _is_day(int(year), day.month, day.day)]

    def _days(self, tokens: Tokens, first: int, j: int, month: int) -> list[_Found]:
        """The day of the month at token j and those that follow it: Dec 1-2; Dec 24, 25 and 26."""
        day = self._day(tokens, j, month)
        if day is None:
            return []
        found = [_Found(first, day[1], month, day[0], None)]
        while (more := self._next_day(tokens, found[-1].last, month)) is not None:
            found.append(more)
        return found

    def _day_first(self, tokens: Tokens, i: int) -> list[_Found]:
        """1 December; 1st of December 2026; 1-2 December; 24, 25 and 26 December."""
        days: list[tuple[int, int, int]] = []
        start: int | None = i
        while start is not None and len(days) < 8:
            day = self._day(tokens, start, None)
            if day is None:
                return []
            days.append((start, day[1], day[0]))
            start = self._after_sign(tokens, day[1])
        j = days[-1][1]
        j = j + 1 if tokens.word(j) in self._dates.of else j
        month = self._dates.months.get(tokens.word(j))
        # "20 may be too low": a month's name that is also a verb isn't one before another day's number
        if month is None or any(day > _longest(month) for _, _, day in days):
            return []
        if self._day(tokens, j + 1, month) is not None and len(days) == 1 and j == i + 1:
            return []
        found = [_Found(first, last, month, day, None) for first, last, day in days]
        found[-1] = _Found(days[-1][0], j + 1, month, days[-1][2], None)
        return self._with_year(tokens, found)

    def _next_day(self, tokens: Tokens, j: int, month: int) -> _Found | None:
        start = self._after_sign(tokens, j)
        day = self._day(tokens, start, month) if start is not None else None
        if start is None or day is None:
            return None
        if self.is_month(tokens.word(day[1])) or tokens.word(day[1]) in self._dates.month_signs:
            return None
        return _Found(start, day[1], month, day[0], None)

    def _after_sign(self, tokens: Tokens, j: int) -> int | None:
        """The token behind what joins two days, when digits stand there."""
        k = j
        while k < j + 2 and tokens.word(k) in self._signs:
            k += 1
        k = k + 1 if tokens.word(k) in self._dates.the else k
        known = tokens.value(k) is not None or self._numbers.whole(tokens.word(k)) is not None
        return k if k > j and known else None

    def _day(self, tokens: Tokens, j: int, month: int | None) -> tuple[int, int] | None:
        """A day of the month at token j, and the token behind it."""
        value = tokens.value(j)
        if value is None:
            value = self._numbers.whole(tokens.word(j))
        elif len(tokens.words[j]) > 2:
            return None
        if value is None or not value.is_integer() or not 1 <= value <= (_longest(month) if month else 31):
            return None
        if tokens.is_glued(j + 1) and tokens.word(j + 1) in self._dates.ordinals:
            return int(value), j + 2
        if self._dates.month_signs and tokens.word(j + 1) not in self._signs:
            return None  # 12月20间: a day has its sign, or shares that of the day it is tied to
        return None if self._touches(tokens, j + 1) else (int(value), j + 1)

    def _with_year(self, tokens: Tokens, found: list[_Found]) -> list[_Found]:
        """The same days, with the year that may stand behind the last of them."""
        if not found:
            return []
        last = found[-1].last
        k = last + 1 if tokens.word(last) == "," else last
        value = tokens.value(k)
        if value is None or len(tokens.word(k)) != 4 or not 1900 <= value < 2200:
            return found
        year = int(value)
        if not all(_is_day(year, day.month, day.day) for day in found):
            return found
        dated = [_Found(day.first, day.last, day.month, day.day, year) for day in found]
        end = dated[-1]
        dated[-1] = _Found(end.first, k + 1, end.month, end.day, year)
        return dated

    def _checked(self, tokens: Tokens, i: int, last: int, order: tuple[int, int, int | None]) -> list[_Found]:
        """The date of three tokens (month, day, year), if there is such a day and the digits end there."""
        month, day = tokens.value(order[0]), tokens.value(order[1])
        year = tokens.value(order[2]) if order[2] is not None else None
        if (
            month is None
            or day is None
            or (order[2] is not None and year is None)
            or self._touches(tokens, last)
        ):
            return []
        if not (month.is_integer() and day.is_integer() and 1 <= month <= 12):
            return []
        full = None if year is None else int(year) + (2000 if year < 100 else 0)
        if full is not None and not 1900 <= full < 2200:
            return []
        longest = _longest(int(month)) if full is None else monthrange(full, int(month))[1]
        return [_Found(i, last, int(month), int(day), full)] if 1 <= day <= longest else []

    def _touches(self, tokens: Tokens, j: int) -> bool:
        """Whether letters, digits or a number's sign follow without a space: 12/1st, 3.5, 5:30, 1%."""
        if not tokens.is_glued(j):
            return False
        word = tokens.word(j)
        return is_of_word(word) or word in ("%", "/", ":") or (word == "." and tokens.is_glued(j + 1))


def _mention(tokens: Tokens, found: _Found) -> DateMention:
    return DateMention(
        found.month, found.day, found.year, (tokens.starts[found.first], tokens.ends[found.last - 1])
    )


def covered_tokens(days: Iterable[_Found]) -> Iterator[int]:
    """The tokens that belong to days."""
    for day in days:
        yield from range(day.first, day.last)


def _is_day(year: int, month: int, day: int) -> bool:
    return 1900 <= year < 2200 and day <= monthrange(year, month)[1]


def _longest(month: int) -> int:
    return monthrange(2024, month)[1]  # a leap year: without its year, 29 February is a day


@lru_cache
def date_reader(locale: str) -> DateReader:
    """The one reader of a locale. Raises LocaleError when there is no such locale."""
    return DateReader(load_locale(locale), number_reader(locale))
