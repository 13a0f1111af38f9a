"""In what a text is not what was decided: its form, its numbers, and what it is heard as."""

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from suasion.counterpart.coefficients import words
from suasion.counterpart.listening import numbers_in
from suasion.counterpart.wording import Line
from suasion.negotiation.money import PriceKind
from suasion.negotiation.prices import PriceMention, find_prices
from suasion.negotiation.tracker import Hearing

MOST_CHARACTERS, MOST_LINES = 300, 3
CENT = 0.006  # amounts that differ by less are written alike
# Words in a row that are the other side's, or all of a message of at least so many.
ECHOED, WHOLE = 8, 4
PRICED = frozenset({"agree_asked", "refuse_last"})  # occasions that are nothing without their price
# What may be heard beside an act without misleading; a greeting may with any.
BESIDE = {
    "hello": {"confirm_yes", "ask_why"},  # "Yes, what is it about?"
    "agree": {"confirm_yes", "counter"},  # "Yes, we can do 380."
    "ask_machine": {"hesitate"},  # "wait, are you even human?"
}
_NOTES = re.compile(r"[][(){}<>*_#`|~\\]")
# A name or a lead-in before the words, or talk about the task: nothing that people write to each other.
_LABEL = re.compile(r"(?i)[^\W\d_] ?:|\b(?:assistant|conversation|counterpart|in other words)\b")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text, as a kind to count and in words for its speaker."""

    kind: str
    why: str


Check = Callable[[str, Line, Hearing], Iterator[str]]


def find_fault(text: str, line: Line, hearing: Hearing) -> Fault | None:
    """The first thing in which the text is not what was decided; None where it may be said."""
    return next(
        (Fault(kind, why) for kind, check in CHECKS.items() for why in check(text, line, hearing)), None
    )


def _long(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    if len(text) > MOST_CHARACTERS:
        yield f"it is longer than {MOST_CHARACTERS} characters"
    if len(text.splitlines()) > MOST_LINES:
        yield f"it has more than {MOST_LINES} lines"


def _characters(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    """What nobody sees, and what our readers of acts and prices may not read as a person does."""
    for one in text.replace("\n", ""):
        digit = one.isnumeric() and not one.isascii()
        foreign = one.isalpha() and not unicodedata.name(one, "").startswith("LATIN")
        mark = unicodedata.category(one).startswith("M")  # it may strike out the letter before it
        if digit or foreign or mark or not one.isprintable():
            yield f"it has the character {one!a}"


def _notes(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    if found := _NOTES.search(text):
        yield f"it has notes or marks: {found[0]}"


def _label(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    if found := _LABEL.search(text):
        yield f"it is more than the message itself: {found[0]}"


def _echo(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    spoken = words(text)
    for turn in line.dialogue.turns:
        if turn.speaker == "agent" and turn.text is not None:
            theirs = words(turn.text)
            found = difflib.SequenceMatcher(None, spoken, theirs, autojunk=False).find_longest_match()
            if found.size >= max(WHOLE, min(ECHOED, len(theirs))):
                yield f"it repeats the other side: {' '.join(spoken[found.a : found.a + found.size])}"


def _price(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    for mention in _mentions(text, line):
        if not _is_decided(mention, line):
            yield f"it names a price that was not decided: {mention.text}"


def _unpriced(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    needs = line.answer.act == "counter" or line.answer.words in PRICED
    if needs and line.answer.price is not None and not _mentions(text, line):
        yield "it does not name the price"


def _digits(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    before = {number for turn in line.dialogue.turns for number in numbers_in(turn.text or "")}
    for number in sorted(numbers_in(text) - before):
        if not any(abs(number - amount) < CENT for amount in _decided(line)):
            yield f"it has a number that nobody named: {number:g}"


def _act(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    if line.answer.act not in hearing.hear("counterpart", text):
        yield f"it is not understood as {line.answer.act}"


def _misleading(text: str, line: Line, hearing: Hearing) -> Iterator[str]:
    heard = hearing.hear("counterpart", text) - {line.answer.act, "hello"} - _beside(line)
    if heard:
        yield f"it is understood as {', '.join(sorted(heard))}, too"


CHECKS: dict[str, Check] = {
    "long": _long,
    "characters": _characters,
    "notes": _notes,
    "label": _label,
    "echo": _echo,
    "price": _price,
    "unpriced": _unpriced,
    "digits": _digits,
    "act": _act,
    "misleading": _misleading,
}


def _beside(line: Line) -> set[str]:
    answer = line.answer
    if answer.act == "refuse" and answer.price is not None:
        return {"counter"}  # its last price stands
    if answer.act == "confirm_yes" and line.ticket is None:
        return {"agree"}  # with a ticket it would be a yes to what was asked for last
    return BESIDE.get(answer.act or "", set())


def _mentions(text: str, line: Line) -> list[PriceMention]:
    return find_prices(text) if line.ticket is None else find_prices(text, line.ticket.currency)


def _decided(line: Line) -> list[float]:
    """The amounts that may be named: the selling price, and the same as net where it speaks of net prices."""
    answer = line.answer
    if line.ticket is None or answer.price is None:
        return []
    return [answer.price] if answer.net is None else [answer.price, answer.net]


def _is_decided(mention: PriceMention, line: Line) -> bool:
    if line.ticket is None or mention.relation != "absolute" or mention.currency != line.ticket.currency:
        return False
    kinds = {PriceKind.SELLING: line.answer.price, PriceKind.UNKNOWN: line.answer.price}
    amount = (kinds | {PriceKind.NET: line.answer.net}).get(mention.kind)
    return amount is not None and abs(mention.amount - amount) < CENT
