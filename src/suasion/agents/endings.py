"""When an agent has nothing more to say: agreed, declined, opted out, silent, or a person's turn."""

from dataclasses import dataclass
from enum import StrEnum

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import Hearing, State

OPT_OUT, ASK_PERSON = "opt_out", "ask_person"  # acts of the counterpart, where the pack has them


class Ending(StrEnum):
    AGREED = "agreed"  # at least one price is
    DECLINED = "declined"
    OPTED_OUT = "opted_out"
    SILENT = "silent"
    HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True)
class Stopping:
    """Reads from a dialogue whether the agent stops, before its reply or with it."""

    pack: Pack
    hearing: Hearing

    def before(self, dialogue: Dialogue, state: State) -> Ending | None:
        """Why the agent is not to reply at all; None where a reply is due."""
        sop, silent = self.pack.sop, bool(dialogue.turns) and dialogue.turns[-1].text is None
        if self.opted_out(dialogue, answered=True):
            return Ending.OPTED_OUT
        if state.silences > sop.max_follow_ups:
            return Ending.SILENT if not _agreed(state) else Ending.AGREED
        over = state.ended(sop) or (silent and sop.stage(state.stage).terminal)
        if over and state.side is None:
            return _result(state)
        return Ending.HANDED_OVER if state.replies >= sop.max_replies else None

    def after(self, dialogue: Dialogue, state: State) -> Ending | None:
        """Why the reply that the dialogue ends with was the agent's last; None where it goes on.

        `state` is the one after that reply.
        """
        if self.opted_out(dialogue):
            return Ending.OPTED_OUT
        if ASK_PERSON in state.heard:
            return Ending.HANDED_OVER
        return _result(state) if state.ended(self.pack.sop) and state.side is None else None

    def opted_out(self, dialogue: Dialogue, answered: bool = False) -> bool:
        """Whether the counterpart ever asked not to be written to; with `answered`, and was told farewell."""
        for place, turn in enumerate(dialogue.turns):
            if turn.speaker == "counterpart" and turn.text and self.asks_to_stop(turn.text):
                return not answered or any(later.speaker == "agent" for later in dialogue.turns[place + 1 :])
        return False

    def asks_to_stop(self, text: str) -> bool:
        return OPT_OUT in self.hearing.hear("counterpart", text)


def _agreed(state: State) -> bool:
    return any(ticket.agreed is not None and ticket.restated for ticket in state.tickets)


def _result(state: State) -> Ending:
    return Ending.AGREED if _agreed(state) else Ending.DECLINED
