"""How fast the policy learns in a step, and which contexts an optimizer step is of."""

import random

from suasion.config import TrainingConfig


def policy_rate(settings: TrainingConfig, step: int, warm_up: int) -> float:
    """The policy's learning rate in a step, counted from 0: 0 while the value warms up, then it rises."""
    number = step + 1 - warm_up
    rise = min(1.0, max(0, number) / max(1, settings.warmup_steps))
    if settings.schedule == "constant":
        return settings.learning_rate * rise
    falling = settings.steps - warm_up - max(1, settings.warmup_steps) + 1
    return settings.learning_rate * min(rise, (settings.steps - step) / max(1, falling))


def minibatches(contexts: int, count: int, seed: str) -> list[tuple[int, ...]]:
    """All contexts in random order, in `count` parts or fewer."""
    order = random.Random(seed).sample(range(contexts), contexts)
    size = -(-contexts // count)
    return [tuple(order[start : start + size]) for start in range(0, contexts, size)]
