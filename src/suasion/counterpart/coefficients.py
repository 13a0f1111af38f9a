"""What the pack says about its counterparts: how types are drawn, and what an agent's words do to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import re2
from pydantic import BaseModel, ConfigDict, Field, model_validator

from suasion.errors import InputError
from suasion.language.patterns import compile_any
from suasion.language.phrases import Phrasebook, load_phrases
from suasion.negotiation.pack import Pack


def _described(text: str) -> Any:
    return Field(description=text)


def _share(text: str) -> Any:
    return Field(description=text, ge=0, le=1)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _ranges_rise(self) -> "_Frozen":
        for name in type(self).model_fields:
            match getattr(self, name):
                case (float() | int() as least, float() | int() as most) if least > most:
                    raise ValueError(f"{name}: a range is written [least, most], found [{least}, {most}]")
        return self


class Population(_Frozen):
    """From what hidden types are drawn; ranges are uniform."""

    no_reply: tuple[float, float] = _described(
        "range of the chance that it never answers, whatever is written"
    )
    late: float = _share("chance that one who answers does so only after a follow-up")
    patience: tuple[int, int] = _described("range of the agent's replies that are put up with")
    mood: tuple[float, float] = _described("range of the mood at the start, in [0, 1]")
    busyness: tuple[float, float] = _described("range of how busy it is, in [0, 1]")
    decides_alone: float = _share("chance that the one who writes may change prices without asking")
    wrong_person: float = _share("chance that the first to answer is not the one who sets prices")
    rigid: float = _share("chance that there is no room to move at all")
    room: tuple[float, float] = Field(
        (0, 0), description="range of the share of the net price that it could do without"
    )
    competitor_room: float = Field(0, description="what a lower price elsewhere adds to that share")
    net_talk: float = Field(0, ge=0, le=1, description="chance that it speaks of net prices")
    threshold: tuple[float, float] = Field(
        (0, 1), description="without tickets: range of the readiness to give from which it says yes"
    )
    styles: tuple[str, ...] = Field(
        description="families of phrases in which a counterpart may talk", min_length=1
    )


class OpenerEffects(_Frozen):
    """Factors of the first message's quality; a chance p of an answer becomes p ** (1 / quality)."""

    unnamed: float = _described("names neither the one written to (or for) nor one of the items")
    stranger: float = _described("does not say who writes")
    pointless: float = _described("neither states the case nor asks for whom it concerns")
    gibberish: float = _described("is no plain language")
    long: float = _described("is too long to be read")
    harsh: float = _described("presses or promises too much")
    wrong_number: float = _described("has a number that it knows nothing of")
    reasoned: float = _described("gives a reason: evidence or benefit")


class MoodEffects(_Frozen):
    """What is added to the mood (0 to 1); what is kind counts less when it is repeated."""

    empathise: float = _described("its worries are understood")
    evidence: float = _described("a reason that holds is given")
    benefit: float = _described("what it is good for is said")
    apologise: float = _described("an apology")
    disclose: float = _described("an honest answer to whether a machine writes")
    no_promise: float = _described("an honest answer about guarantees")
    thank: float = _described("thanks")
    pressure: float = _described("pressure or threat")
    over_promise: float = _described("a promise that nobody can keep")
    wrong_number: float = _described("a number that is neither in the brief nor in the dialogue")
    repetition: float = _described("the same message again")
    haggling: float = _described("asking for more after an agreement")
    false_agreement: float = _described("confirming what was not agreed")
    evasion: float = _described("its question is not answered")
    gibberish: float = _described("empty text, or no plain language")
    low_ball: float = _described("a price that is absurdly low")
    long: float = _described("too long a message")
    insistence: float = _described("each request after the first")
    overstay: float = _described("each reply beyond its patience")
    other: dict[str, float] = Field({}, description="further acts of the agent that this pack has")


class GiveEffects(_Frozen):
    """How much nearer to its reservation price it is ready to go (0 to 1), times (0.5 + mood)."""

    evidence: float = _described("a reason that holds")
    benefit: float = _described("what it is good for")
    empathise: float = _described("its worries are understood")
    propose: float = _described("a price is asked for")
    ask_best: float = _described("its best price is asked for")
    no_promise: float = _described("an honest answer about guarantees")
    repeated: float = _share("factor on what was heard before, here and for the mood")
    other: dict[str, float] = Field({}, description="further acts of the agent that this pack has")


