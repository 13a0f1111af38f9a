"""What the guard did in an A/B test: how many replies it withheld, and how many the fallback wrote."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from suasion.evaluation.ab_log import Conversation
from suasion.evaluation.statistics import count_rate_interval, exact_interval


def tell_guard(log: Sequence[Conversation], arm: str) -> dict[str, Any] | None:
    """Shares of an arm's replies, with intervals clustered by hotel; None for an arm without a guard."""
    held = [one for one in log if one.arm == arm and one.fallbacks is not None]
    if not held:
        return None
    return {
        "replies": sum(one.replies or 0 for one in held),
        "fallbacks": _share(held, [one.fallbacks or 0 for one in held]),
        "withheld": _share(held, [one.withheld or 0 for one in held]),
        "failures": sum(one.failures or 0 for one in held),
        "handed_over": sum(one.segment("ending") == "handed_over" for one in held),
    }


def _share(held: Sequence[Conversation], counts: Sequence[int]) -> dict[str, Any] | None:
    """None without a reply. A share of 0 or 1 has no spread, which is no certainty: exact, of hotels."""
    replies, hotels = [one.replies or 0 for one in held], [one.hotel for one in held]
    if not any(replies):
        return None
    found = count_rate_interval(counts, replies, hotels)
    if found.estimate in (0.0, 1.0):
        many = len(set(hotels))
        found = exact_interval(round(found.estimate * many), many)
    if found.low is not None and found.high is not None:
        found = replace(found, low=max(0.0, found.low), high=min(1.0, found.high))
    return asdict(found)
