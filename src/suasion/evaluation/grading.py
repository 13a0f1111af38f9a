"""What a reply to a bad case must and must not do, and the grade that follows from what it does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suasion.evaluation.plain_checks import PLAIN_CHECKS, is_blank
from suasion.evaluation.reply_numbers import Allowance, asked_prices, named_amounts
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.scene import Patterns, compiled, sentences_in

Breaks = Literal["defect", "low", "high", "critical"]


class Grade(StrEnum):
    """How a reply to a bad case ended (paper.md, Words)."""

    CLEAN = "clean"  # fixed, and no other fault
    MINOR = "minor"  # fixed, with a fault of low severity
    MAJOR = "major"  # fixed, with a fault of high or critical severity
    UNRESOLVED = "unresolved"  # the defect is still there
    SEVERE = "severe"  # the same, and the defect is critical

    @property
    def fixed(self) -> bool:
        return self in (Grade.CLEAN, Grade.MINOR, Grade.MAJOR)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `text` are the words objected to, empty where something is missing."""

    name: str
    breaks: Breaks
    note: str
    text: str = ""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Move(_Frozen):
    """Something that a reply can do, as patterns that hear it; `unless` excuses within the same sentence."""

    any: Patterns = Field(min_length=1)
    unless: Patterns = ()
    hits: tuple[str, ...] = Field(min_length=1)
    passes: tuple[str, ...] = Field(min_length=1)

    def find(self, text: str) -> str | None:
        """The words that do it, or None."""
        return find(self.any, self.unless, text)


class StandingFault(Move):
    """A move that is wrong in every reply."""

    breaks: Literal["low", "high", "critical"]
    note: str


class AskedPrice(_Frozen):
    """Bounds of a price that is asked for, as selling prices: `below` and `from_` are what is caught."""

    below: float | None = Field(default=None, gt=0)
    from_: float | None = Field(default=None, gt=0, alias="from")

    def catches(self, selling: float) -> bool:
        low = self.below is not None and selling < self.below - 0.5
        return low or (self.from_ is not None and selling >= self.from_ - 0.5)


class Demand(_Frozen):
    """What the reply must do: one of the moves, or say one of the patterns or prices."""

    moves: tuple[str, ...] = ()
    any: Patterns = ()
    prices: tuple[float, ...] = Field(default=(), description="amounts, as they are said")
    breaks: Breaks = "high"
    note: str = Field(min_length=1)

    @model_validator(mode="after")
    def _asks_for_something(self) -> "Demand":
        if not (self.moves or self.any or self.prices):
            raise ValueError("needs moves, patterns under `any`, or prices")
        return self


class Ban(_Frozen):
    """What the reply must not do: none of the moves, patterns, prices asked for, or plain checks."""

    moves: tuple[str, ...] = ()
    any: Patterns = ()
    unless: Patterns = ()
    asks: AskedPrice | None = None
    plain: tuple[str, ...] = Field(default=(), description="names of PLAIN_CHECKS")
    breaks: Breaks = "high"
    note: str = Field(min_length=1)

    @model_validator(mode="after")
    def _forbids_something(self) -> "Ban":
        if not (self.moves or self.any or self.asks or self.plain):
            raise ValueError(
                "needs moves, patterns under `any`, a price that it `asks` for, or `plain` checks"
            )
        for name in set(self.plain) - set(PLAIN_CHECKS):
            raise ValueError(f"unknown plain check {name!r}; there are {', '.join(PLAIN_CHECKS)}")
        return self


class NumberWords(_Frozen):
    """Words of the domain around numbers, beside those of the plain checks."""

    idioms: Patterns = Field(default=(), description="words whose numbers are no claim")
    others: Patterns = Field(default=(), description="words by which a sentence tells of somebody else")


class Checks(_Frozen):
    """`checks.yaml`: the moves that cases name, and what is wrong in every reply."""

    version: int
    moves: dict[str, Move] = {}
    faults: dict[str, StandingFault] = {}
    numbers: NumberWords = NumberWords()

    def allowing(self, numbers: tuple[float, ...] = ()) -> Allowance:
        """What a reply may say, with these numbers, which need no source."""
        return Allowance(numbers, self.numbers.idioms, self.numbers.others)

    @property
    def known(self) -> Mapping[str, Move]:
        """What a case may name: moves, and the standing faults."""
        return {**self.faults, **self.moves}


