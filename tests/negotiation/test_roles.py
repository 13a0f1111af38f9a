"""What a price is named for: told, asked for, agreed to, or repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    longer = find_prices(f"{text}.\nThank you.", locale=locale)
    assert [mention.role for mention in longer] == roles
