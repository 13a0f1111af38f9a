"""What the pack itself says, in the state where it says it, breaks no rule."""

import random

from suasion.language.acts import load_hearing
from suasion.language.phrases import brief_slots, load_phrases
from suasion.language.replies import PlannedReply, say_reply
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State, advance, start
from suasion.rewards.rules import RuleSet

HOTEL = Pack.load("hotel")
RULES = RuleSet.load(HOTEL)
BOOK, HEARING = load_phrases(HOTEL), load_hearing(HOTEL)


def drawn_brief(rng: random.Random) -> Brief:
    slots = BOOK.file.slots
    tickets = []
    for number, room in enumerate(rng.sample(slots["rooms"], rng.choice([1, 1, 2]))):
        price, day = rng.randrange(200, 900, 5), rng.randrange(1, 27)
        seen = {"selling_price": round(price * 0.93), "source": rng.choice(slots["sources"])}
        tickets.append(
            {"commission_rate": 0.15}
            | {
                "id": f"t{number}",
                "room": room,
                "selling_price": price,
                "target_selling_price": round(price * 0.9),
            }
            | {"check_in": f"2026-11-{day:02}", "check_out": f"2026-11-{day + rng.randrange(1, 4):02}"}
            | {"competitor_price": rng.choice([None, seen])}
        )
    city = rng.choice(slots["cities"])
    facts = [
        fact.format(n=rng.randrange(100, 500), m=rng.randrange(2, 9), city=city) for fact in slots["facts"]
    ]
    hotel = f"{rng.choice(slots['hotel_first'])} {rng.choice(slots['hotel_second'])}"
    named = {
        "hotel": hotel,
        "agency": rng.choice(slots["agencies"]),
        "agent_name": rng.choice(slots["agents"]),
    }
    return Brief.model_validate(named | {"city": city, "tickets": tickets, "facts": rng.sample(facts, 2)})


def drawn_answer(state: State, brief: Brief, rng: random.Random) -> Turn:
    assert state.ticket is not None
    if rng.random() < 0.12:
        return Turn(speaker="counterpart", silence_minutes=45)
    ticket = state.ticket.ticket
    offer = rng.choice([ticket.target_selling_price, ticket.selling_price - 5])
    act = rng.choice(
        ["hello", "ask_why", "refuse", "counter", "counter_net", "agree", "hesitate", "busy", "complain"]
    )
    slots = brief_slots(BOOK, brief, ticket) | {
        "offer": f"{offer:g} yuan",
        "net": f"{offer * (1 - ticket.commission_rate):.0f} yuan",
    }
    family = rng.choice(list(BOOK.file.counterpart[act]))
    return Turn(speaker="counterpart", text=BOOK.say(act, slots, rng, family, "counterpart"))


def drawn_reply(state: State, so_far: Dialogue, rng: random.Random) -> PlannedReply:
    """A planned reply that repeats no earlier one and says no goodbye while another ticket is open."""
    said = " ".join(turn.text or "" for turn in so_far.turns if turn.speaker == "agent")
    more = len([ticket for ticket in state.tickets if not ticket.done]) > 1
    for _ in range(200):
        family = rng.choice([*BOOK.file.agent["propose"]])
        reply = say_reply(state, so_far.brief, HOTEL.sop, BOOK, rng, family)
        if reply.text not in said and not (more and "bye" in reply.acts):
            return reply
    return reply


def test_good_phrases_in_their_right_state_pass() -> None:
    """Every reply that the pack itself would say: what a rule takes from these it takes from the good."""
    faults = []
    for seed in range(300):
        rng = random.Random(seed)
        so_far = Dialogue(id=str(seed), brief=drawn_brief(rng))
        state = start(so_far.brief, HOTEL.sop)
        while not state.ended(HOTEL.sop) and state.replies < 10:
            reply = drawn_reply(state, so_far, rng)
            for one in RULES.check(so_far.with_reply(reply.text), state).evidence:
                if one.name != "self-repetition":  # ten turns exhaust what one family has to say
                    faults.append((seed, state.stage, state.side, one.name, reply.text, one.note))
            for turn in (Turn(speaker="agent", text=reply.text), drawn_answer(state, so_far.brief, rng)):
                so_far, state = so_far.continued(turn), advance(state, turn, HOTEL.sop, HEARING)
    assert faults == []
