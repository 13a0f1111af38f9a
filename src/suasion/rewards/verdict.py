"""E_judge from what a judge said of each criterion."""

from collections.abc import Sequence

from suasion.data.rubric import Rubric
from suasion.rewards.score import Evidence, Score, Source, Status, unread


def verdict(
    probabilities: Sequence[float | None],
    rubric: Rubric,
    version: str,
    trusted: frozenset[str] | None = None,
    missing: Status = Status.UNREAD,
) -> Score:
    """Points x probability, summed over the trusted criteria (all by default).

    Where one of them has no probability there is no sum, whose status is `missing`: without its largest
    penalty a reply would look better than it is. The others stay in the evidence.
    """
    asked = [
        (criterion, p)
        for criterion, p in zip(rubric.criteria, probabilities, strict=True)
        if trusted is None or criterion.id in trusted
    ]
    evidence = tuple(
        Evidence(criterion.id, criterion.points * p, note=criterion.question, probability=p)
        for criterion, p in asked
        if p is not None
    )
    if not asked:
        return unread(Source.JUDGE)
    if len(evidence) < len(asked):
        return Score(Source.JUDGE, missing, None, evidence, version)
    return Score(Source.JUDGE, Status.READ, sum(e.points for e in evidence), evidence, version)
