"""What a text must not be: a table of what a model may write for an answer, and what is wrong with it."""

import random
from collections.abc import Iterator

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.deviations import CHECKS, find_fault
from suasion.counterpart.mind import Answer
from suasion.counterpart.simulate import managers, simulate
from suasion.counterpart.wording import FromPhrases, Line, Spoken
from suasion.language.acts import load_hearing
from suasion.language.phrases import load_phrases
from suasion.negotiation.brief import Brief, Ticket
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack

from .conftest import cooperative

AGENT = "Hello, could you do a selling price of 380 yuan for the Queen Room on 2 December?"
REFUSE, AGREE, HELLO = Answer("refuse"), Answer("agree", price=380.0), Answer("hello")
COUNTER, NET = Answer("counter", price=400.0), Answer("counter", price=400.0, net=340.0)
LAST = Answer("refuse", price=400.0, words="refuse_last")
ASKED = Answer("agree", price=380.0, words="agree_asked")
YES, RETRACT = Answer("confirm_yes", price=380.0), Answer("retract")


def line_of(answer: Answer, said: str = AGENT) -> Line:
    ticket = Ticket(
        id="t1", selling_price=420, commission_rate=0.15, target_selling_price=380, room="Queen Room"
    )
    brief = Brief(tickets=(ticket,), hotel="Sunrise")
    dialogue = Dialogue(id="d", brief=brief, turns=(Turn(speaker="agent", text=said),))
    return Line(answer, dialogue, ticket, cooperative(brief), 0.5, random.Random(0), "s")


@pytest.mark.parametrize(
    ("answer", "text", "kind"),
    [
        (REFUSE, "No, we can't do that for the 2 December.", None),
        (AGREE, "Yes, we can do that.", None),
        (AGREE, "OK, agreed, 380 yuan.", None),
        (COUNTER, "I can do 400 yuan for you.", None),
        (COUNTER, "I can do a selling price of 400 yuan\nfor you.", None),
        (NET, "I can do 340 net.", None),
        (NET, "We could do a selling price of 400 yuan, that is 340 net.", None),
        (LAST, "No, 400 yuan is as low as we go.", None),
        (ASKED, "OK, 380 yuan then.", None),
        (HELLO, "Yes, hello, what is it about?", None),
        (YES, "Yes, that's right.", None),
        # in the act
        (REFUSE, "The weather is nice.", "act"),
        (REFUSE, "Yes, we can do that.", "act"),
        (AGREE, "Maybe.", "act"),
        (COUNTER, "We will see.", "unpriced"),
        (HELLO, "Goodbye.", "act"),
        # it says more than was decided
        (REFUSE, "No, we can't. Please don't contact us again.", "misleading"),
        (REFUSE, "No. But we accept your price.", "misleading"),
        (REFUSE, "No, I take that back.", "misleading"),
        (REFUSE, "No, not possible. Are you a bot?", "misleading"),
        (AGREE, "OK, agreed. I have to ask the boss first though.", "act"),  # which is no yes any more
        (AGREE, "Deal. Let me think about it.", "misleading"),
        (COUNTER, "No way. I can do 400 yuan.", "misleading"),
        (YES, "Yes, agreed.", "misleading"),  # to the tracker a yes to what was asked for last
        (RETRACT, "I changed my mind, and leave us alone.", "misleading"),
        # in the price
        (COUNTER, "I can do something.", "unpriced"),
        (COUNTER, "I can do 390 yuan.", "price"),
        (COUNTER, "I can do 400 yuan or 395 yuan.", "price"),
        (COUNTER, "I can do 400 euro.", "price"),
        (COUNTER, "I can do 400.40 yuan.", "price"),
        (COUNTER, "I can do 400 net.", "price"),
        (COUNTER, "I can do 340 net.", "price"),  # the same to receive, but it does not speak of net
        (COUNTER, "I can knock off 20 yuan.", "price"),
        (COUNTER, "I can do five percent less.", "price"),
        (COUNTER, "I can do three hundred and ninety yuan.", "price"),
        (NET, "I can do 340 yuan.", "price"),
        (NET, "I can do 340.5 net.", "price"),
        (ASKED, "OK, agreed.", "unpriced"),
        (ASKED, "OK, agreed to 370 yuan.", "price"),
        (LAST, "No, that's too low.", "unpriced"),
        (REFUSE, "No, 380 yuan is too low.", "price"),
        (AGREE, "OK, agreed, 379 yuan.", "price"),
        (REFUSE, "No, we have 17 people here.", "digits"),
        (REFUSE, "No, we have \u0663\u0668\u0660 reasons.", "characters"),
        (REFUSE, "No, \u4e09\u767e\u516b\u5341 is not possible.", "characters"),
        # in form
        (REFUSE, "No, we can't. " * 30, "long"),
        (REFUSE, "No.\nWe\ncan't\ngo.", "long"),
        (REFUSE, "No, we can't (he says politely).", "notes"),
        (REFUSE, "*sighs* No, we can't.", "notes"),
        (REFUSE, "No, we can't.<|im_end|>", "notes"),
        (REFUSE, "Manager: No, we can't.", "label"),
        (REFUSE, "No, we can't. Agent: thank you.", "label"),
        (REFUSE, "The front desk: no.", "label"),
        (REFUSE, "The message, said otherwise: no, we can't.", "label"),
        (REFUSE, "No. That is what the counterpart says.", "label"),
        (REFUSE, "No, we can't. Could you do a selling price of yuan for the Queen Room?", "echo"),
        (REFUSE, "No, we can't. \u6210\u4ea4", "characters"),
        (REFUSE, "N\u043e, we can't.", "characters"),  # a Cyrillic o
        (REFUSE, "No, we can't.\u200b", "characters"),
        (REFUSE, "No, we can\u0336't.", "characters"),
        (REFUSE, "No,\twe can't.\x07", "characters"),
        (REFUSE, "", "act"),
    ],
)
def test_by_hand(pack: Pack, answer: Answer, text: str, kind: str | None) -> None:
    fault = find_fault(text, line_of(answer), load_hearing(pack))
    assert (fault.kind if fault else None) == kind, fault


