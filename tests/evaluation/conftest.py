"""Arms small enough to check by hand: SFT breaks a rule in every second reply, REPO in none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from suasion.evaluation.metrics import Arm, JudgedReply
from suasion.evaluation.transcript import TurnEvidence, TurnScore, with_scores
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Evidence, Severity

ArmMaker = Callable[..., Arm]
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def brief(index: int, tickets: int = 1) -> dict[str, Any]:
    return {
        "hotel": f"Hotel {index}",
        "tickets": [
            {"id": f"t{n}", "selling_price": 400, "commission_rate": 0.15, "target_selling_price": 360}
            for n in range(1, tickets + 1)
        ],
    }


def text_of(index: int) -> str:
    """A different reply for each index below 1000, without a word pair twice in it."""
    digits = [WORDS[int(digit)] for digit in f"{index:03d}"]
    return f"{digits[0]} a {digits[1]} b {digits[2]}"


def judged(index: int, **changes: Any) -> JudgedReply:
    turns = [{"speaker": "agent", "text": "Hello"}, {"speaker": "counterpart", "text": "Yes?"}]
    dialogue = Dialogue.model_validate({"id": f"c{index}", "brief": brief(index), "turns": turns})
    reply = JudgedReply(
        dialogue=dialogue.with_reply(changes.pop("text", text_of(index))),
        stage="negotiate",
        r_total=1.0 + index % 3 / 10,
        r_model=1.0,
        e_judge=10.0,
        e_func=0.0,
        evidence=(),
        criteria=(),
        tokens=20,
        truncated=False,
        fluency=-2.0 - index % 2 / 10,
        required_acts=True,
    )
    return replace(reply, **changes)


def talk(index: int, success: bool = True, responded: bool = True, said: str = "Hello") -> Dialogue:
    dialogue = Dialogue.model_validate(
        {
            "id": f"n{index}",
            "brief": brief(index),
            "turns": [
                {"speaker": "agent", "text": said},
                {"speaker": "counterpart", "text": "Fine, 360."}
                if responded
                else {"speaker": "counterpart", "silence_minutes": 60},
            ],
            "outcome": {
                "responded": responded,
                "tickets": {"t1": 360 if success else None},
                "successes": {"t1": success},
                "ending": "agreed" if success else "expired",
            },
        }
    )
    hit = TurnEvidence(name="greeting", points=-5, severity=Severity.LOW, span=(0, 5), text=said[:5])
    return with_scores(dialogue, [TurnScore(r_total=1.5, e_func=-5, stage="open", evidence=(hit,)), None])


def make_arm(name: str, replies: int = 20, talks: int = 20, **changes: Any) -> Arm:
    """SFT or REPO as the class of cases needs it; `changes` go into every reply."""
    worse = name != "repo"
    hit = Evidence("over-promise", -40, Severity.HIGH, (0, 3), "one")
    rows = []
    for index in range(replies):
        broken = worse and index % 2 == 0
        reply = judged(index, evidence=(hit,) if broken else (), e_func=-40.0 if broken else 0.0)
        if not worse:
            reply = replace(reply, r_total=(reply.r_total or 0) + 0.5 + index % 4 / 10)
        rows.append(replace(reply, **changes))
    return Arm(
        name,
        tuple(rows),
        tuple(talk(index, success=index % 2 == 0) for index in range(talks)),
        (2 if worse else 1,) * talks,
        (4,) * talks,
    )


@pytest.fixture
def arm() -> ArmMaker:
    return make_arm


@pytest.fixture
def reply() -> Callable[..., JudgedReply]:
    return judged


@pytest.fixture
def negotiation() -> Callable[..., Dialogue]:
    return talk
