"""The SOP as people read it at the terminal: each stage, what it asks for, and where it leads."""

from collections.abc import Iterator

from suasion.negotiation.sop import Sop, Stage

ARROW = "→"


def draw_sop(sop: Sop) -> str:
    """Every stage and side state with its requirements and exits, one line each."""
    lines: list[str] = []
    for stage in sop.stages:
        lines += [_heading(stage, "end" if stage.terminal else ""), *_asks(stage, sop), *_exits(stage)]
    if sop.side_states:
        lines += ["", "at any time, then back to where it was:"]
    for side in sop.side_states:
        lines += [_heading(side, f"on {', '.join(side.on)}"), *_asks(side, sop), *_exits(side)]
    return "\n".join(lines)


def _heading(stage: Stage, note: str) -> str:
    return f"{stage.id}{f' ({note})' if note else ''}: {stage.goal}"


def _asks(stage: Stage, sop: Sop) -> Iterator[str]:
    if stage.requires:
        yield f"    must say {' and '.join(stage.requires)}"
    if stage.requires_any:
        yield f"    must say {' or '.join(stage.requires_any)}"
    if stage.forbids:
        yield f"    must not say {' or '.join(stage.forbids)}"
    if stage.max_attempts:
        yield f"    {ARROW} {sop.give_in_stage}  after {stage.max_attempts} replies here"


def _exits(stage: Stage) -> Iterator[str]:
    for to in dict.fromkeys(leave.to for leave in stage.exits):
        events = ", ".join(leave.on for leave in stage.exits if leave.to == to)
        yield f"    {ARROW} {to}  on {events}"
