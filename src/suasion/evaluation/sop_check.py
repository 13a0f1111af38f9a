"""Whether the agent keeps to the procedure, act by act, as a reader hears it that training does not have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.sop import Sop
from suasion.negotiation.tracker import Hearing, advance, start


@dataclass(frozen=True, slots=True)
class SopCheck:
    """Of one negotiation: the agent's replies, those that did what their stage asks, and what was wrong.

    faults: as `stage: lacks act` and `stage: act`, how often.
    """

    replies: int
    kept: int
    faults: Counter[str]


def check_sop(talk: Dialogue, sop: Sop, hearing: Hearing, acts: Sequence[str] | None = None) -> SopCheck:
    """Follow a negotiation through the procedure.

    `acts`: what the counterpart did in each of its turns, where that is known (`outcome.counterpart_acts`);
    else it is heard. What an act of the agent is, `hearing` alone says.
    """
    state, kept, replies = start(talk.brief, sop), 0, 0
    faults: Counter[str] = Counter()
    told = iter(acts or ())
    for turn in talk.turns:
        if turn.speaker == "agent":
            found = _faults(turn, sop, sop.step_of(state).id, hearing)
            replies, kept = replies + 1, kept + (not found)
            faults.update(found)
            seen = turn.model_copy(update={"acts": None})
        else:
            act = next(told, None)
            known = None if act is None or turn.text is None else (act.removesuffix("_net"),)
            seen = turn.model_copy(update={"acts": known})
        state = advance(state, seen, sop, hearing)
    return SopCheck(replies, kept, faults)


def _faults(turn: Turn, sop: Sop, stage_id: str, hearing: Hearing) -> list[str]:
    stage, said = sop.stage(stage_id), hearing.hear("agent", turn.text or "")
    lacking = [f"{stage_id}: lacks {act}" for act in stage.requires if act not in said]
    if stage.requires_any and not said & set(stage.requires_any):
        lacking.append(f"{stage_id}: lacks {' or '.join(stage.requires_any)}")
    return lacking + [f"{stage_id}: {act}" for act in stage.forbids if act in said]
