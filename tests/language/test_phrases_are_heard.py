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
MISLEADING = {"agree", "refuse", "hesitate", "retract", "opt_out", "counter"}
# These send the agent aside, to excuse itself or to answer.
MISLEADING |= {"complain", "busy", "wrong_person", "ask_machine", "ask_person", "ask_promise"}
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


def test_a_manager_has_many_ways_to_say_what_it_says_often() -> None:
    """Fewer, and the same sentence comes again with another number."""
    often = {"hello", "ask_why", "refuse", "refuse_open", "hesitate"}
    often |= {"counter", "counter_net", "agree", "confirm_yes"}
    counts = {name: len({one.text for one in said}) for name, said in SAID["counterpart"].items()}
    few = {name: count for name, count in counts.items() if count < (200 if name in often else 60)}
    assert few == {}


@pytest.mark.parametrize("name", sorted(SAID["counterpart"]))
def test_named_prices_are_found(name: str) -> None:
    """400 as selling price; 340 net at 15 % commission is the same 400."""
    for one in SAID["counterpart"][name]:
        expected = [pytest.approx(400)] if "yuan" in one.text else []
        assert list(offers(one.text, TicketState(TICKET))) == expected, one.text
