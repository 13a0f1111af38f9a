"""What is done to a text in any language of words and spaces: cut, shuffle, mistype, compare."""

import random
import re

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[^\W\d_]{5,}")


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the space between them."""
    return [part for part in _SENTENCE.split(text.strip()) if part]


def shares_words(text: str, other: str) -> float:
    """Share of the word 4-grams of `text` that `other` has, too; of equal short texts 1."""
    mine, theirs = text.casefold().split(), other.casefold().split()
    if mine == theirs:
        return 1.0
    grams, others = _grams(mine), _grams(theirs)
    return len(grams & others) / len(grams) if grams else 0.0


def _grams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + 4]) for i in range(len(words) - 3)}


def mistype(text: str, rng: random.Random) -> str:
    """The text as somebody in a hurry types it: letters swapped or lost, or no capitals and full stops."""
    words = list(_WORD.finditer(text))
    kind = rng.choice(["swap", "drop", "plain"])
    if kind == "plain" or not words:
        return text.lower().rstrip(".!")
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    if kind == "drop":
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def garble(text: str, rng: random.Random) -> str:
    """Words out of order, lost, stuttered or in circles, as a small model samples them."""
    words = text.split()
    damage = rng.choice([_shuffled, _shuffled, _loses_words, _stutters, _circles])
    garbled = " ".join(damage(words, rng))
    if garbled == text or rng.random() < 0.4:
        garbled = " ".join(_shuffled(garbled.split(), rng))
    return garbled


def _shuffled(words: list[str], rng: random.Random) -> list[str]:
    """Words of neighbouring places change them; more than a few do."""
    places = sorted(range(len(words)), key=lambda i: i + rng.uniform(0, 5))
    if places == list(range(len(words))):
        places.reverse()
    return [words[i] for i in places]


def _loses_words(words: list[str], rng: random.Random) -> list[str]:
    kept = [word for word in words if rng.random() > 0.4]
    return kept or words[:1]


def _stutters(words: list[str], rng: random.Random) -> list[str]:
    start = rng.randrange(max(1, len(words) - 3))
    piece = words[start : start + rng.randint(1, 3)]
    return words[:start] + piece * rng.randint(3, 5) + words[start + len(piece) :]


def _circles(words: list[str], rng: random.Random) -> list[str]:
    """A few words of the text, drawn again and again."""
    few = rng.sample(words, min(len(words), rng.randint(3, 6)))
    return [rng.choice(few) for _ in words]


def cut_off(text: str, rng: random.Random) -> str | None:
    """The text up to the middle of one of its later sentences; None when it is too short for that."""
    parts = sentences(text)
    last = parts[-1].split() if parts else []
    if len(last) < 4:
        return None
    kept = " ".join(last[: rng.randint(2, len(last) - 1)]).rstrip(".,;:!?")
    return " ".join([*parts[:-1], kept])
