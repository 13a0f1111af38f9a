"""What a price is named for: told, asked for, agreed to, or repeated."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suasion.language.phrases import brief_slots, load_phrases
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import PriceRole, find_prices

CLAIM, PROPOSAL, AGREEMENT, QUOTED = PriceRole


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("The Deluxe King is selling at 420 yuan now.", [CLAIM]),
        ("On another platform guests see it at 385 yuan.", [CLAIM]),
        ("The tires alone cost me 600 last spring.", [CLAIM]),
        ("Someone offered me 240, so 250 and it's yours", [CLAIM, PROPOSAL]),
        ("Our commission is 15%, so how about 380?", [CLAIM, PROPOSAL]),
        ("How about a selling price of 380 yuan?", [PROPOSAL]),
        ("380 yuan", [PROPOSAL]),
        ("My bottom line is 140 yuan. Take it or leave it.", [PROPOSAL]),
        ("I could do 380 or 390 yuan.", [PROPOSAL, PROPOSAL]),
        ("We paid 350 to 360 yuan.", [CLAIM, CLAIM]),
        ("OK, 380 yuan it is.", [AGREEMENT]),
        ("OK, 380 yuan?", [PROPOSAL]),
        ("To confirm: Deluxe King, Dec 1-2, selling price 380 yuan.", [AGREEMENT]),
        ("All right. The page shows 420 yuan.", [CLAIM]),
        ("You said 380 yuan yesterday.", [QUOTED]),
        ("380 yuan? That's an insult.", [QUOTED]),
        ("380 yuan? It helps us both.", [PROPOSAL]),
        ("Can’t do 40 yuan but would meet you at 55", [QUOTED, PROPOSAL]),
        ("380 yuan is too low, we need 400 yuan", [QUOTED, PROPOSAL]),
        ("380 or 390 works for us", [AGREEMENT, AGREEMENT]),
        ("380-400 is too low", [QUOTED, QUOTED]),
        ("So that's 380 yuan selling for the Deluxe King.", [AGREEMENT]),
        ("OK, your 380 yuan then.", [AGREEMENT]),
        ("OK, 380 yuan is too low.", [QUOTED]),
        ("not sure, but 380 yuan", [PROPOSAL]),
        ("We can't agree to 380 yuan.", [QUOTED]),
        ("We can't go below 380 yuan.", [PROPOSAL]),
        ("Shall we make it 380 yuan?", [PROPOSAL]),
        ("The best we could do is 380 yuan.", [PROPOSAL]),
        ("Could you do 380 yuan? That's what guests pay next door.", [PROPOSAL]),
        ("How about 380 yuan? No rush.", [PROPOSAL]),
        ("It sells at approx. 420 yuan.", [CLAIM]),
        ("OK 380 yuan？", [PROPOSAL]),
        ("paid\n380 yuan", [PROPOSAL]),
        ("不行，380元太低了", [QUOTED]),
        ("您好，420元。", [PROPOSAL]),
        ("不能接受380元", [QUOTED]),
        ("380元我接受不了", [QUOTED]),
        ("不能低于350元", [PROPOSAL]),
        ("从12月1日到3日，380元", [PROPOSAL]),
        ("没有问题，380元", [AGREEMENT]),
        ("对不起，380元做不了", [QUOTED]),
        ("佣金收15%", [CLAIM]),
        ("现在卖420元。", [CLAIM]),
        ("佣金15%，到手要350元以上", [CLAIM, PROPOSAL]),
        ("380元行不行", [PROPOSAL]),
        ("好的，380元，就这样", [AGREEMENT]),
        ("好的，380元可以吗？", [PROPOSAL]),
        ("380元太低了，400元吧", [QUOTED, PROPOSAL]),
    ],
)
def test_a_price_has_the_role_that_its_sentence_gives_it(text: str, roles: list[PriceRole]) -> None:
    assert [mention.role for mention in find_prices(text)] == roles


PIECES = [
    "ok, ",
    "380 yuan",
    "? ",
    "not ",
    "you said ",
    "paid ",
    " it is",
    "\n",
    ". ",
    "\u2019",
    "420",
    "380元",
    "成交",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(["en", "zh"]))
def test_a_sentence_that_follows_changes_no_role(text: str, locale: str) -> None:
    roles = [mention.role for mention in find_prices(text, locale=locale)]
    longer = find_prices(f"{text}.\nIt is a deal, as you said. 成交。", locale=locale)
    assert [mention.role for mention in longer] == roles


@pytest.mark.parametrize(
    ("speaker", "act", "role", "least"),
    [
        ("agent", "state_case", CLAIM, 0.9),
        ("agent", "propose", PROPOSAL, 0.95),
        ("agent", "confirm", AGREEMENT, 0.9),
        ("counterpart", "counter", PROPOSAL, 0.9),
    ],
)
def test_the_phrases_of_a_pack_have_the_role_of_their_act(
    hotel: Pack, dialogues: list[Dialogue], speaker: str, act: str, role: PriceRole, least: float
) -> None:
    """As far as phrases go: what they miss is taken for a proposal most often."""
    book, rng = load_phrases(hotel), random.Random(0)
    brief = dialogues[0].brief
    slots = brief_slots(book, brief, brief.tickets[0]) | dict.fromkeys(
        ("price", "proposal", "agreed", "offer"), "380 yuan"
    )
    said = {book.say(act, slots, rng, speaker=speaker) for _ in range(400)}
    roles = [(mention.role, text) for text in sorted(said) for mention in find_prices(text)]
    missed = [text for found, text in roles if found != role]
    assert 1 - len(missed) / len(roles) >= least, missed[:10]
