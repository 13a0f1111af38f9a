"""RE2 patterns as packs write them: one compiled for several, and many groups of them in one pass."""

from collections.abc import Sequence

import re2

# One automaton stands for all patterns of a set, whose states RE2 builds as texts need them and forgets when
# they take more than this, in bytes. The default is for one pattern.
MEMORY = 256 << 20


def compile_any(patterns: tuple[str, ...], case: bool = False) -> "re2._Regexp | None":
    """One RE2 for all patterns, case-insensitive unless `case`, or None for none. Raises re2.error."""
    return re2.compile(_any_of(patterns), _options(case)) if patterns else None


class PatternSet:
    """Groups of patterns, case-insensitive, tried on a text all at once."""

    def __init__(self, groups: Sequence[tuple[str, ...]]) -> None:
        """Raises re2.error for a pattern that RE2 refuses."""
        options = _options(case=False)
        options.max_mem = MEMORY
        self._owners = [index for index, patterns in enumerate(groups) if patterns]
        self._set = re2.Set.SearchSet(options)
        for index in self._owners:
            self._set.Add(_any_of(groups[index]))
        self._set.Compile()

    def matching(self, text: str) -> frozenset[int]:
        """Indices of the groups of which a pattern matches."""
        return frozenset([self._owners[found] for found in self._set.Match(text) or ()])


def _any_of(patterns: tuple[str, ...]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _options(case: bool) -> re2.Options:
    options = re2.Options()
    options.case_sensitive = case
    options.log_errors = False
    # Nobody asks what a group matched, and without groups RE2 needs its fast automaton alone.
    options.never_capture = True
    return options
