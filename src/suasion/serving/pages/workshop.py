"""What the pages work with beside the store: where incidents and patches lie, what replies are scored by."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.rewards.suite import RewardSuite
from suasion.serving.context import Context


@dataclass(frozen=True, slots=True)
class Workshop:
    """`suite` gives the served run's rewards, None where there are only rules; one caller at a time."""

    incidents: Path = Path("incidents")
    patches: Path = Path("patches")
    suite: Callable[[], RewardSuite | None] = lambda: None


def suite_of(run: str) -> Callable[[], RewardSuite | None]:
    """Loads the rewards of a run when they are first asked for: they take the memory of another model.

    Nothing for the intent agent, and for a run that left none. Raises InputError as `load_suite` does.
    """

    @cache
    def load() -> RewardSuite | None:
        if not (Path(run) / "rewards").is_dir():
            return None
        from suasion.rewards.saved import load_suite
        from suasion.running.folder import load_run_config

        return load_suite(Pack.load(load_run_config(Path(run)).pack), "local", run)

    return load


def rules_of(here: Context) -> RuleSet:
    """The rules that guard what is sent."""
    return here.service.guard.rules


def pack_of(here: Context) -> Pack:
    """The served pack as its files are now: patches may have changed them since the service began."""
    return Pack.load(here.service.pack.path)
