"""Is REPO better than SFT? The criteria over paired arms, and one sentence that tells the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass

from suasion.evaluation import criteria
from suasion.evaluation.criteria import Criterion, Margins
from suasion.evaluation.figures import show, show_change
from suasion.evaluation.metrics import Arm, count_contexts


@dataclass(frozen=True, slots=True)
class Verdict:
    criteria: tuple[Criterion, ...]
    contexts: int  # that both arms answer
    replies: int  # pairs compared: one or more to each of them
    negotiations: int  # pairs of negotiations compared

    @property
    def better(self) -> bool:
        return all(criterion.met for criterion in self.criteria)

    def criterion(self, key: str) -> Criterion:
        return next(criterion for criterion in self.criteria if criterion.key == key)

    @property
    def headline(self) -> str:
        """The outcome in one sentence, whatever it is."""
        if self.better:
            return f"REPO is better than SFT: {self._gains()}, with no sign of collapse."
        failed = [f"{c.name} ({c.figure})" for c in self.criteria if c.met is False]
        missing = [c.name for c in self.criteria if c.met is None]
        parts = []
        if failed:
            parts.append(f"failed {'criterion' if len(failed) == 1 else 'criteria'}: {', '.join(failed)}")
        if missing:
            parts.append(f"not measured: {', '.join(missing)}")
        held = sum(c.met is True for c in self.criteria)
        return f"REPO is NOT shown better than SFT: {'; '.join(parts)}; {held} of {len(self.criteria)} hold."

    def _gains(self) -> str:
        total, rules, talks = map(self.criterion, ("r_total", "violations", "negotiation_violations"))
        return (
            f"mean R_total rose from {_from_to(total)} ({show_change(total.change, total.change_kind)}) "
            f"on {self.contexts} held-out contexts, and rule violations per 100 replies fell from "
            f"{_from_to(rules)} there ({show_change(rules.change, rules.change_kind)}) and from "
            f"{_from_to(talks)} ({show_change(talks.change, talks.change_kind)}) "
            f"in {self.negotiations} simulated negotiations"
        )


def _from_to(row: Criterion) -> str:
    return f"{show(row.before, row.kind)} to {show(row.after, row.kind)}"


def judge_arms(sft: Arm, repo: Arm, margins: Margins) -> Verdict:
    """Every criterion, on the pairs that both arms have; of negotiations those that no failure ended.

    Raises ValueError where the i-th replies answer different contexts, or the i-th negotiations have
    different briefs.
    """
    _check_pairs(sft, repo)
    replies = min(len(sft.replies), len(repo.replies))
    pairs = zip(sft.negotiations, repo.negotiations, strict=False)
    held = [place for place, (a, b) in enumerate(pairs) if a.outcome and b.outcome]
    sft, repo = _only(sft, replies, held), _only(repo, replies, held)
    rows = (
        criteria.reward(sft, repo),
        criteria.violations(sft, repo),
        criteria.negotiation_violations(sft, repo),
        criteria.task_success(sft, repo, margins.task_success),
        criteria.response(sft, repo, margins.response),
        criteria.distinct_2(sft, repo, margins.distinct_2),
        criteria.unique(sft, repo, margins.unique),
        criteria.fluency(sft, repo, margins.fluency, margins.fluency_noise),
        criteria.length(sft, repo, margins.length),
        criteria.required_acts(sft, repo),
    )
    return Verdict(rows, count_contexts(sft.replies), replies, len(held))


def _only(arm: Arm, replies: int, held: Sequence[int]) -> Arm:
    """The arm with its first replies, and the negotiations at these places."""
    return Arm(
        arm.name,
        arm.replies[:replies],
        tuple(arm.negotiations[place] for place in held),
        tuple(arm.negotiation_violations[place] for place in held),
        tuple(arm.negotiation_replies[place] for place in held),
    )


def _check_pairs(sft: Arm, repo: Arm) -> None:
    for index, (a, b) in enumerate(zip(sft.replies, repo.replies, strict=False)):
        one, other = a.dialogue, b.dialogue
        if (one.id, one.brief, one.turns) != (other.id, other.brief, other.turns):
            raise ValueError(
                f"reply {index}: the arms answer different contexts, {one.id!r} and {other.id!r}"
            )
    for index, (talk, rival) in enumerate(zip(sft.negotiations, repo.negotiations, strict=False)):
        if talk.brief != rival.brief:
            raise ValueError(f"negotiation {index}: the arms' briefs differ, {talk.id!r} and {rival.id!r}")
