"""The counterpart that agents are measured with: other coefficients, phrases and ears than training's.

A file beside the other instruments, never part of a pack or a suite: training can't reach it.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import re2
from pydantic import BaseModel, ConfigDict, Field

from suasion.counterpart.coefficients import Coefficients, Ears, make_ears
from suasion.counterpart.hidden_type import draw_type
from suasion.counterpart.manager import Manager
from suasion.counterpart.simulate import Agent, simulate
from suasion.evaluation.grading import Checks, Move, plain
from suasion.language.patterns import compile_any
from suasion.language.phrases import OCCASIONS, Families, load_phrases, pattern_of
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.yaml_files import read_yaml

NET = "_net"  # ending of an act's name whose phrases speak of a net price
FIXED = ("away_minutes", "long_words", "round_to", "low_ball_share")  # measures, which no draw changes


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Frozen):
    """How far a draw of the coefficients may lie from the file's, per part."""

    population: float = Field(ge=0)
    opener: float = Field(ge=0)
    mood: float = Field(ge=0)
    give: float = Field(ge=0)
    habits: float = Field(ge=0)


class CounterpartFile(_Frozen):
    """`counterpart.yaml` of a benchmark."""

    version: int
    coefficients: Coefficients
    phrases: dict[str, Families]
    reads: dict[str, tuple[str, ...]] = Field(description="act of the agent: the moves that are one")
    presses: tuple[str, ...] = Field(description="moves that press")
    overpromises: tuple[str, ...] = Field(description="moves that promise what nobody can keep")
    moves: dict[str, Move] = Field({}, description="beside those of checks.yaml")
    spread: Spread


@dataclass(frozen=True)
class Moves:
    """Finds any of some moves in a text."""

    known: tuple[Move, ...]

    def search(self, text: str) -> str | None:
        spoken = plain(text)
        return next((words for move in self.known if (words := move.find(spoken))), None)


@dataclass(frozen=True)
class SecondHearing:
    """Hears the agent's acts by moves, and its own phrases exactly; satisfies `tracker.Hearing`."""

    agent: Mapping[str, Moves]
    own: tuple[tuple[str, "re2._Regexp"], ...]

    def hear(self, speaker: str, text: str) -> frozenset[str]:
        """Acts of the utterance, without the speaker's prefix."""
        if speaker == "agent":
            return frozenset(act for act, moves in self.agent.items() if moves.search(text))
        return frozenset(act for act, pattern in self.own if pattern.fullmatch(text))


@dataclass(frozen=True)
class World:
    """Everything that a measured negotiation needs beside its agent."""

    pack: Pack
    ears: Ears
    hearing: SecondHearing
    spread: Spread

    def hold(self, agent: Agent, briefs: Sequence[Brief], seed: int) -> list[Dialogue]:
        """Negotiate each brief to its end, with a counterpart of this world's population."""
        return simulate(
            agent, briefs, seed, pack=self.pack, hearing=self.hearing, counterpart=self.counterpart
        )

    def counterpart(self, brief: Brief, seed: str) -> Manager:
        kind = draw_type(brief.tickets, self.ears.coefficients, random.Random(f"{seed}:type"))
        return Manager(kind, brief, self.ears, self.hearing, seed)

    def changed(self, coefficients: Coefficients) -> "World":
        """The same world with other coefficients."""
        ears = self.ears
        return replace(self, ears=make_ears(coefficients, ears.book, ears.pressure, ears.promise))

    def drawn(self, number: int, seed: int) -> "World":
        """The draw of that number: coefficients from around the file's, as `spread` says."""
        return self.changed(draw_coefficients(self.ears.coefficients, self.spread, f"{seed}:draw:{number}"))


def load_world(path: Path, checks: Checks, pack: Pack) -> World:
    """Read the file and try it. Raises InputError, by line, for an act or a move that does not exist, an act
    that nothing reads, an example of a move that breaks, and phrases that an act lacks.
    """
    file = read_yaml(path)
    found = file.parse(CounterpartFile)
    for name, move in found.moves.items():
        for kind, wanted in (("hits", True), ("passes", False)):
            for index, text in enumerate(getattr(move, kind)):
                if (move.find(text) is not None) != wanted:
                    says = "must" if wanted else "must not"
                    raise file.error(f"{says} be heard in {text!r}", ("moves", name, kind, index))
    known = {**checks.known, **found.moves}
    for where, names in (
        *((("reads", act), names) for act, names in found.reads.items()),
        (("presses",), found.presses),
        (("overpromises",), found.overpromises),
    ):
        for name in names:
            if name not in known:
                raise file.error(f"no move {name!r}; there are {', '.join(sorted(known))}", where)
    acts = {intent.id for intent in pack.intents.intents if intent.speaker == "agent"}
    if odd := sorted(acts ^ set(found.reads)):
        raise file.error(f"the pack's acts are to be read, and no others: {', '.join(odd)}", ("reads",))
    book = load_phrases(pack)
    said = {OCCASIONS.get(act, act) for act in book.file.counterpart}
    said |= {act for act in book.file.counterpart if act == f"counter{NET}"}
    if lacking := sorted(said - set(found.phrases)):
        raise file.error(f"nothing is said for {', '.join(lacking)}", ("phrases",))
    book = replace(book, file=book.file.model_copy(update={"counterpart": found.phrases}))
    reads = {act: Moves(tuple(known[name] for name in names)) for act, names in found.reads.items()}
    press, promise = (
        Moves(tuple(known[name] for name in names)) for names in (found.presses, found.overpromises)
    )
    ears = make_ears(found.coefficients, book, press, promise)
    return World(pack, ears, SecondHearing(reads, tuple(_templates(found.phrases))), found.spread)


def _templates(phrases: Mapping[str, Families]) -> list[tuple[str, Any]]:
    """A pattern for each act that matches just what its phrases say."""
    made = []
    for act, families in phrases.items():
        texts = tuple(pattern_of(text) for family in families.values() for text in family)
        made.append((OCCASIONS.get(act, act), compile_any(texts)))
    return made


def draw_coefficients(base: Coefficients, spread: Spread, seed: str) -> Coefficients:
    """Coefficients around the given ones: every number times exp(u), u uniform in [-s, s].

    Shares stay within [0, 1], counts at 1 or more, a range's ends move together; an opener's factor f becomes
    f ** exp(u), so that what helped still helps.
    """
    rng = random.Random(seed)
    content = base.model_dump()
    for part, width in spread.model_dump().items():
        for name, value in content[part].items():
            factor = math.exp(rng.uniform(-width, width))
            if name not in FIXED:
                content[part][name] = value**factor if part == "opener" else _scaled(value, factor)
    return Coefficients.model_validate(content)


def _scaled(value: Any, factor: float) -> Any:
    match value:
        case tuple() | list() if all(isinstance(one, int | float) for one in value):
            return tuple(_scaled(one, factor) for one in value)
        case bool() | str() | tuple() | list() | dict():
            return value
        case int():
            return max(1, round(value * factor))
        case _:
            return min(1.0, max(-1.0, value * factor))
