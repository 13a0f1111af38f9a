"""What a price is named for: told as a fact, asked for, agreed to, or only repeated from the other side.

Of the phrases between a price and its neighbours in the sentence the nearest decides, of two equally near
ones the longer, and the one behind the price before the one in front. A price that nothing is said about is
asked for, a share of commission is told; "380 or 390" are one. What sounds like a yes asks in a question.
Phrases are locale data; a text is read in linear time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

import re2

from suasion.negotiation.locale import Locale, Sides, load_locale
from suasion.negotiation.money import PriceKind

Span = tuple[int, int]
SILENT = "nothing"  # phrases that say nothing, and keep a shorter one in them from speaking

NOWHERE = r"\b\B"  # a pattern that matches nowhere


class PriceRole(StrEnum):
    """What a price is named for."""

    CLAIM = "claim"
    PROPOSAL = "proposal"
    AGREEMENT = "agreement"
    QUOTED = "quoted"


class RoleReader:
    """Reads the roles of a text's prices in the phrases of one locale."""

    def __init__(self, locale: Locale) -> None:
        roles, ranges = locale.roles, locale.ranges
        sides: dict[str, Sides] = {role: getattr(roles, role) for role in (*PriceRole, SILENT)}
        # What stands before a price is read backwards, from the price on.
        self._before = _pattern(
            {
                role: [_phrase(phrase[::-1]) for phrase in one.before]
                + ["^" + _phrase(phrase[::-1]) for phrase in one.touching]
                for role, one in sides.items()
            }
        )
        self._after = _pattern(
            {role: [_phrase(phrase) for phrase in one.after] for role, one in sides.items()}
        )
        self._questions = tuple(roles.questions)
        ends = [r"\.(?:\s|$)" if sign == "." else re2.escape(sign) for sign in ranges.ends]
        ends += map(re2.escape, roles.questions)
        # An abbreviation's full stop ends nothing: it is consumed with its word.
        short = "|".join(rf"\b{re2.escape(word)}\." for word in roles.abbreviations) or NOWHERE
        self._ends = _compiled(f"(?P<short>{short})|(?P<end>{'|'.join(ends)}|\n)")
        joints = "|".join(map(re2.escape, (*ranges.alternatives, *ranges.signs, *ranges.and_)))
        self._joint = _compiled(rf"[ \t]*(?:{joints})?[ \t]*")

    def read(self, text: str, spans: Sequence[Span], kinds: Sequence[PriceKind]) -> list[PriceRole]:
        """The role of the price at each span, in order; `kinds` are what these prices stand for."""
        # A lone surrogate has no UTF-8 form; "?" in its place keeps the length.
        text = text.encode("utf-8", "replace").decode("utf-8").replace("\u2019", "'")
        ends = [match.start() + 1 for match in self._ends.finditer(text) if match.lastgroup == "end"]
        found: list[PriceRole] = []
        for group in self._groups(text, spans):
            first, last = spans[group.start][0], spans[group.stop - 1][1]
            earlier = spans[group.start - 1][1] if group.start else 0
            later = spans[group.stop][0] if group.stop < len(spans) else len(text)
            start = max(earlier, _at(ends, bisect_right(ends, first) - 1, 0))
            stop = _at(ends, bisect_left(ends, last + 1), len(text))
            role = self._nearest(text[start:first], text[last:later], stop - last)
            if role is PriceRole.AGREEMENT and text[last:stop].rstrip().endswith(self._questions):
                role = PriceRole.PROPOSAL
            for place in group:
                share = kinds[place] is PriceKind.COMMISSION
                found.append(role or (PriceRole.CLAIM if share else PriceRole.PROPOSAL))
        return found

    def _groups(self, text: str, spans: Sequence[Span]) -> list[range]:
        """Places of prices between which nothing but a joint stands."""
        groups: list[range] = []
        for place, (first, _) in enumerate(spans):
            if place and self._joint.fullmatch(text[spans[place - 1][1] : first]):
                groups[-1] = range(groups[-1].start, place + 1)
            else:
                groups.append(range(place, place + 1))
        return groups

    def _nearest(self, left: str, right: str, sentence: int) -> PriceRole | None:
        """The nearest phrase's role; `sentence` is how much of `right` is of the price's own sentence.

        What begins with its end goes on in the next ("30? That's an insult"), and speaks where nothing else
        does.
        """
        before, after = self._before.search(left[::-1]), self._after.search(right)
        if after is not None and after.start() >= sentence:
            after = None
        doubt = after is not None and after.group().lstrip().startswith(self._questions)
        if after is None or (before is not None and (doubt or before.start() < after.start())):
            after = before
        return PriceRole(after.lastgroup) if after is not None and after.lastgroup != SILENT else None


def _at(places: Sequence[int], index: int, otherwise: int) -> int:
    return places[index] if 0 <= index < len(places) else otherwise


def _phrase(phrase: str) -> str:
    """The phrase as whole words, with any white space between them and on the price's side."""
    words = r"[ \t]+".join(map(re2.escape, phrase.split()))
    left = r"\b" if phrase[0].isascii() and phrase[0].isalnum() else ""
    right = r"\b" if phrase[-1].isascii() and phrase[-1].isalnum() else ""
    return r"[ \t]*" + left + words + right


def _pattern(phrases: dict[str, list[str]]) -> "re2._Regexp":
    """One pattern for all roles, which tells by its group which one has the phrase; the longest wins."""
    groups = (f"(?P<{role}>{'|'.join(own)})" for role, own in phrases.items() if own)
    return _compiled("|".join(groups) or NOWHERE)


def _compiled(pattern: str) -> "re2._Regexp":
    options = re2.Options()
    options.case_sensitive = False
    options.longest_match = True
    return re2.compile(pattern, options)


@lru_cache
def role_reader(locale: str) -> RoleReader:
    """The one reader of a locale. Raises LocaleError when there is no such locale."""
    return RoleReader(load_locale(locale))


@dataclass(frozen=True)
class Roles:
    """The roles of a text's prices, read when one is asked for: who scores or tracks asks for none."""

    locale: str
    text: str
    spans: Sequence[Span]
    kinds: Sequence[PriceKind]

    @cached_property
    def _read(self) -> dict[Span, PriceRole]:
        roles = role_reader(self.locale).read(self.text, self.spans, self.kinds)
        return dict(zip(self.spans, roles, strict=True))

    def of(self, span: Span) -> PriceRole:
        """The role of the price at `span`."""
        return self._read[span]
