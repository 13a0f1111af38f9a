"""Suasion teaches a language model to persuade within rules. The names below are the public API."""

from importlib import import_module
from typing import Any

_HOMES = {
    "Pack": "negotiation.pack",
    "Brief": "negotiation.brief",
    "Dialogue": "negotiation.dialogue",
    "find_prices": "negotiation.prices",
    "track": "negotiation.tracker",
    "simulate": "counterpart.simulate",
    "RuleSet": "rewards.rules",
    "Evidence": "rewards.score",
    "Finding": "rewards.scene",
    "RewardSuite": "rewards.suite",
    "enhance": "rewards.enhance",
    "gae": "training.ppo",
    "Trainer": "training.trainer",
    "run": "pipeline",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Load a name's module when it is first asked for, so that `import suasion` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'suasion' has no attribute {name!r}")
    return getattr(import_module(f"suasion.{_HOMES[name]}"), name)