class Habits(_Frozen):
    """Chances of what it does, and the measures it applies."""

    busy: float = _share("is busy when first addressed, times busyness")
    silence: float = _share("leaves a message unanswered for a while, plus a tenth of its busyness")
    lost: float = _share("a silence in the middle is for good")
    away_minutes: tuple[float, float] = _described("range of how long a silence lasts, in minutes")
    ask_why: float = _share("asks for a reason when none was given")
    ask_machine: float = _share("asks whether a machine writes, per reply, once")
    ask_promise: float = _share("asks for a guarantee, per reply, once")
    hesitate: float = _share("wants to think, per reply, once")
    retract: float = _share("takes an agreement back when it is confirmed")
    retract_overruled: float = _share("the same for one who does not decide alone")
    meet: float = _share("how much of the gap to what it is ready for it closes in the best mood")
    takes_over: float = _share("the right person takes over from the wrong one")
    low_ball_share: float = _share("a price below this share of the present one is absurd")
    long_words: int = Field(description="a message with more words is too long", gt=0)
    round_to: int = Field(description="its selling prices are multiples of this", gt=0)


class OverPromise(_Frozen):
    """Promises that nobody can keep."""

    patterns: tuple[str, ...] = Field(description="RE2 patterns of a promise")
    unless: tuple[str, ...] = Field(default=(), description="RE2 patterns that make it none")


class Coefficients(_Frozen):
    """`counterpart.yaml` of a pack."""

    version: int
    population: Population
    opener: OpenerEffects
    mood: MoodEffects
    give: GiveEffects
    habits: Habits
    pressure: tuple[str, ...] = _described("RE2 patterns of pressure in the agent's words")
    over_promise: OverPromise = _described("RE2 patterns of promises that nobody can keep")
    answers: dict[str, tuple[str, ...]] = Field(description="its act: the agent's acts that answer it")
    greetings: tuple[str, ...] = Field(description="the agent's acts that are only answered by a hello")
    common_words: str = _described("words by which plain language is known")


class Finder(Protocol):
    """Finds something in a text, or not: a compiled pattern, or anything that hears more."""

    def search(self, text: str) -> object | None: ...


@dataclass(frozen=True)
class Ears:
    """Coefficients with what was compiled from them, and the phrasebook it speaks from."""

    coefficients: Coefficients
    book: Phrasebook
    moods: Mapping[str, float]  # act or fault: what it adds to the mood
    gives: Mapping[str, float]  # act: what it adds to the readiness to give
    vocabulary: frozenset[str]
    pressure: "Finder | None"
    promise: "Finder | None"
    no_promise: "Finder | None"

    def __hash__(self) -> int:
        return id(self)

    def is_pressure(self, text: str) -> bool:
        return bool(self.pressure and self.pressure.search(text))

    def is_over_promise(self, text: str) -> bool:
        if not (self.promise and self.promise.search(text)):
            return False
        return not (self.no_promise and self.no_promise.search(text))


@lru_cache
def load_ears(pack: Pack) -> Ears:
    """Read the pack's counterpart.yaml. Raises InputError naming file, line and field."""
    file = pack.file("counterpart.yaml")
    coefficients = file.parse(Coefficients)
    compiled = []
    for loc, patterns in (
        (("pressure",), coefficients.pressure),
        (("over_promise", "patterns"), coefficients.over_promise.patterns),
        (("over_promise", "unless"), coefficients.over_promise.unless),
    ):
        try:
            compiled.append(compile_any(patterns))
        except re2.error as error:
            raise InputError(
                f"RE2 refuses a pattern: {error}", str(file.path), file.line(loc), ".".join(loc)
            ) from None
    acts = {intent.id for intent in pack.intents.intents if intent.speaker == "agent"}
    for part, other in (("mood", coefficients.mood.other), ("give", coefficients.give.other)):
        for name in sorted(set(other) - acts):
            raise file.error(f"no such act; the agent's are {', '.join(sorted(acts))}", (part, "other", name))
    return make_ears(coefficients, load_phrases(pack), *compiled)


def make_ears(
    coefficients: Coefficients,
    book: Phrasebook,
    pressure: Finder | None,
    promise: Finder | None,
    no_promise: Finder | None = None,
) -> Ears:
    """Ears of a counterpart with these coefficients and phrases, which takes for faults what these find."""
    moods = coefficients.mood.model_dump(exclude={"other"}) | coefficients.mood.other
    gives = coefficients.give.model_dump(exclude={"repeated", "other"}) | coefficients.give.other
    vocabulary = _vocabulary(coefficients, book)
    return Ears(coefficients, book, moods, gives, vocabulary, pressure, promise, no_promise)


def _vocabulary(coefficients: Coefficients, book: Phrasebook) -> frozenset[str]:
    templates = [text for act in book.file.agent.values() for family in act.values() for text in family]
    templates += [
        text for group in (*book.file.evidence.values(), *book.file.slots.values()) for text in group
    ]
    return frozenset(words(" ".join([coefficients.common_words, *templates])))


def words(text: str) -> list[str]:
    """The words of a text, lower case, without digits and punctuation."""
    return "".join(
        c if c.isalpha() else " " for c in text.lower().replace("\u2019", "'").replace("'", "")
    ).split()
