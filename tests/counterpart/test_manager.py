"""The manager: its reservation price holds whatever is said, and what is said moves it the right way."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.coefficients import load_ears
from suasion.counterpart.hidden_type import HiddenType, limit_price
from suasion.counterpart.listening import net_of
from suasion.counterpart.manager import Manager
from suasion.counterpart.simulate import simulate
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.prices import find_prices

from .conftest import (
    ASK,
    GIBBERISH,
    OPENER,
    PRESSURE,
    PROMISE,
    REASONS,
    WRONG,
    Line,
    Scripted,
    cooperative,
    wavering,
)

RUNS = 250


def negotiate(
    pack: Pack,
    lines: Sequence[Line],
    hidden: Callable[[Brief], HiddenType] | None = wavering,
    seed: int = 5,
    runs: int = RUNS,
) -> list[Dialogue]:
    briefs = [brief for brief in draw_briefs(pack, 2 * runs, seed) if len(brief.tickets) == 1][:runs]
    return simulate(Scripted(lines), briefs, seed, pack=pack, hidden=hidden)


def successes(dialogues: list[Dialogue]) -> float:
    return sum(dialogue.outcome is not None and dialogue.outcome.success for dialogue in dialogues) / len(
        dialogues
    )


def responses(dialogues: list[Dialogue]) -> float:
    return sum(dialogue.outcome is not None and dialogue.outcome.responded for dialogue in dialogues) / len(
        dialogues
    )


def test_no_agreement_below_the_reservation_price(pack: Pack) -> None:
    briefs = draw_briefs(pack, 500, seed=11)
    for dialogue in simulate(IntentAgent(pack), briefs, 11, pack=pack, hidden=None):
        assert dialogue.outcome is not None
        least = dialogue.outcome.model_extra["hidden_type"]["reservation_net"]  # type: ignore[index]
        for ticket in dialogue.brief.tickets:
            price = dialogue.outcome.tickets[ticket.id]
            assert price is None or net_of(price, ticket) >= least[ticket.id] - 0.01


def test_a_low_price_is_never_agreed_to_however_often_it_is_asked_for(pack: Pack) -> None:
    def stubborn(brief: Brief) -> HiddenType:
        prices = {t.id: net_of(t.target_selling_price + 6, t) for t in brief.tickets}
        return replace(wavering(brief), reservation_net=prices, patience=30)

    assert successes(negotiate(pack, [OPENER, REASONS, ASK, REASONS], hidden=stubborn, runs=80)) == 0


def test_reasons_and_empathy_win_more_than_asking_alone(pack: Pack) -> None:
    plain = successes(negotiate(pack, [OPENER, ASK]))
    reasoned = successes(negotiate(pack, [OPENER, REASONS, REASONS]))
    assert reasoned > plain + 0.15


@pytest.mark.parametrize("bad", [PRESSURE, PROMISE, WRONG, GIBBERISH])
def test_what_hurts(pack: Pack, bad: Line) -> None:
    good = successes(negotiate(pack, [OPENER, REASONS, REASONS, REASONS]))
    spoiled = successes(negotiate(pack, [OPENER, bad, REASONS, REASONS]))
    assert spoiled < good - 0.05


def test_pressure_and_gibberish_go_on_until_it_wants_no_more_messages(pack: Pack) -> None:
    endings = [
        d.outcome.ending
        for d in negotiate(pack, [OPENER, PRESSURE, GIBBERISH, PRESSURE], runs=60)
        if d.outcome
    ]
    assert endings.count("opted_out") > 30


def test_a_bad_first_message_is_answered_less(pack: Pack) -> None:
    good = responses(negotiate(pack, [OPENER, ASK], hidden=None))
    nameless = responses(negotiate(pack, [((), "What do you think about a lower price?"), ASK], hidden=None))
    gibberish = responses(negotiate(pack, [GIBBERISH, ASK], hidden=None))
    assert good > nameless + 0.1 > gibberish + 0.15
    assert gibberish < 0.05


def test_haggling_after_an_agreement_spoils_the_mood(pack: Pack) -> None:
    brief = next(brief for brief in draw_briefs(pack, 20, 1) if len(brief.tickets) == 1)
    price = brief.tickets[0].target_selling_price
    manager = Manager(cooperative(brief), brief, load_ears(pack), load_hearing(pack), "s")
    dialogue = Dialogue(id="d", brief=brief).continued(
        Turn(speaker="agent", text=f"Could you do a selling price of {price:g} yuan?"),
        Turn(speaker="counterpart", text="OK, agreed."),
        Turn(speaker="agent", text=f"And could you do a selling price of {price - 20:g} yuan?"),
    )
    manager.reply(dialogue)
    assert manager.mind.mood < cooperative(brief).mood
    assert manager.mind.acts[-1] in ("refuse", "retract")
    assert manager.prices()["t1"] in (None, price)


def test_a_wrong_confirmation_is_refused(pack: Pack) -> None:
    brief = draw_briefs(pack, 1, 1)[0]
    manager = Manager(cooperative(brief), brief, load_ears(pack), load_hearing(pack), "s")
    ticket = brief.tickets[0]
    text = f"To confirm: {ticket.details['room']}, selling price {ticket.target_selling_price:g} yuan."
    dialogue = Dialogue(id="d", brief=brief).continued(
        Turn(speaker="agent", text="Hello.", acts=("state_case",)),
        Turn(speaker="counterpart", text="yes?"),
        Turn(speaker="agent", text=text),
    )
    manager.reply(dialogue)
    assert manager.mind.acts[-1] == "refuse"
    assert manager.prices() == {"t1": None}


def test_the_past_is_taken_in_before_answering(pack: Pack) -> None:
    """A dialogue can be continued in the middle: what its own side said is kept to."""
    brief = draw_briefs(pack, 1, 1)[0]
    offer = brief.tickets[0].target_selling_price
    manager = Manager(cooperative(brief), brief, load_ears(pack), load_hearing(pack), "s")
    dialogue = Dialogue(id="d", brief=brief).continued(
        Turn(speaker="agent", text="What is your best price?"),
        Turn(speaker="counterpart", text=f"I can do {offer:g} yuan."),
        Turn(speaker="agent", text=f"To confirm: a selling price of {offer:g} yuan."),
    )
    manager.reply(dialogue)
    assert manager.prices() == {"t1": offer}
    with pytest.raises(ValueError, match="were seen"):
        manager.reply(Dialogue(id="d", brief=brief))


def test_mind_is_a_value_from_which_it_can_be_replayed(pack: Pack) -> None:
    brief = draw_briefs(pack, 1, 1)[0]
    first, second = (
        Manager(cooperative(brief), brief, load_ears(pack), load_hearing(pack), "s") for _ in range(2)
    )
    dialogue = Dialogue(id="d", brief=brief).continued(
        Turn(speaker="agent", text="Hello, this is Lin from Voyara.")
    )
    dialogue = dialogue.continued(
        first.reply(dialogue), Turn(speaker="agent", text="What is your best price?")
    )
    second.mind = first.mind
    assert first.reply(dialogue) == second.reply(dialogue)
    assert first.mind == second.mind


def test_no_simulator_errors(pack: Pack) -> None:
    """No empty texts, no unfilled slots; prices are positive, and both sides take turns."""
    for dialogue in simulate(
        IntentAgent(pack), draw_briefs(pack, 300, seed=21), 21, pack=pack, hidden=cooperative
    ):
        for turn in dialogue.turns:
            assert (turn.text is None) != (turn.silence_minutes is None)
            assert turn.silence_minutes is None or turn.silence_minutes > 0
            if turn.text is not None:
                assert turn.text.strip()
                assert not set("{}[]") & set(turn.text)
                assert all(mention.amount > 0 for mention in find_prices(turn.text))
        assert [turn.speaker for turn in dialogue.turns[::2]] == ["agent"] * len(dialogue.turns[::2])


def test_limit_is_the_reservation_as_selling_price(pack: Pack) -> None:
    brief = draw_briefs(pack, 1, 1)[0]
    ticket = brief.tickets[0]
    hidden = replace(cooperative(brief), reservation_net={ticket.id: 85.0})
    assert limit_price(ticket, hidden) == pytest.approx(85 / (1 - ticket.commission_rate))
