"""Round trip: whatever the phrasebook says for an act is heard as that act, and its price as that price."""

from collections.abc import Iterator

import pytest

from suasion.language.acts import load_hearing
from suasion.language.phrases import load_phrases
from suasion.negotiation.brief import Ticket
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import TicketState, offers

PACK = Pack.load("hotel")
SLOTS = {
    "hotel": "Sunrise Hotel",
    "city": "Hangzhou",
    "agency": "Voyara",
    "agent_name": "Lin",
    "room": "Deluxe King",
    "dates": "Dec 1-2",
    "current": "420 yuan",
    "proposal": "380 yuan",
    "agreed": "380 yuan",
    "offer": "400 yuan",
    "net": "340 yuan",
    "evidence": "The same room is at 385 yuan on another platform.",
    "worry": "costs are high",
    "commission": "15",
}
TICKET = Ticket(id="t1", selling_price=420, commission_rate=0.15, target_selling_price=380)


def spelled_out(template: str) -> Iterator[str]:
    """Every alternative of each `[a|b]`."""
    start = template.find("[")
    if start < 0:
        yield template.format(**SLOTS)
        return
    end = template.index("]", start)
    for choice in template[start + 1 : end].split("|"):
        yield from spelled_out(template[:start] + choice + template[end + 1 :])


def phrases(speaker: str) -> list[tuple[str, str]]:
    file = load_phrases(PACK).file
    acts = file.agent if speaker == "agent" else file.counterpart
    return [
        (act, text)
        for act, families in acts.items()
        for templates in families.values()
        for template in templates
        for text in spelled_out(template)
    ]


@pytest.mark.parametrize(("act", "text"), phrases("agent"))
def test_agent(act: str, text: str) -> None:
    assert act in load_hearing(PACK).hear("agent", text)


@pytest.mark.parametrize(("act", "text"), phrases("counterpart"))
def test_counterpart(act: str, text: str) -> None:
    heard = load_hearing(PACK).hear("counterpart", text)
    assert act.removesuffix("_net") in heard
    misleading = {"agree", "refuse", "retract", "opt_out", "complain", "counter"} - {act.removesuffix("_net")}
    allowed = {"retract": {"refuse"}, "agree": {"counter"}}.get(act, set())
    assert not heard & (misleading - allowed)


@pytest.mark.parametrize(("act", "text"), [pair for pair in phrases("counterpart") if "yuan" in pair[1]])
def test_named_prices_are_found(act: str, text: str) -> None:
    """400 as selling price; 340 net at 15 % commission is the same 400."""
    assert list(offers(text, TicketState(TICKET))) == [pytest.approx(400)]
