"""What a counterpart takes in from a message, against tables that a person worked out."""

import pytest

from suasion.counterpart.coefficients import load_ears, words
from suasion.counterpart.listening import Heard, known_numbers, listen, restates, speaks_of
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief, CompetitorPrice, Ticket
from suasion.negotiation.dialogue import Turn
from suasion.negotiation.pack import Pack

TICKET = Ticket(
    id="t1",
    selling_price=420,
    commission_rate=0.15,
    target_selling_price=380,
    competitor_price=CompetitorPrice(selling_price=385, source="another platform"),
    room="Deluxe King",
    check_in="2026-12-01",
    check_out="2026-12-02",
)
BRIEF = Brief(
    tickets=(TICKET,), facts=("The hotel's page had 310 views in the last 7 days.",), hotel="Sunrise Hotel"
)


def hear(pack: Pack, text: str, earlier: tuple[str, ...] = ()) -> Heard:
    before = tuple(frozenset(words(message)) for message in earlier)
    turn = Turn(speaker="agent", text=text)
    return listen(
        turn, TICKET, known_numbers(BRIEF), frozenset(), before, load_ears(pack), load_hearing(pack)
    )


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        ("Could you do a selling price of 380 yuan?", 380),
        ("The same room is at 385 yuan on another platform. Could you do 380 yuan?", 380),
        ("Could you match the 385 yuan?", 385),
        ("Could you do 340 yuan net?", 400),  # 340 / 0.85
        ("It is selling at 420 yuan now.", None),
        ("Could you keep it at 420 yuan?", None),  # nothing lower is asked for
    ],
)
def test_the_price_that_is_asked_for(pack: Pack, text: str, ask: float | None) -> None:
    heard = hear(pack, text)
    assert heard.ask == (None if ask is None else pytest.approx(ask))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The page had 310 views in the last 7 days.", None),
        ("The page had 3100 views in the last 7 days.", "wrong_number"),
        ("That is 40 yuan less. Could you do 380 yuan?", None),  # 420 - 380
        ("The same room is at 350 yuan on another platform.", "wrong_number"),
        ("The hotel receives 357 yuan now.", None),  # 420 * 0.85
        ("You must lower the price immediately.", "pressure"),
        ("We guarantee more bookings.", "over_promise"),
        ("I can't guarantee more bookings.", None),
        ("Could you do a selling price of 200 yuan?", "low_ball"),
        ("", "gibberish"),
        ("???", "gibberish"),
        ("xqz blorf wuggle frobnitz snarl zzz", "gibberish"),
        (
            "room room room room room room room room price price price price price price price price",
            "gibberish",
        ),
        ("please " * 20 + "think about the price of the room and what it would mean to you " * 6, "long"),
    ],
)
def test_faults(pack: Pack, text: str, fault: str | None) -> None:
    faults = hear(pack, text).faults
    assert fault in faults if fault else not faults


def test_the_same_message_again_is_a_repetition(pack: Pack) -> None:
    text = "I understand your concern, guests compare prices first."
    assert "repetition" not in hear(pack, text).faults
    assert "repetition" in hear(pack, text, earlier=("Hello there, how are you?", text)).faults


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("To confirm: Deluxe King, Dec 1-2, selling price 380 yuan.", True),
        ("To confirm: Deluxe King, 1 to 2 December, a selling price of 380 yuan.", True),
        ("To confirm: Deluxe King, Dec 1-2, 380 yuan.", False),  # which kind?
        ("To confirm: Deluxe King, selling price 380 yuan.", False),  # which days?
        ("To confirm: Queen Room, Dec 1-2, selling price 380 yuan.", False),
        ("To confirm: Deluxe King, Dec 1-2, selling price 390 yuan.", False),
        ("To confirm: Deluxe King, Dec 1-2, 323 yuan net.", True),  # 380 * 0.85
    ],
)
def test_an_agreement_is_restated_with_kind_room_and_dates(text: str, enough: bool) -> None:
    assert restates(text, TICKET, 380) is enough


def test_details_named_in_any_spelling() -> None:
    assert speaks_of("the deluxe king from 2026-12-01 to Dec 2", TICKET) == 3
    assert speaks_of("the other room", TICKET) == 0
