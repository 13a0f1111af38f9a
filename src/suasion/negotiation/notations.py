"""How things that are no amounts are written: 9:30, 4.6/5, 32gb, PS4, #3, F-150, 28+, 00921, 555 0134."""

from collections.abc import Sequence

from suasion.negotiation.locale import Locale
from suasion.negotiation.numbers import Tokens, is_of_word
from suasion.negotiation.quantities import Quantity


class Notations:
    """Tells from the signs and letters that touch it whether a number is an amount."""

    def __init__(self, locale: Locale) -> None:
        self._inch_marks = frozenset(locale.after.inch_marks)
        self._suffixes = frozenset(locale.after.price)

    def is_no_amount(self, tokens: Tokens, group: Sequence[Quantity]) -> bool:
        """Whether the numbers are written as no amount is."""
        return self._is_part_of_more(tokens, group[0].first, group[-1].last) or _is_phone(tokens, group)

    def _is_part_of_more(self, tokens: Tokens, first: int, last: int) -> bool:
        word = tokens.words[first]
        if len(word) > 1 and word[0] == "0" and word.isdigit():
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
        return tokens.is_glued(last) and self._goes_on(tokens, last)

    def _goes_on(self, tokens: Tokens, last: int) -> bool:
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


def _is_phone(tokens: Tokens, group: Sequence[Quantity]) -> bool:
    """Digits beside digits with nothing between, or a group of three tied to one of four."""
    first, last = group[0].first, group[-1].last
    if group[0].spelled:
        return False
    if tokens.value(first - 1) is not None or tokens.value(last) is not None:
        return True
    shapes = [len(tokens.word(quantity.first)) for quantity in group]
    return shapes == [3, 4] and tokens.is_glued(last - 1) and not group[-1].multiplied
