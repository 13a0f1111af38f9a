"""Hearing dialogue acts: RE2 patterns of the intents, negation by `unless`; and a trained ear, if any."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import re2

from suasion.errors import InputError
from suasion.language.patterns import PatternSet, compile_any
from suasion.language.trained import FILE, ActFile, hearing_of
from suasion.negotiation.pack import Intent, Pack
from suasion.negotiation.tracker import Hearing


@dataclass(frozen=True)
class PatternHearing:
    """Hears acts by pattern; satisfies `negotiation.tracker.Hearing`."""

    ears: dict[str, "_Ear"]  # by speaker

    def hear(self, speaker: str, text: str) -> frozenset[str]:
        """Acts of the utterance, without the speaker's prefix."""
        return _hear(self, speaker, text)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=1 << 14)
def _hear(hearing: PatternHearing, speaker: str, text: str) -> frozenset[str]:
    return hearing.ears[speaker].hear(text.replace("\u2019", "'"))


class _Ear:
    """The acts of one speaker, and what takes each away again: all patterns in one pass over the text."""

    def __init__(self, intents: Sequence[Intent]) -> None:
        self._acts = tuple(intent.id for intent in intents)
        self._patterns = PatternSet(
            [*(intent.patterns for intent in intents), *(intent.unless for intent in intents)]
        )

    def hear(self, text: str) -> frozenset[str]:
        matching, count = self._patterns.matching(text), len(self._acts)
        return frozenset([self._acts[one] for one in matching if one < count and one + count not in matching])


@lru_cache
def load_hearing(pack: Pack) -> Hearing:
    """How a pack hears: by its patterns and, where it has an `acts.yaml`, by the trained ear beside them.

    Raises InputError with file, line and field for what can't be read, or an example that breaks.
    """
    patterns = load_patterns(pack)
    if not pack.has(FILE):
        return patterns
    file = pack.file(FILE)
    return hearing_of(patterns, file.parse(ActFile), file)


@lru_cache
def load_patterns(pack: Pack) -> PatternHearing:
    """Compile the pack's intents and check each one's examples.

    Raises InputError with file, line and field for a pattern that RE2 refuses or an example that breaks.
    """
    file = pack.file("intents.yaml")
    for index, intent in enumerate(pack.intents.intents):
        loc = ("intents", index)
        try:
            pattern, _ = compile_any(intent.patterns), compile_any(intent.unless)
        except re2.error as error:
            raise file.error(f"RE2 refuses a pattern of {intent.id!r}: {error}", loc) from None
        if pattern is None:
            raise file.error("an intent needs at least one pattern", (*loc, "patterns"))
    hearing = PatternHearing(
        {
            speaker: _Ear([intent for intent in pack.intents.intents if intent.speaker == speaker])
            for speaker in ("agent", "counterpart")
        }
    )
    for index, intent in enumerate(pack.intents.intents):
        fault = _broken_example(intent, hearing)
        if fault:
            raise InputError(fault, str(file.path), file.line(("intents", index)), intent.id)
    return hearing


def _broken_example(intent: Intent, hearing: PatternHearing) -> str | None:
    for text in intent.hits:
        if intent.id not in hearing.hear(intent.speaker, text):
            return f"must hear this act in {text!r}, but does not"
    for text in intent.passes:
        if intent.id in hearing.hear(intent.speaker, text):
            return f"must not hear this act in {text!r}, but does"
    return None
