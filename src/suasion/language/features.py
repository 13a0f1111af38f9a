"""What a trained ear sees of an utterance: its sentences as words, pairs and triples of words.

Numbers are told apart by `find_prices`: "380" that is a price, a change or a share is another word than a 380
that is a count or a day. Words after a negation are marked until the clause ends, so that "can promise" and
"can't promise" share little.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from suasion.negotiation.prices import find_dates, find_prices

PRICE, CHANGE, SHARE, DAY, NUMBER, NAME, UNKNOWN = "$", "$-", "%", "#day", "#", "Aa", "<?>"
SPANS = {"absolute": PRICE, "range": PRICE, "delta": CHANGE, "percent": SHARE}
STEM = 5  # a word's first letters stand for its forms: confirm, confirming, confirmed
CLAUSE_ENDS = frozenset(",;:.?!()")

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|[?!.,;:%$€£¥()]")
_SENTENCE = re.compile(r"[.!?…。！？]+[\"')\]]*(?:\s+|$)|\n+|;\s+|\s[-–—]\s")


@dataclass(frozen=True, slots=True)
class Reading:
    """How words are read: which of them negate, and whether names are told by their capital letter."""

    negations: frozenset[str]
    names: bool = True


def sentences_of(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the sentences, those without a letter or digit left out."""
    begin = 0
    for match in (*_SENTENCE.finditer(text), None):
        end = match.end() if match else len(text)
        if any(c.isalnum() for c in text[begin:end]):
            yield begin, end
        begin = end


def features_of(text: str, reading: Reading) -> list[list[str]]:
    """For each sentence of the text its features, each once, in a fixed order."""
    text = text.replace("\u2019", "'")
    numbers = _numbers(text) if any(c.isdigit() for c in text) or _spelled(text) else {}
    return [_features(text, begin, end, numbers, reading) for begin, end in sentences_of(text)]


def _spelled(text: str) -> bool:
    """Whether a number may be written in words; `find_prices` knows, and costs more than this."""
    return bool(_NUMBER_WORDS.search(text))


_NUMBER_WORDS = re.compile(
    r"\b(?:ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)\b",
    re.IGNORECASE,
)


def _numbers(text: str) -> dict[int, tuple[int, str]]:
    """Where a price, a change, a share or a day begins: where it ends, and what it is."""
    found = {day.span[0]: (day.span[1], DAY) for day in find_dates(text)}
    for mention in find_prices(text):
        found[mention.span[0]] = (mention.span[1], SPANS[mention.relation])
    return found


def _words(
    text: str, begin: int, end: int, numbers: dict[int, tuple[int, str]], reading: Reading
) -> Iterator[tuple[str, str]]:
    """The sentence's words: as they are read, and in lower case as they were written."""
    covered, first = -1, True
    for match in _TOKEN.finditer(text, begin, end):
        if match.start() < covered:
            continue
        word = match.group()
        if match.start() in numbers:
            covered, kind = numbers[match.start()]
            yield kind, kind
        elif word[0].isdigit():
            yield NUMBER, NUMBER
        elif (
            reading.names and word[0].isupper() and not first and len(word) > 1 and not word.startswith("I'")
        ):
            yield NAME, word.lower()
        else:
            yield word.lower(), word.lower()
        first = False


def _features(
    text: str, begin: int, end: int, numbers: dict[int, tuple[int, str]], reading: Reading
) -> list[str]:
    words = list(_words(text, begin, end, numbers, reading))
    line = ["^", *(read for read, _ in words), "$$"]
    found: dict[str, None] = {}  # a dictionary keeps the order
    negated = False
    for read, plain in words:
        if read in CLAUSE_ENDS:
            negated = False
        found[read] = None
        if plain != read:
            found[plain] = None
        if len(plain) > STEM and plain.isalpha():
            found[f"{plain[:STEM]}*"] = None
        if negated:
            found[f"not:{read}"] = None
        negated = negated or read in reading.negations or read.endswith("n't")
    for a, b in pairwise(line):
        found[f"{a} {b}"] = None
    for a, b, c in zip(line, line[1:], line[2:], strict=False):
        found[f"{a} {b} {c}"] = None
        found[f"{a} _ {c}"] = None
    return list(found)
