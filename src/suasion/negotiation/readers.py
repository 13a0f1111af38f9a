"""Which language a text is in, and the reader of numbers for it."""

from functools import lru_cache

import re2

from suasion.negotiation.locale import load_locale
from suasion.negotiation.numbers import NumberReader
from suasion.negotiation.positional import PositionalReader

_HAN = re2.compile(r"\p{Han}")
_LATIN_WORD = re2.compile(r"\p{Latin}+")


def locale_of(text: str) -> str:
    """ "zh" where more is said in Chinese than in Latin words, counting two characters a word, else "en"."""
    if text.isascii():
        return "en"
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "zh" if len(_HAN.findall(text)) / 2 > len(_LATIN_WORD.findall(text)) else "en"


@lru_cache
def number_reader(locale: str) -> NumberReader:
    """The one reader of a locale. Raises LocaleError when there is no such locale."""
    words = load_locale(locale)
    return PositionalReader(words) if words.numbers.writing == "positional" else NumberReader(words)
