"""What an agent's negotiations count for when a fault ends one."""

from collections.abc import Callable

from suasion.evaluation.arms import told
from suasion.negotiation.dialogue import Dialogue, Outcome


def test_a_failure_is_no_outcome(negotiation: Callable[..., Dialogue]) -> None:
    lost = negotiation(0, success=False)
    assert told(lost) is lost
    failed = lost.model_copy(update={"outcome": Outcome(responded=False, ending="error: no memory")})
    assert told(failed).outcome is None
    assert told(failed).turns == failed.turns, "what was said stays to be read"