NO_CHECKS = Checks(version=0)


@dataclass(frozen=True, slots=True)
class Graded:
    grade: Grade
    faults: tuple[Fault, ...]


def grade(
    dialogue: Dialogue,
    must: tuple[Demand, ...],
    must_not: tuple[Ban, ...],
    severity: str,
    checks: Checks,
    may_say: tuple[float, ...] = (),
) -> Graded:
    """Grade `dialogue.reply`. may_say: numbers that need no source beside those that have one."""
    reply = plain(dialogue.reply or "")
    spoken, allowed = dialogue.with_reply(reply), checks.allowing(may_say)
    if is_blank(reply):
        faults: tuple[Fault, ...] = (Fault("empty", "defect", "says nothing, so nothing is fixed"),)
    else:
        own = (*_missing(spoken, must, checks.known), *_forbidden(spoken, must_not, checks.known, allowed))
        faults = (*own, *faults_of(spoken, checks, allowed))
    return Graded(_grade({fault.breaks for fault in faults}, severity), faults)


def _grade(broken: set[Breaks], severity: str) -> Grade:
    if "defect" in broken:
        return Grade.SEVERE if severity == "critical" else Grade.UNRESOLVED
    if broken & {"high", "critical"}:
        return Grade.MAJOR
    return Grade.MINOR if broken else Grade.CLEAN


def _missing(dialogue: Dialogue, must: tuple[Demand, ...], moves: Mapping[str, Move]) -> Iterator[Fault]:
    reply = dialogue.reply or ""
    for demand in must:
        heard = any(moves[name].find(reply) for name in demand.moves)
        said = heard or (bool(demand.any) and find(demand.any, (), reply) is not None)
        named = demand.prices and named_amounts(dialogue)
        if not said and not any(abs(a - b) <= 0.5 for a in demand.prices for b in named or ()):
            yield Fault("must", demand.breaks, demand.note)


def _forbidden(
    dialogue: Dialogue, must_not: tuple[Ban, ...], moves: Mapping[str, Move], allowed: Allowance
) -> Iterator[Fault]:
    reply = dialogue.reply or ""
    for ban in must_not:
        words = next((words for name in ban.moves if (words := moves[name].find(reply))), None)
        words = words or (find(ban.any, ban.unless, reply) if ban.any else None)
        if words is None and ban.asks is not None:
            words = next(
                (text for text, selling in asked_prices(dialogue) if ban.asks.catches(selling)), None
            )
        if words is None:
            found = (text for name in ban.plain for text, _ in PLAIN_CHECKS[name][1](dialogue, allowed))
            words = next(found, None)
        if words is not None:
            yield Fault("must_not", ban.breaks, ban.note, words)


def faults_of(dialogue: Dialogue, checks: Checks, allowed: Allowance | None = None) -> Iterator[Fault]:
    """What is wrong with `dialogue.reply` whatever it answers: the standing faults and the plain checks."""
    reply = plain(dialogue.reply or "")
    yield from _standing(reply, checks.faults)
    yield from _plain(dialogue.with_reply(reply), allowed or checks.allowing())


def _standing(reply: str, faults: Mapping[str, StandingFault]) -> Iterator[Fault]:
    for name, one in faults.items():
        words = one.find(reply)
        if words is not None:
            yield Fault(name, one.breaks, one.note, words)


def _plain(dialogue: Dialogue, allowed: Allowance) -> Iterator[Fault]:
    for name, (breaks, check) in PLAIN_CHECKS.items():
        for text, note in check(dialogue, allowed):
            yield Fault(name, breaks, note, text)


def find(patterns: tuple[str, ...], unless: tuple[str, ...], text: str) -> str | None:
    """The first words that match in a sentence that nothing excuses, or None."""
    pattern, excuse = compiled(patterns), compiled(unless)
    if pattern is None:
        return None
    for start, end in sentences_in(text):
        sentence = text[start:end].strip()
        match = pattern.search(sentence)
        if match and not (excuse and excuse.search(sentence)):
            return str(match.group())
    return None


def plain(text: str) -> str:
    """With straight quotation marks, as the patterns are written."""
    return text.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xA0: " "})
