"""The intent-driven agent: it finishes what can be finished, and says what its stage asks for."""

import random

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.hidden_type import HiddenType
from suasion.counterpart.listening import net_of
from suasion.counterpart.simulate import simulate
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import advance, start


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.load("hotel")


def cooperative(brief: Brief) -> HiddenType:
    """Always answers, and could live with far less than the target."""
    rng = random.Random(brief.model_dump_json())
    return HiddenType(
        reservation_net={ticket.id: 0.6 * net_of(ticket.selling_price, ticket) for ticket in brief.tickets},
        patience=14,
        mood=0.9,
        busyness=0.2,
        decides_alone=rng.random() < 0.5,
        wrong_person=rng.random() < 0.2,
        no_reply=0.0,
        silence=0.0,
        late=rng.random() < 0.2,
        net_talk=rng.random() < 0.4,
        style=rng.choice(["plain", "short", "polite", "chatty"]),
    )


@pytest.fixture(scope="module")
def cooperative_dialogues(pack: Pack) -> list[Dialogue]:
    return simulate(IntentAgent(pack), draw_briefs(pack, 400, seed=31), 31, pack=pack, hidden=cooperative)


def test_at_least_95_percent_with_a_cooperative_counterpart(cooperative_dialogues: list[Dialogue]) -> None:
    outcomes = [dialogue.outcome for dialogue in cooperative_dialogues if dialogue.outcome]
    several = [outcome for outcome in outcomes if len(outcome.tickets) > 1]
    assert sum(outcome.success for outcome in outcomes) / len(outcomes) >= 0.95
    assert len(several) > 30
    assert sum(outcome.success for outcome in several) / len(several) >= 0.95


def test_each_reply_does_what_its_stage_requires(pack: Pack, cooperative_dialogues: list[Dialogue]) -> None:
    hearing, replies, faults = load_hearing(pack), 0, []
    for dialogue in cooperative_dialogues[:150]:
        state = start(dialogue.brief, pack.sop)
        for turn in dialogue.turns:
            if turn.speaker == "agent":
                stage, acts = pack.sop.step_of(state), hearing.hear("agent", turn.text or "")
                replies += 1
                missing = set(stage.requires) - acts
                lacks_any = stage.requires_any and not acts & set(stage.requires_any)
                if missing or lacks_any or acts & set(stage.forbids):
                    faults.append((stage.id, turn.text, sorted(acts)))
            state = advance(state, turn, pack.sop, hearing)
    assert len(faults) <= 0.02 * replies, faults[:5]


def test_says_no_goodbye_while_a_ticket_is_open(pack: Pack) -> None:
    brief = next(brief for brief in draw_briefs(pack, 60, seed=2) if len(brief.tickets) == 2)
    agent = IntentAgent(pack)
    for seed in range(30):
        dialogue = Dialogue(id=f"d{seed}", brief=brief)
        while len(dialogue.turns) < 14:
            text = agent.reply([dialogue], seed)[0]
            acts = load_hearing(pack).hear("agent", text)
            dialogue = dialogue.continued(Turn(speaker="agent", text=text))
            if "accept_no" in acts:
                assert "bye" not in acts
                break
            dialogue = dialogue.continued(Turn(speaker="counterpart", text="No, we can't go lower."))
        else:
            pytest.fail("never gave in")


def test_seeded_and_independent_of_the_batch(pack: Pack) -> None:
    dialogues = [Dialogue(id=f"d{n}", brief=brief) for n, brief in enumerate(draw_briefs(pack, 20, seed=3))]
    agent = IntentAgent(pack, seed=1)
    assert agent.reply(dialogues, 1) == agent.reply(dialogues, 1)
    assert agent.reply(dialogues, 1)[7] == agent.reply([dialogues[7]], 1)[0]
    assert agent.reply(dialogues, 1) != agent.reply(dialogues, 2)
    assert agent.reply(dialogues, 1) != IntentAgent(pack, seed=2).reply(dialogues, 1)
