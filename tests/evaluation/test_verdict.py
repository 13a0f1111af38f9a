"""The verdict: a case where all holds, and for each criterion one where it alone does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from suasion.evaluation.criteria import Margins
from suasion.evaluation.metrics import Arm, JudgedReply, asked_again
from suasion.evaluation.statistics import Interval
from suasion.evaluation.verdict import judge_arms
from suasion.negotiation.dialogue import Dialogue, Outcome
from suasion.rewards.score import Evidence, Severity

ArmMaker = Callable[..., Arm]
HIT = Evidence("over-promise", -40, Severity.HIGH, (0, 3), "one")


def changed(arm: Arm, change: Callable[[int, JudgedReply], JudgedReply]) -> Arm:
    return replace(arm, replies=tuple(change(index, reply) for index, reply in enumerate(arm.replies)))


def with_outcomes(arm: Arm, responded: Callable[[int], bool], success: Callable[[int], bool]) -> Arm:
    def end(index: int, dialogue: Dialogue) -> Dialogue:
        outcome = Outcome(responded=responded(index), successes={"t1": success(index)})
        return dialogue.model_copy(update={"outcome": outcome})

    return replace(arm, negotiations=tuple(end(index, talk) for index, talk in enumerate(arm.negotiations)))


def same_words(index: int, reply: JudgedReply) -> JudgedReply:
    return replace(
        reply,
        dialogue=reply.dialogue.with_reply(
            f"we ask you once more whether you could take a lower price {index}"
        ),
    )


# of ten that were won eight are just enough, of twenty that answered fifteen are too few
SPOIL: dict[str, Callable[[Arm], Arm]] = {
    "r_total": lambda a: changed(a, lambda i, r: replace(r, r_total=(-1.0) ** i)),
    "violations": lambda a: changed(a, lambda _, r: replace(r, evidence=(HIT,))),
    "negotiation_violations": lambda a: replace(a, negotiation_violations=(2,) * len(a.negotiations)),
    "task_success": lambda a: with_outcomes(a, lambda _: True, lambda i: i % 2 == 0 and i > 5),
    "response": lambda a: with_outcomes(a, lambda i: i > 4, lambda i: i % 2 == 0),
    "distinct_2": lambda a: changed(a, same_words),
    "unique": lambda a: changed(
        a, lambda i, r: replace(r, dialogue=r.dialogue.with_reply(a.replies[i // 2].text))
    ),
    "fluency": lambda a: changed(a, lambda _, r: replace(r, fluency=(r.fluency or 0) - 0.05)),
    "length": lambda a: changed(a, lambda _, r: replace(r, tokens=27)),
    "required_acts": lambda a: changed(a, lambda i, r: replace(r, required_acts=i > 0)),
}


def test_contexts_are_counted_once_however_often_they_are_answered(arm: ArmMaker) -> None:
    def twice(one: Arm) -> Arm:
        again = asked_again([reply.dialogue for reply in one.replies], 2)
        replies = zip([*one.replies, *one.replies], again, strict=True)
        return replace(one, replies=tuple(replace(reply, dialogue=named) for reply, named in replies))

    once, verdict = (
        judge_arms(a, b, Margins())
        for a, b in ((arm("sft"), arm("repo")), (twice(arm("sft")), twice(arm("repo"))))
    )
    assert (verdict.contexts, verdict.replies) == (20, 40)
    assert "on 20 held-out contexts" in verdict.headline
    before, after = (one.criterion("r_total").change for one in (once, verdict))
    assert before
    assert after
    assert after.low == pytest.approx(before.low), "the same replies again say nothing new"


def test_all_hold(arm: ArmMaker) -> None:
    verdict = judge_arms(arm("sft"), arm("repo"), Margins())
    assert verdict.better
    assert verdict.headline.startswith("REPO is better than SFT: mean R_total rose from 1.10 to 1.74")
    assert "on 20 held-out contexts" in verdict.headline
    assert "fell from 50.0 to 0.0 there (−50.0, 95 % interval" in verdict.headline
    assert "and from 50.0 to 25.0 (−25.0, 95 % interval" in verdict.headline
    assert "in 20 simulated negotiations" in verdict.headline


@pytest.mark.parametrize("key", SPOIL)
def test_each_criterion_can_fail(arm: ArmMaker, key: str) -> None:
    verdict = judge_arms(arm("sft"), SPOIL[key](arm("repo")), Margins())
    assert verdict.criterion(key).met is False
    assert not verdict.better
    assert verdict.headline.startswith("REPO is NOT shown better than SFT: failed criteri")
    assert verdict.criterion(key).name in verdict.headline
    others = {row.key for row in verdict.criteria if row.met is False} - {key}
    assert others <= ({"distinct_2"} if key == "unique" else set())


def test_a_higher_mean_without_evidence_is_not_enough(arm: ArmMaker) -> None:
    repo = changed(arm("repo"), lambda i, r: replace(r, r_total=2.0 if i == 0 else 1.05))
    row = judge_arms(arm("sft"), repo, Margins()).criterion("r_total")
    assert row.change is not None
    assert row.change.low is not None
    assert row.change.low < 0
    assert row.met is False


def test_a_loss_within_the_margin_is_no_collapse(arm: ArmMaker) -> None:
    # two of ten successes lost: just the four fifths that have to be kept
    repo = with_outcomes(arm("repo"), lambda _: True, lambda i: i % 2 == 0 and i > 3)
    row = judge_arms(arm("sft"), repo, Margins()).criterion("task_success")
    assert row.met
    assert row.limits == pytest.approx((-0.1,))
    assert judge_arms(arm("sft"), repo, Margins(task_success=0.9)).criterion("task_success").met is False


def test_fluency_within_noise_is_not_lower(arm: ArmMaker) -> None:
    def noisy(index: int, reply: JudgedReply) -> JudgedReply:
        return replace(reply, fluency=(reply.fluency or 0) - 0.03 + (-1) ** index * noise)

    noise = 0.2
    row = judge_arms(arm("sft"), changed(arm("repo"), noisy), Margins()).criterion("fluency")
    assert row.change is not None
    assert row.change.estimate == pytest.approx(-0.03)
    assert row.met
    noise = 0.4  # an interval down to -0.2: so few replies say nothing of what may have been lost
    row = judge_arms(arm("sft"), changed(arm("repo"), noisy), Margins()).criterion("fluency")
    assert row.met is False


def test_nothing_measured_is_not_better(arm: ArmMaker) -> None:
    verdict = judge_arms(arm("sft", talks=0), arm("repo", talks=0), Margins())
    assert not verdict.better
    assert verdict.headline == (
        "REPO is NOT shown better than SFT: not measured: fewer rule violations in negotiations, "
        "task success not lower, response rate not lower; 7 of 10 hold."
    )


def test_empty_arms_get_a_verdict(arm: ArmMaker) -> None:
    verdict = judge_arms(arm("sft", 0, 0), arm("repo", 0, 0), Margins())
    assert {row.met for row in verdict.criteria} == {None}


def test_only_pairs_count(arm: ArmMaker) -> None:
    verdict = judge_arms(arm("sft", replies=12, talks=30), arm("repo", replies=20, talks=25), Margins())
    assert (verdict.contexts, verdict.negotiations) == (12, 25)


def test_unpaired_arms_are_refused(arm: ArmMaker) -> None:
    sft, repo = arm("sft"), arm("repo")
    with pytest.raises(ValueError, match="reply 0: the arms answer different contexts, 'c0' and 'c19'"):
        judge_arms(sft, replace(repo, replies=repo.replies[::-1]), Margins())
    with pytest.raises(ValueError, match="negotiation 0: the arms' briefs differ"):
        judge_arms(sft, replace(repo, negotiations=repo.negotiations[::-1]), Margins())


def test_a_negotiation_that_failed_is_neither_won_nor_lost(arm: ArmMaker) -> None:
    """Nor answered or not: of a pair with a failed one nothing is compared."""
    sft = arm("sft")
    failed = sft.negotiations[0].model_copy(update={"outcome": None})
    cut = replace(sft, negotiations=(failed, *sft.negotiations[1:]))
    verdict = judge_arms(cut, arm("repo"), Margins())
    assert verdict.criterion("task_success").change.n == 19  # type: ignore[union-attr]
    assert verdict.criterion("response").change.n == 19  # type: ignore[union-attr]
    assert verdict.criterion("negotiation_violations").change.n == 19  # type: ignore[union-attr]
    assert verdict.negotiations == 19


def test_tickets_of_one_negotiation_are_one_piece_of_evidence(arm: ArmMaker) -> None:
    """Each negotiation twice over: the interval becomes hardly narrower than with its tickets once."""
    sft, repo = arm("sft"), with_outcomes(arm("repo"), lambda _: True, lambda i: i % 3 == 0)

    def twice(one: Arm) -> Arm:
        return replace(one, negotiations=tuple(map(two_tickets, one.negotiations)))

    def two_tickets(talk: Dialogue) -> Dialogue:
        (ticket,), outcome = talk.brief.tickets, talk.outcome
        assert outcome is not None
        tickets = (ticket, ticket.model_copy(update={"id": "t2"}))
        both = {"t1": outcome.successes["t1"], "t2": outcome.successes["t1"]}
        return talk.model_copy(
            update={
                "brief": talk.brief.model_copy(update={"tickets": tickets}),
                "outcome": outcome.model_copy(update={"successes": both}),
            }
        )

    once = judge_arms(sft, repo, Margins()).criterion("task_success")
    doubled = judge_arms(twice(sft), twice(repo), Margins()).criterion("task_success")
    assert once.change is not None
    assert doubled.change is not None
    assert doubled.change.n == 2 * once.change.n
    assert doubled.change.estimate == pytest.approx(once.change.estimate)
    assert width(doubled.change) > 0.9 * width(once.change)


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low
