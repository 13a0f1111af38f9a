"""What a price is named for: told as a fact, asked for, agreed to, or only repeated from the other side.

The nearest phrase of the price's sentence decides, on whichever side it stands; a price that nothing is said
about is asked for, a share of commission is told. What sounds like a yes asks in a question ("OK, 380?").
Phrases are locale data; each text is read once per side, in linear time.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import re2

from suasion.negotiation.locale import Locale, Roles, Sides, load_locale
from suasion.negotiation.money import PriceKind

Span = tuple[int, int]
NOTHING = r"\b\B"  # matches nowhere


class PriceRole(StrEnum):
    """What a price is named for."""

    CLAIM = "claim"
    PROPOSAL = "proposal"
    AGREEMENT = "agreement"
    QUOTED = "quoted"


class RoleReader:
    """Reads the roles of a text's prices in the phrases of one locale."""

    def __init__(self, locale: Locale) -> None:
        roles = locale.roles
        touching = {role: tuple(_of(roles, role).touching) for role in PriceRole}
        self._before = _pattern({role: _of(roles, role).before for role in PriceRole})
        self._touching = _pattern(touching, r"\s*$")
        self._after = _pattern({role: _of(roles, role).after for role in PriceRole})
        self._questions = tuple(roles.questions)
        self._ends = re2.compile("|".join(_end(sign) for sign in (*locale.ranges.ends, "\n")))
        joints = (*locale.ranges.alternatives, *locale.ranges.signs, *locale.ranges.and_)
        self._joint = re2.compile(r"\s*(?:" + "|".join(map(re2.escape, joints)) + r")?\s*")

    def read(self, text: str, spans: Sequence[Span], kinds: Sequence[PriceKind]) -> list[PriceRole]:
        """The role of the price at each span, in order; `kinds` are what these prices stand for."""
        # A lone surrogate has no UTF-8 form; "?" in its place keeps the length.
        text = text.encode("utf-8", "replace").decode("utf-8").replace("\u2019", "'")
        ends = [match.end() for match in self._ends.finditer(text)]
        found: list[PriceRole] = []
        for place, ((first, last), kind) in enumerate(zip(spans, kinds, strict=True)):
            earlier = spans[place - 1][1] if place else 0
            later = spans[place + 1][0] if place + 1 < len(spans) else len(text)
            start = max((end for end in ends if end <= first), default=0)
            stop = min((end for end in ends if end > last - 1), default=len(text))
            role = self._nearest(text[max(start, earlier) : first], text[last:later], stop - last)
            if role is None and place and self._joint.fullmatch(text[earlier:first]):
                role = found[-1]  # "380 or 390"
            if role is None:
                role = PriceRole.CLAIM if kind is PriceKind.COMMISSION else PriceRole.PROPOSAL
            if role is PriceRole.AGREEMENT and text[:stop].rstrip().endswith(self._questions):
                role = PriceRole.PROPOSAL
            found.append(role)
        return found

    def _nearest(self, left: str, right: str, sentence: int) -> PriceRole | None:
        """The nearest phrase's role; `sentence` is how much of `right` is of the price's own sentence.

        What begins there may end beyond: "30? That's an insult".
        """
        before = self._touching.search(left) or next(reversed(list(self._before.finditer(left))), None)
        after = self._after.search(right)
        if after is not None and after.start() >= sentence:
            after = None
        if before is None or (after is not None and after.start() < len(left) - before.end()):
            before = after
        return PriceRole(before.lastgroup) if before is not None else None


def _of(roles: Roles, role: PriceRole) -> Sides:
    sides: Sides = getattr(roles, role.value)
    return sides


def _end(sign: str) -> str:
    """A sign that ends a sentence; the full stop not within a number or an abbreviation."""
    return r"\.(?:\s|$)" if sign == "." else re2.escape(sign)


def _pattern(phrases: dict[PriceRole, tuple[str, ...]], then: str = "") -> "re2._Regexp":
    """One pattern for all roles, which tells by its group which one has the phrase; the longest wins."""
    options = re2.Options()
    options.case_sensitive = False
    options.longest_match = True
    groups = (f"(?P<{role}>{'|'.join(map(_phrase, own))}){then}" for role, own in phrases.items() if own)
    return re2.compile("|".join(groups) or NOTHING, options)


def _phrase(phrase: str) -> str:
    """The phrase as whole words, with any white space between them."""
    words = r"\s+".join(map(re2.escape, phrase.split()))
    left = r"\b" if phrase[0].isascii() and phrase[0].isalnum() else ""
    right = r"\b" if phrase[-1].isascii() and phrase[-1].isalnum() else ""
    return left + words + right


@lru_cache
def role_reader(locale: str) -> RoleReader:
    """The one reader of a locale. Raises LocaleError when there is no such locale."""
    return RoleReader(load_locale(locale))
