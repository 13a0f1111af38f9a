"""Where a negotiation stands, from the words alone: tables that a person worked out."""

from typing import Any

import pytest

from suasion import Dialogue, track
from suasion.language.acts import load_hearing
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State

PACK = Pack.load("hotel")
DATES = {"check_in": "2026-12-01", "check_out": "2026-12-02"}
FIRST = {"id": "t1", "room": "Deluxe King", "selling_price": 420, "target_selling_price": 380}
SECOND = {"id": "t2", "room": "Twin Room", "selling_price": 300, "target_selling_price": 270}

HELLO = "Hello, this is Lin from Voyara."
CASE = "The Deluxe King, Dec 1-2, sells at 420 yuan now."
ASK = "Could you do a selling price of 380 yuan?"
NOTED = "Thank you! Noted: Deluxe King, Dec 1-2, 380 yuan selling price."
TALK = [(HELLO, "yes, I do prices"), (CASE, "so?")]


def stand(*pairs: tuple[str, str | int | None], tickets: tuple[dict[str, Any], ...] = (FIRST,)) -> State:
    """The state after exchanges: what the agent says, and the answer, or a silence in minutes."""
    turns: list[dict[str, Any]] = []
    for said, answer in pairs:
        turns.append({"speaker": "agent", "text": said})
        if isinstance(answer, str):
            turns.append({"speaker": "counterpart", "text": answer})
        elif answer is not None:
            turns.append({"speaker": "counterpart", "silence_minutes": answer})
    own = [ticket | DATES | {"commission_rate": 0.15} for ticket in tickets]
    brief = {"hotel": "Sunrise Hotel", "agency": "Voyara", "agent_name": "Lin", "tickets": own}
    dialogue = Dialogue.model_validate({"id": "d", "brief": brief, "turns": turns})
    return track(dialogue, PACK.sop, load_hearing(PACK))


@pytest.mark.parametrize(
    ("pairs", "stage", "side"),
    [
        ([], "open", None),
        ([(HELLO, "yes?")], "present", None),
        (TALK, "persuade", None),
        ([*TALK, (ASK, "why?")], "negotiate", None),
        ([*TALK, (ASK, "ok, 380 is fine")], "confirm", None),
        ([*TALK, (ASK, "ok, 380 is fine"), (NOTED, "great")], "close", None),
        ([*TALK, (ASK, 45)], "negotiate", "silence"),
        ([(HELLO, "stop bothering me")], "present", "upset"),
        ([(HELLO, "I'm only at the front desk.")], "present", "wrong_person"),
        ([(HELLO, "are you a robot?")], "present", "identity"),
        ([*TALK, (ASK, "can you guarantee more bookings?")], "negotiate", "promise"),
        ([*TALK, (ASK, "no"), (ASK, "no"), (ASK, "no"), (ASK, "no")], "decline", None),
    ],
)
def test_stage_and_side_state(
    pairs: list[tuple[str, str | int | None]], stage: str, side: str | None
) -> None:
    state = stand(*pairs)
    assert (state.stage, state.side) == (stage, side)


@pytest.mark.parametrize(
    ("answer", "agreed", "offer"),
    [
        ("ok, 380 is fine", 380, 380),
        ("Yes, we can do that.", 380, 380),
        ("Yes.", 380, 380),
        ("yes, that's me", None, None),
        ("No way, at 350 yuan we lose money.", None, None),
        ("No, we can't do 370.", None, None),
        ("370 is too low", None, None),
        ("We need 10% more", None, None),
        ("We are 85% booked, no way", None, None),
        ("Our costs rose 12% this year.", None, None),
        ("we can do 10%", 378, 378),
        ("10% off", 378, 378),
        ("375 then", 375, 375),
        ("I can offer 400", None, 400),
        ("380 is too low", None, None),
        ("well let's say 380 yuan and that's a good deal", 380, 380),
        ("I can offer 380", 380, 380),
        ("So you are asking for 380?", None, None),
        ("I can offer 380, no, that's too low", None, None),
        ("From 420 we can go down to 380 for you", 380, 380),
        ("We could not do 380 yuan.", None, None),
        ("You want 380 instead of 420?", None, None),
        ("Is 380 your minimum?", None, None),
        ("I would not sell this room for 380 yuan.", None, None),
        ("I can't do 380 but I can do 400", None, 400),
        ("It's not much, but we can do 400", None, 400),
        ("hmm, 380, let me ask my boss", None, None),
        ("we could take 320 net", 320 / 0.85, 320 / 0.85),
    ],
)
def test_what_an_answer_makes_of_the_price(answer: str, agreed: float | None, offer: float | None) -> None:
    ticket = stand(*TALK, (ASK, answer)).ticket
    assert ticket is not None
    assert (ticket.agreed, ticket.offer) == pytest.approx((agreed, offer))


def test_silence_is_no_agreement() -> None:
    state = stand(*TALK, (ASK, 45), ("Did you get a moment to look at it?", 60))
    assert state.silences == 2
    assert state.ticket is not None
    assert state.ticket.agreed is None


def test_a_retraction_takes_the_agreement_back() -> None:
    state = stand(*TALK, (ASK, "ok, 380 is fine"), (NOTED, "I take that back, the boss said no."))
    assert state.ticket is not None
    assert (state.stage, state.ticket.agreed) == ("negotiate", None)


