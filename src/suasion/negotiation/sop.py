"""The standard operating procedure as data: stages, what each requires, and what leads on."""

from collections.abc import Iterable
from functools import cached_property
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from suasion.errors import InputError
from suasion.negotiation.consent import CONSENT_EVENTS
from suasion.yaml_files import YamlFile


class Standing(Protocol):
    """Where a dialogue stands; see tracker.State."""

    @property
    def stage(self) -> str: ...

    @property
    def side(self) -> str | None: ...


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exit(_Frozen):
    """When `on` happens, the dialogue is in stage `to`. Events: see tracker.py."""

    on: str
    to: str


class Stage(_Frozen):
    """One step of the procedure, or (in `side_states`) an interruption of it."""

    id: str
    goal: str
    requires: tuple[str, ...] = Field(default=(), description="agent acts that a reply here must contain")
    requires_any: tuple[str, ...] = Field(default=(), description="agent acts of which a reply contains one")
    forbids: tuple[str, ...] = Field(default=(), description="agent acts that are a fault here")
    moves: tuple[tuple[str, ...], ...] = Field(description="act sequences that a good agent uses here")
    exits: tuple[Exit, ...] = ()
    on: tuple[str, ...] = Field(default=(), description="side states: the events that open it")
    max_attempts: int | None = Field(default=None, description="replies here after which the agent gives in")
    terminal: bool = False


class Sop(_Frozen):
    """Stages in their usual order, side states, and the silence after which a follow-up is due."""

    version: int
    stages: tuple[Stage, ...]
    side_states: tuple[Stage, ...] = ()
    follow_up_minutes: float = 30
    max_follow_ups: int = 2
    max_replies: int = Field(24, ge=1, description="after which a served agent hands over to a person")
    give_in_stage: str

    @cached_property
    def _by_id(self) -> dict[str, Stage]:
        return {stage.id: stage for stage in reversed((*self.stages, *self.side_states))}

    def stage(self, stage_id: str) -> Stage:
        """The stage or side state of this id; the first where several have it."""
        return self._by_id[stage_id]

    def step_of(self, state: "Standing") -> Stage:
        """The stage or side state whose rules hold for the next reply."""
        return self.stage(state.side or state.stage)

    @property
    def start(self) -> Stage:
        return self.stages[0]


PRICE_EVENTS = frozenset(
    {"price.acceptable", "price.offer", "price.withdrawn", "ticket.next", "tickets.done", "silence"}
)


def load_sop(file: YamlFile, acts: Iterable[str]) -> Sop:
    """Parse and check an SOP; `acts` are the known ones as `agent.x` and `counterpart.x`.

    Raises InputError with the line of an unknown act, event or stage, of a stage that can't be
    reached, and of one from which no terminal stage can be reached.
    """
    sop = file.parse(Sop)
    known = set(acts)
    events = known | PRICE_EVENTS | CONSENT_EVENTS | {"agent.any", "counterpart.any"}
    names = [stage.id for stage in sop.stages]
    for group, stages in (("stages", sop.stages), ("side_states", sop.side_states)):
        for index, stage in enumerate(stages):
            for field in ("requires", "requires_any", "forbids"):
                _known({f"agent.{act}" for act in getattr(stage, field)}, known, file, (group, index, field))
            for number, move in enumerate(stage.moves):
                _known({f"agent.{act}" for act in move}, known, file, (group, index, "moves", number))
            _known(set(stage.on), events, file, (group, index, "on"))
            for number, leave in enumerate(stage.exits):
                _known({leave.on}, events, file, (group, index, "exits", number))
                _known({leave.to}, set(names), file, (group, index, "exits", number))
    _known({sop.give_in_stage}, set(names), file, ("give_in_stage",))
    _check_paths(sop, names, file)
    return sop


def _known(found: set[str], known: set[str], file: YamlFile, loc: tuple[str | int, ...]) -> None:
    if unknown := sorted(found - known):
        raise file.error(f"unknown name {unknown[0]!r}; known are {', '.join(sorted(known))}", loc)


def _check_paths(sop: Sop, names: list[str], file: YamlFile) -> None:
    forward = {stage.id: {leave.to for leave in stage.exits} for stage in sop.stages}
    side_exits = {leave.to for side in sop.side_states for leave in side.exits}
    reached = _closure({sop.start.id, sop.give_in_stage} | side_exits, forward)
    backward = {name: {source for source, to in forward.items() if name in to} for name in names}
    ends = {stage.id for stage in sop.stages if stage.terminal}
    ending = _closure(ends, backward)
    for index, stage in enumerate(sop.stages):
        if stage.id not in reached:
            raise _at(file, index, f"stage {stage.id!r} can't be reached from {sop.start.id!r}")
        if stage.id not in ending:
            raise _at(file, index, f"stage {stage.id!r} leads to no terminal stage")


def _closure(start: set[str], edges: dict[str, set[str]]) -> set[str]:
    reached, frontier = set(start), list(start)
    while frontier:
        fresh = edges[frontier.pop()] - reached
        reached |= fresh
        frontier.extend(fresh)
    return reached


def _at(file: YamlFile, index: int, message: str) -> InputError:
    return file.error(message, ("stages", index))
