"""The standard operating procedure as data: stages, what each requires, and what leads on."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from suasion.errors import InputError
from suasion.negotiation.consent import CONSENT_EVENTS
from suasion.yaml_files import Loc, YamlFile


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
        return {stage.id: stage for stage in (*self.stages, *self.side_states)}

    def stage(self, stage_id: str) -> Stage:
        """The stage or side state of this id."""
        return self._by_id[stage_id]

    def step_of(self, state: "Standing") -> Stage:
        """The stage or side state whose rules hold for the next reply."""
        return self.stage(state.side or state.stage)

    def opened_by(self, events: Sequence[str]) -> Stage | None:
        """The side state that the events open; the agent's words open none."""
        if any(event.startswith("agent.") for event in events):
            return None
        return next((side for side in self.side_states if any(on in events for on in side.on)), None)

    @property
    def start(self) -> Stage:
        return self.stages[0]


PRICE_EVENTS = frozenset(
    {"price.acceptable", "price.offer", "price.withdrawn", "ticket.next", "tickets.done", "silence"}
)
AGENT_EVENTS = frozenset({"ticket.next", "tickets.done"})  # come with the agent's words, as `agent.<act>` do


def load_sop(file: YamlFile, acts: Iterable[str]) -> Sop:
    """Parse and check an SOP; `acts` are the known ones as `agent.x` and `counterpart.x`.

    Raises InputError with line and field of an id given twice, of an unknown act, event or stage, of a stage
    or side state that can't be reached, and of a stage from which no terminal one can be reached.
    """
    sop = file.parse(Sop)
    known = set(acts)
    events = known | PRICE_EVENTS | CONSENT_EVENTS | {"agent.any", "counterpart.any"}
    names = [stage.id for stage in sop.stages]
    _check_ids(sop, file)
    for group, stages in _groups(sop):
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
    _check_sides(sop, file)
    _check_paths(sop, names, file)
    return sop


def _groups(sop: Sop) -> tuple[tuple[str, tuple[Stage, ...]], ...]:
    return ("stages", sop.stages), ("side_states", sop.side_states)


def _known(found: set[str], known: set[str], file: YamlFile, loc: Loc) -> None:
    if unknown := sorted(found - known):
        raise file.error(f"unknown name {unknown[0]!r}; known are {', '.join(sorted(known))}", loc)


def _check_ids(sop: Sop, file: YamlFile) -> None:
    seen: set[str] = set()
    for group, stages in _groups(sop):
        for index, stage in enumerate(stages):
            if stage.id in seen:
                raise file.error(
                    f"the id {stage.id!r} is given twice; expected another", (group, index, "id")
                )
            seen.add(stage.id)


def _check_sides(sop: Sop, file: YamlFile) -> None:
    taken: set[str] = set()
    for index, side in enumerate(sop.side_states):
        if why := _closed(side, taken):
            raise file.error(f"side state {side.id!r} can't be reached: {why}", ("side_states", index, "on"))
        taken.update(side.on)


def _closed(side: Stage, taken: set[str]) -> str | None:
    """Why nothing opens the side state, or None; events of `taken` open one above."""
    opening = [event for event in side.on if comes_with(event) != "agent"]
    if not side.on:
        return "no event opens it"
    if not opening:
        return "the agent's words open none; expected an event of the counterpart, or silence"
    if not any(_left(event, taken) for event in opening):
        return "what opens it opens a side state above"
    return None


def comes_with(event: str) -> str:
    """Whose message makes the event: `agent` or `counterpart`; `silence` is nobody's."""
    if event in AGENT_EVENTS:
        return "agent"
    maker = event.partition(".")[0]
    return maker if maker in ("agent", "silence") else "counterpart"


def _left(event: str, taken: set[str]) -> bool:
    """Whether the event can come without any of `taken`, which are tried before it."""
    return taken.isdisjoint({event, f"{comes_with(event)}.any"})


def _live(exits: Iterable[Exit]) -> set[str]:
    """Where the exits lead, without those whose event an exit above takes."""
    taken: set[str] = set()
    found: set[str] = set()
    for leave in exits:
        if _left(leave.on, taken):
            found.add(leave.to)
        taken.add(leave.on)
    return found


def _check_paths(sop: Sop, names: list[str], file: YamlFile) -> None:
    gives_in = {sop.give_in_stage}
    forward = {
        stage.id: _live(stage.exits) | (gives_in if stage.max_attempts is not None else set())
        for stage in sop.stages
    }
    # a side state is left at the agent's reply: no event of the agent takes an exit of it
    heard = [[leave for leave in side.exits if comes_with(leave.on) != "agent"] for side in sop.side_states]
    reached = _closure({sop.start.id}.union(*map(_live, heard)), forward)
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
