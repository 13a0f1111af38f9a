"""Which ways through its SOP a dialogue can take, and what one that it took is called."""

from collections.abc import Iterator
from dataclasses import dataclass

from suasion.negotiation.sop import Sop, Stage

GAVE_IN = "max_attempts"  # in place of an event: the agent has replied as often as the stage allows
WENT_ON = "back"  # in place of an event: what had opened the side state is over


@dataclass(frozen=True, slots=True)
class Transition:
    """From a stage or side state to a stage, on an event, or on one of the two above."""

    source: str
    on: str
    to: str


def transitions(sop: Sop) -> Iterator[Transition]:
    """All of an SOP: each exit, giving in, and from each side state back to each stage that does not end."""
    for stage in sop.stages:
        yield from _exits(stage)
        if stage.max_attempts is not None:
            yield Transition(stage.id, GAVE_IN, sop.give_in_stage)
    for side in sop.side_states:
        yield from _exits(side)
        for stage in sop.stages:
            if not stage.terminal:
                yield Transition(side.id, WENT_ON, stage.id)


def _exits(step: Stage) -> Iterator[Transition]:
    return (Transition(step.id, leave.on, leave.to) for leave in step.exits if leave.to != step.id)
