"""What a whole negotiation is paid, and which of its replies count; for every trainer, ours or another's."""

import statistics
from collections.abc import Sequence

from suasion.counterpart.simulate import MAX_REPLIES
from suasion.negotiation.tracker import State

REPLIES = 4  # a negotiation has about so many: a step then writes about as many as with the other credit


def standing(state: State) -> tuple[object, ...]:
    """What of the state a reply has to change to have moved anything: stage, prices, refusals, consent."""
    tickets = tuple((t.offer, t.agreed, t.restated > 0, t.refused) for t in state.tickets)
    consent = (state.consent.given, state.consent.restated > 0)
    return state.stage, state.focus, state.responded, tickets, consent


def worth(totals: Sequence[float | None], moved: Sequence[bool], won: float, outcome: float) -> float | None:
    """The number that a whole negotiation is paid; None where no reply that moved it was read.

    totals: R_total of each reply, None where not read. A reply that moved nothing takes away what it is below
    the mean of those that did, over MAX_REPLIES: adding one never raises the result, whatever it scores. The
    first reply counts among those that did.
    """
    counted = [on or place == 0 for place, on in enumerate(moved)]
    pairs = [pair for pair in zip(totals, counted, strict=True) if pair[0] is not None]
    progress = [total for total, on in pairs if on and total is not None]
    if not progress:
        return None
    mean = statistics.mean(progress)
    idle = sum(min(0.0, total - mean) for total, on in pairs if not on and total is not None)
    return mean + idle / MAX_REPLIES + outcome * won
