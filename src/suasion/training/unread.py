"""What of a step's replies could not be read, and when that is too much to go on."""

import statistics
from collections.abc import Mapping

from suasion.errors import InputError
from suasion.rewards.judge_report import JudgeReport
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import Experience


class TooManyUnreadError(InputError):
    """More replies went unread in a step than `rewards.max_unread` allows, or all of them."""


def unread_shares(batch: Experience, suite: RewardSuite) -> dict[str, float]:
    """Share of the replies without a total, and of those that each source of the suite gave none for."""
    shares = {"total": 1 - float(batch.kept.float().mean())}
    for source in suite.sources:
        scores = [reading.scores[source] for reading in batch.readings]
        shares[source.value] = statistics.mean(float(score.value is None) for score in scores)
    return shares


def check_enough(step: int, unread: Mapping[str, float], limit: float, judging: JudgeReport | None) -> None:
    """Raises TooManyUnreadError, which says what went unread, why, and what to do."""
    if max(unread.values()) <= limit and unread["total"] < 1:
        return
    shares = ", ".join(f"{name} {share:.0%}" for name, share in unread.items())
    faults = ", ".join(f"{what} {count} times" for what, count in judging.faults.items()) if judging else ""
    raise TooManyUnreadError(
        f"step {step}: too many replies went unread ({shares}; rewards.max_unread is {limit:.0%}). "
        + (f"The judge: {faults}. " if faults else "")
        + f"The {step} steps before it are saved: --resume goes on when everything can be read again"
    )
