"""What a step's record says of the rewards: whose readings tell the replies to one context apart."""

import pytest

from suasion.config import RewardsConfig
from suasion.rewards.score import Evidence, Score, Severity, Source, Status, unread
from suasion.rewards.suite import Reading
from suasion.training.telemetry import spreads


def reading(r_model: float, e_judge: float | None, e_func: float, breach: bool = False) -> Reading:
    hits = (Evidence("leak", e_func, Severity.CRITICAL),) if breach else ()
    judged = unread(Source.JUDGE) if e_judge is None else Score(Source.JUDGE, Status.READ, e_judge)
    scores = {
        Source.MODEL: Score(Source.MODEL, Status.READ, r_model),
        Source.JUDGE: judged,
        Source.RULES: Score(Source.RULES, Status.READ, e_func, hits),
    }
    return Reading("open", scores, None, None, True, "v", "p")


@pytest.mark.parametrize(
    ("operator", "model", "judge", "rules"),
    [
        # parts of R_model 2 and -2; |R_model| E / 100: judge 1 and 0, rules 0 and -2; variances 4, 1/4, 1
        ("paper", 16 / 21, 1 / 21, 4 / 21),
        # R / (1 + |R|): 2/3 and -2/3; 2 E / (100 + |E|): judge 2/3 and 0, rules 0 and -1; 4/9, 1/9, 1/4
        ("closed-hole", 16 / 29, 4 / 29, 9 / 29),
        # R_model as it is, E / 100: judge 1/2 and 0, rules 0 and -1; 4, 1/16, 1/4
        ("sum", 64 / 69, 1 / 69, 4 / 69),
    ],
)
def test_each_source_counts_as_the_operator_lets_it(
    operator: str, model: float, judge: float, rules: float
) -> None:
    found = spreads(
        [reading(2, 50, 0), reading(-2, 0, -100)], 2, RewardsConfig.model_validate({"operator": operator})
    )
    assert found == pytest.approx({"spread_model": model, "spread_judge": judge, "spread_rules": rules})


def test_a_breach_is_the_rules_doing() -> None:
    closed = RewardsConfig(operator="closed-hole")
    pair = [reading(2, 0, 0), reading(2, 0, -100, breach=True)]
    assert spreads(pair, 2, closed)["spread_rules"] == pytest.approx(1.0)
    wide = [reading(2, 0, 0), reading(-2, 0, -100, breach=True)]  # rules 0 and -28/9: 196/81 beside 4/9
    assert spreads(wide, 2, closed)["spread_rules"] == pytest.approx(49 / 58)


def test_contexts_are_not_compared_and_what_was_not_read_is_left_out() -> None:
    apart = [reading(2, None, 0), reading(2, None, 0), reading(-1, None, -50), reading(-1, None, -50)]
    assert spreads(apart, 2, RewardsConfig()) == dict.fromkeys(
        ("spread_model", "spread_judge", "spread_rules")
    )
    assert spreads([reading(1, None, 0), reading(2, 90, 0)], 2, RewardsConfig())["spread_judge"] == 0.0
