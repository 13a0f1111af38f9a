"""Each measure on a handful of replies that a person can count."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from suasion.evaluation.measures import MEASURES
from suasion.evaluation.metrics import (
    Arm,
    JudgedReply,
    asked_again,
    bigrams,
    briefs_of,
    count_contexts,
    distinct_share,
    ticket_results,
    unique_share,
)
from suasion.evaluation.statistics import Interval
from suasion.evaluation.transcript import describe_outcome
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Evidence, Severity

Reply = Callable[..., JudgedReply]
Talk = Callable[..., Dialogue]


def measure(key: str, arm: Arm) -> Interval | None:
    return next(row for row in MEASURES if row.key == key).of(arm)


def only_replies(*replies: JudgedReply) -> Arm:
    return Arm("sft", replies, (), (), ())


def test_distinct_2_by_hand() -> None:
    # a b, b a, a b | a b: two different pairs of four
    assert distinct_share([bigrams("a b a b"), bigrams("A b")]) == 0.5
    assert bigrams("400, please") == (("400", ","), (",", "please"))
    assert distinct_share([bigrams("one")]) == 0


def test_unique_replies_ignore_case_and_spaces() -> None:
    assert unique_share(["Hello  you", "hello you", "Hello", "Bye"]) == 0.75


def test_a_missing_reading_is_left_out_not_zero(reply: Reply) -> None:
    arm = only_replies(reply(0, r_total=2.0), reply(1, r_total=None), reply(2, r_total=4.0))
    total, scored = measure("r_total", arm), measure("scored", arm)
    assert total is not None
    assert scored is not None
    assert (total.estimate, total.n) == (3.0, 2)
    assert scored.estimate == pytest.approx(2 / 3)


def test_violations_count_only_what_costs_points(reply: Reply) -> None:
    hits = (
        Evidence("leak", -60, Severity.CRITICAL, (0, 1), "o"),
        Evidence("long", -5, Severity.LOW),
        Evidence("polite", 5, Severity.LOW),
    )
    arm = only_replies(reply(0, evidence=hits), reply(1), reply(2, e_func=None, evidence=()))
    violations, critical = measure("violations", arm), measure("critical", arm)
    assert violations is not None
    assert critical is not None
    assert violations.estimate == pytest.approx(100)
    assert violations.n == 2  # rules that failed gave no reading
    assert critical.estimate == pytest.approx(50)


def test_shares_and_means(reply: Reply) -> None:
    arm = only_replies(
        reply(0, truncated=True, tokens=10), reply(1, required_acts=False, tokens=30), reply(2, fluency=None)
    )
    found = {key: measure(key, arm) for key in ("truncated", "required_acts", "tokens", "fluency")}
    estimates = {key: interval.estimate for key, interval in found.items() if interval}
    assert estimates == pytest.approx(
        {"truncated": 1 / 3, "required_acts": 2 / 3, "tokens": 20, "fluency": -2.05}
    )


def test_replies_to_one_brief_are_one_cluster(reply: Reply) -> None:
    same = reply(0)
    assert measure("r_total", only_replies(same, same)) == Interval(1.0, None, None, 2)


def test_a_context_that_is_answered_again_is_the_same_context(reply: Reply) -> None:
    contexts = [reply(index).dialogue for index in range(3)]
    again = asked_again(contexts, 2)
    assert again[:3] == contexts, "who answers fewer answers each once"
    assert len({one.id for one in again}) == 6
    assert [(one.brief, one.turns) for one in again[3:]] == [(one.brief, one.turns) for one in contexts]
    replies = [replace(reply(index % 3), dialogue=one) for index, one in enumerate(again)]
    assert count_contexts(replies) == 3
    assert briefs_of(replies)[3:] == briefs_of(replies)[:3], "and is no independent evidence"


def test_negotiations_by_hand(negotiation: Talk) -> None:
    talks = (
        negotiation(0, success=True),
        negotiation(1, success=False),
        negotiation(2, success=False, responded=False),
        negotiation(3).model_copy(update={"outcome": None}),
    )
    arm = Arm("sft", (), talks, (1, 0, 0, 0), (5, 3, 1, 1))
    keys = (
        "response",
        "task_success",
        "conversation_success",
        "success_given_response",
        "reduction",
        "turns",
    )
    found = {key: interval.estimate for key in keys if (interval := measure(key, arm))}
    assert found == pytest.approx(
        {
            "response": 2 / 3,
            "task_success": 1 / 3,
            "conversation_success": 1 / 3,
            "success_given_response": 1 / 2,
            "reduction": 0.1 / 3,
            "turns": 2,
        }
    )
    rate = measure("negotiation_violations", arm)
    assert rate is not None
    assert rate.estimate == pytest.approx(10)


def test_without_a_price_the_consent_is_what_is_won() -> None:
    def talk(yes: bool) -> Dialogue:
        outcome = {"responded": True, "successes": {"consent": yes}, "ending": "declined"}
        return Dialogue.model_validate({"id": "n", "brief": {"goal": "a gift"}, "outcome": outcome})

    talks = (talk(True), talk(False))
    arm = Arm("sft", (), talks, (0, 0), (1, 1))
    success = measure("task_success", arm)
    assert success is not None
    assert success.estimate == 0.5
    assert measure("reduction", arm) is None  # nothing was to be reduced
    assert describe_outcome(talks[0]) == ("answered", "consent given", "declined")
    assert describe_outcome(talks[1]) == ("answered", "no consent", "declined")


def test_success_is_per_ticket_and_conversation_needs_all() -> None:
    tickets = [
        {"id": t, "selling_price": 400, "commission_rate": 0.1, "target_selling_price": 300} for t in "ab"
    ]
    record = {
        "id": "n",
        "brief": {"tickets": tickets},
        "outcome": {"responded": True, "tickets": {"a": 300}, "successes": {"a": True}},
    }
    dialogue = Dialogue.model_validate(record)
    arm = Arm("sft", (), (dialogue,), (0,), (1,))
    assert [result.success for result in ticket_results([dialogue])] == [True, False]
    task, whole = measure("task_success", arm), measure("conversation_success", arm)
    assert task is not None
    assert whole is not None
    assert (task.estimate, whole.estimate) == (0.5, 0.0)


def test_an_empty_arm_has_no_measure() -> None:
    assert all(row.of(Arm("sft", (), (), (), ())) is None for row in MEASURES)


def test_an_arm_counts_every_negotiation(negotiation: Talk) -> None:
    with pytest.raises(ValueError, match="1 negotiations, but 0 counts"):
        Arm("sft", (), (negotiation(0),), (), (1,))
