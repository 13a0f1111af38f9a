"""What every arm of the bench does in a step, and the counting of it: the same sizes for all."""

from dataclasses import dataclass

GROUPS, COPIES, PROMPT, REPLY, RANK = 8, 4, 160, 48, 64
REPLIES = GROUPS * COPIES
PASSES = {"forward": 1, "update": 2}  # of weights: a frozen one needs no gradient, only hands it on


@dataclass(frozen=True, slots=True)
class Model:
    """Weights that a token is multiplied with: in all layers, and in the projection to the vocabulary."""

    layers: float
    vocabulary: float


def flops(model: Model, phase: str, shared: bool) -> float:
    """Multiplications and additions that a phase needs, attention and the adapter left out.

    shared: a group's prompt is read once and not for each reply. A phase that needs no vocabulary (value,
    rm, judge) is counted without it. Rules need none.
    """
    prompts = (GROUPS if shared else REPLIES) * PROMPT
    replies = REPLIES * REPLY
    per_pass = 2 * model.layers * (prompts + replies)
    if phase in ("generate", "reference", "update"):
        per_pass += 2 * model.vocabulary * replies
    if phase in ("update", "value_update"):
        return PASSES["update"] * per_pass
    return 0.0 if phase == "rules" else per_pass