@pytest.mark.parametrize(
    ("answer", "stage", "agreed", "offer"),
    [
        ("great", "close", 380, 380),
        ("no problem, that's right", "close", 380, 380),
        ("it was 420 before, 380 is right", "close", 380, 380),
        ("right, so 323 net for us", "close", 380, 380),
        ("Yes, that's right. We can't go lower.", "close", 380, 380),
        ("Yes, correct, 400 was too much", "close", 380, 380),
        ("Yes, so 20 yuan less than our last price", "close", 380, 380),
        ("Yes. And you keep 15%?", "close", 380, 380),
        ("No worries, thanks.", "close", 380, 380),
        ("Great, I'll ask the team to update it.", "close", 380, 380),
        ("perfect, we will see you then", "close", 380, 380),
        ("What? I never said that.", "negotiate", None, None),
        ("Wait, which price?", "negotiate", None, None),
        ("sorry, make it 375 yuan", "confirm", 375, 375),
        ("I can't do 380 after all, 378 yuan is ok", "confirm", 378, 378),
        ("too low", "negotiate", None, None),
        ("no", "negotiate", None, None),
        ("hold on, I have to ask the owner", "negotiate", None, None),
        ("no, 400", "negotiate", None, 400),
        ("make it 400 yuan", "negotiate", None, 400),
        ("sorry, I can't do that after all", "negotiate", None, None),
    ],
)
def test_a_confirmation_wants_a_yes(
    answer: str, stage: str, agreed: float | None, offer: float | None
) -> None:
    state = stand(*TALK, (ASK, "ok, 380 is fine"), (NOTED, answer))
    assert state.ticket is not None
    assert (state.stage, state.ticket.agreed, state.ticket.offer) == (stage, agreed, offer)


def test_a_correction_to_another_price_that_suffices_is_confirmed_again() -> None:
    state = stand(*TALK, (ASK, "370 then"), (NOTED.replace("380", "370"), "sorry, make it 378 yuan"))
    assert state.ticket is not None
    assert (state.stage, state.ticket.agreed, state.ticket.restated) == ("confirm", 378, 0)


def test_a_no_after_a_silence_is_still_to_what_was_confirmed() -> None:
    kept = [*TALK, (ASK, "ok, 380 is fine")]
    reminded = "Did you get a moment to look at it?"
    assert stand(*kept, (NOTED, 45), (reminded, "no, too low")).stage == "negotiate"
    assert stand(*kept, (NOTED, "yes"), ("Goodbye.", "No, nothing else from us.")).stage == "close"


@pytest.mark.parametrize(
    ("answer", "first", "second"),
    [
        ("Yes, that's right. For the Twin Room 450 is the best I can do.", 380, (None, 450)),
        ("For the Twin Room 450 is the best I can do.", 380, (None, 450)),
        ("ok, 440 is fine too", 380, (440, 440)),
        ("No, 440 is too low for the Twin Room.", 380, (None, None)),
        ("no, too low for the Deluxe King", None, (None, None)),
    ],
)
def test_with_two_tickets_a_no_belongs_to_what_it_names(
    answer: str, first: float | None, second: tuple[float | None, float | None]
) -> None:
    dear = SECOND | {"selling_price": 500, "target_selling_price": 440}
    both = NOTED + " And the Twin Room, Dec 1-2, sells at 500 yuan now."
    state = stand(*TALK, (ASK, "ok, 380 is fine"), (both, answer), tickets=(FIRST, dear))
    assert state.tickets[0].agreed == first
    assert (state.tickets[1].agreed, state.tickets[1].offer) == second


def test_a_no_to_a_still_lower_price_leaves_what_is_agreed() -> None:
    lower = "Could you do a selling price of 360 yuan?"
    state = stand(*TALK, (ASK, "ok, 380 is fine"), (lower, "no, too low"))
    assert state.ticket is not None
    assert (state.stage, state.ticket.agreed) == ("confirm", 380)


def test_a_price_taken_back_comes_into_focus_before_the_next_ticket() -> None:
    both = NOTED + " And the Twin Room, Dec 1-2, sells at 300 yuan now."
    for said in (NOTED, both):
        state = stand(*TALK, (ASK, "ok, 380 is fine"), (said, "no, too low"), tickets=(FIRST, SECOND))
        assert state.ticket is not None
        assert (state.stage, state.ticket.ticket.id, state.ticket.agreed) == ("negotiate", "t1", None)


def test_the_next_ticket_comes_into_focus_when_one_is_done() -> None:
    state = stand(*TALK, (ASK, "ok, 380 is fine"), (NOTED, "right"), tickets=(FIRST, SECOND))
    assert state.stage == "present"
    assert state.ticket is not None
    assert state.ticket.ticket.id == "t2"
    assert [ticket.done for ticket in state.tickets] == [True, False]


def test_who_opts_out_is_asked_nothing_more() -> None:
    state = stand((HELLO, "please remove us from your list"), tickets=(FIRST, SECOND))
    assert state.stage == "decline"
    assert all(ticket.refused for ticket in state.tickets)
