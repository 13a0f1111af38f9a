"""Round trip: whatever the phrasebook says for an act is heard as that act, and its price as that price."""

import pytest

from suasion.language.acts import load_hearing
from suasion.language.check import Wording, wordings
from suasion.negotiation.brief import Ticket
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TicketState, offers

PACK = Pack.load("hotel")
TICKET = Ticket(id="t1", selling_price=420, commission_rate=0.15, target_selling_price=380)
SAID: dict[str, dict[str, list[Wording]]] = {"agent": {}, "counterpart": {}}
for one in wordings(PACK):
    SAID[one.speaker].setdefault(str(one.loc[1]), []).append(one)
MISLEADING = {"agree", "refuse", "retract", "opt_out", "complain", "counter"}
ALSO = {"retract": {"refuse"}, "agree": {"counter"}, "agree_asked": {"counter"}}
ALSO |= {name: {"counter"} for name in ("refuse_last", "refuse_last_net")}  # it says its own price again


@pytest.mark.parametrize("name", sorted(SAID["agent"]))
def test_agent(name: str) -> None:
    hearing = load_hearing(PACK)
    misheard = [one.text for one in SAID["agent"][name] if one.act not in hearing.hear("agent", one.text)]
    assert misheard == []


@pytest.mark.parametrize("name", sorted(SAID["counterpart"]))
def test_counterpart(name: str) -> None:
    hearing = load_hearing(PACK)
    for one in SAID["counterpart"][name]:
        heard = hearing.hear("counterpart", one.text)
        assert one.act in heard, one.text
        assert not heard & (MISLEADING - {one.act} - ALSO.get(name, set())), (one.text, heard)


@pytest.mark.parametrize("name", sorted(SAID["counterpart"]))
def test_named_prices_are_found(name: str) -> None:
    """400 as selling price; 340 net at 15 % commission is the same 400."""
    for one in SAID["counterpart"][name]:
        expected = [pytest.approx(400)] if "yuan" in one.text else []
        assert list(offers(one.text, TicketState(TICKET))) == expected, one.text