def test_a_whole_message_said_back_is_an_echo_and_a_common_word_is_none(pack: Pack) -> None:
    said = line_of(REFUSE, "No, we really can't.")
    fault = find_fault("No, we really can't.", said, load_hearing(pack))
    assert fault is not None
    assert fault.kind == "echo"
    assert find_fault("No, we can't.", line_of(REFUSE, "No, really?"), load_hearing(pack)) is None


class Listening(FromPhrases):
    """Says the phrases, and keeps what the checks say about them."""

    def __init__(self, pack: Pack) -> None:
        super().__init__(load_phrases(pack))
        self.hearing, self.faults, self.count = load_hearing(pack), list[str](), 0

    def say(self, line: Line) -> Spoken:
        spoken = super().say(line)
        self.faults += [f"{spoken.text}: {fault}" for fault in self._faults(spoken.text, line)]
        self.count += 1
        return spoken

    def _faults(self, text: str, line: Line) -> Iterator[str]:
        for kind, check in CHECKS.items():
            yield from (f"{kind}: {why}" for why in check(text, line, self.hearing))


@pytest.mark.parametrize("name", ["hotel", "donation"])
def test_what_the_pack_says_itself_would_pass(name: str) -> None:
    """Else the checks were stricter than the counterpart that they stand for."""
    pack = Pack.load(name)
    speaker = Listening(pack)
    made = managers(pack, load_hearing(pack), speaker=speaker)
    simulate(IntentAgent(pack), draw_briefs(pack, 60, seed=3), 3, pack=pack, counterpart=made)
    assert speaker.count > 100
    assert speaker.faults == []
