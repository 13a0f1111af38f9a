"""Round trip: whatever the phrasebook says for an act is heard as that act, and its price as that price."""

import pytest

from suasion.language.acts import load_hearing
from suasion.language.check import wordings
from suasion.negotiation.brief import Ticket
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TicketState, offers

PACK = Pack.load("hotel")
TICKET = Ticket(id="t1", selling_price=420, commission_rate=0.15, target_selling_price=380)


SAID = list(wordings(PACK))


def phrases(speaker: str) -> list[tuple[str, str]]:
    return [(one.act, one.text) for one in SAID if one.speaker == speaker]


@pytest.mark.parametrize(("act", "text"), phrases("agent"))
def test_agent(act: str, text: str) -> None:
    assert act in load_hearing(PACK).hear("agent", text)


@pytest.mark.parametrize(("act", "text"), phrases("counterpart"))
def test_counterpart(act: str, text: str) -> None:
    heard = load_hearing(PACK).hear("counterpart", text)
    assert act in heard
    misleading = {"agree", "refuse", "retract", "opt_out", "complain", "counter"} - {act}
    allowed = {"retract": {"refuse"}, "agree": {"counter"}}.get(act, set())
    assert not heard & (misleading - allowed)


@pytest.mark.parametrize(("act", "text"), [pair for pair in phrases("counterpart") if "yuan" in pair[1]])
def test_named_prices_are_found(act: str, text: str) -> None:
    """400 as selling price; 340 net at 15 % commission is the same 400."""
    assert list(offers(text, TicketState(TICKET))) == [pytest.approx(400)]
