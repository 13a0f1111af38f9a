"""What the pages work with beside the store: where incidents and patches lie, what replies are scored by."""

from dataclasses import dataclass
from pathlib import Path

from suasion.rewards.rules import RuleSet
from suasion.rewards.suite import RewardSuite
from suasion.serving.context import Context


@dataclass(frozen=True, slots=True)
class Workshop:
    """`suite`: the served run's reward model and judge; None where there are only rules."""

    incidents: Path = Path("incidents")
    patches: Path = Path("patches")
    suite: RewardSuite | None = None


def rules_of(here: Context) -> RuleSet:
    """The rules that guard what is sent."""
    return here.service.guard.rules
