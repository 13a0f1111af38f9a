"""Near duplicates in a stream of texts: a sketch of each text is kept, the text is not."""

import re
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import TypeAlias

GRAM = 4  # words; of a shorter text all of them
BINS, BAND = 32, 4  # of a sketch, and how many neighbouring ones have to be equal to be looked at
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")  # Chinese: by character

Sketch: TypeAlias = "array[int]"


def digest(text: str) -> int:
    """64 bits of a text, the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")


def sketch(text: str) -> Sketch:
    """The least hash of the text's word 4-grams in each of BINS bins; 0 where a bin is empty.

    One-permutation hashing (Li, Owen and Zhang 2012): two sketches agree in about as many bins as the texts
    share of all their 4-grams (Jaccard). A text without words has empty bins only.
    """
    found = array("Q", [0] * BINS)
    for gram in _grams(text):
        rank, place = divmod(digest(gram), BINS)
        if not found[place] or rank + 1 < found[place]:
            found[place] = rank + 1
    return found


def similarity(one: Sketch, other: Sketch) -> float:
    """Estimated Jaccard similarity of two texts by their sketches, from 0 to 1; without words 0."""
    used = [(mine, theirs) for mine, theirs in zip(one, other, strict=True) if mine or theirs]
    return sum(mine == theirs for mine, theirs in used) / len(used) if used else 0.0


class NearIndex:
    """Finds texts that are similar to one at hand, among those added; about 1 kB a text.

    Nearly all pairs of a similarity of 0.8 or more are looked at; what is found is at least `least` by their
    sketches, whose error is about 0.07 at 0.8. Of several texts with an equal band the first stands for all.
    """

    def __init__(self, least: float) -> None:
        self.least = least
        self._sketches: dict[int, tuple[Sketch, int | None]] = {}
        self._places: dict[int, int] = {}

    def add(self, place: int, made: Sketch, group: int | None) -> None:
        """Keep the text of this place, as one of `group` (None: of no group)."""
        self._sketches[place] = made, group
        for band in _bands(made):
            self._places.setdefault(band, place)

    def find(self, made: Sketch, group: int | None) -> int | None:
        """Place of a text that is similar and not of the same group; None where none is found."""
        for band in _bands(made):
            place = self._places.get(band)
            if place is None:
                continue
            other, its_group = self._sketches[place]
            if (group is None or its_group != group) and similarity(made, other) >= self.least:
                return place
        return None


def _grams(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    for start in range(max(1, len(words) - GRAM + 1) if words else 0):
        yield " ".join(words[start : start + GRAM])


def _bands(made: Sketch) -> Iterator[int]:
    for start in range(0, BINS, BAND):
        band = made[start : start + BAND]
        if any(band):
            yield hash((start, *band))
