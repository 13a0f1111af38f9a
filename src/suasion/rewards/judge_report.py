"""What a batch of judging cost: calls, tokens and seconds, in all and per criterion."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CriterionCost:
    """Of one criterion in one batch.

    answered, cached, unread: readings by where they came from; unread has none.
    tokens_in, tokens_out: as the endpoint counts them (0 where it does not), a call's shared evenly by the
    criteria in it. seconds: how long its calls took, retries with them, summed.
    """

    answered: int = 0
    cached: int = 0
    unread: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    seconds: float = 0.0

    def plus(self, other: "CriterionCost") -> "CriterionCost":
        return CriterionCost(*(mine + more for mine, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def latency_s(self) -> float | None:
        """Mean seconds of a call; None where none was made."""
        calls = self.answered + self.unread
        return self.seconds / calls if calls else None


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """Of one batch. `faults`: calls that gave no answer, by what was wrong with them."""

    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    faults: Mapping[str, int] = field(default_factory=Counter)
    criteria: Mapping[str, CriterionCost] = field(default_factory=dict)

    @property
    def tokens_in(self) -> float:
        return sum(one.tokens_in for one in self.criteria.values())

    @property
    def tokens_out(self) -> float:
        return sum(one.tokens_out for one in self.criteria.values())

    @property
    def cached(self) -> int:
        """Answers that were known."""
        return sum(one.cached for one in self.criteria.values())

    @property
    def latency_s(self) -> float | None:
        """Mean seconds of a call, its retries with it; None where none was made."""
        costs = self.criteria.values()
        asked = sum(one.answered + one.unread for one in costs)
        return sum(one.seconds for one in costs) / asked if asked else None

    def then(self, later: "JudgeReport") -> "JudgeReport":
        """Of both batches, which were judged one after the other."""
        return _sum([self, later], self.seconds + later.seconds)

    def line(self) -> str:
        """For a person: calls, retries, faults by kind, latency, tokens."""
        faults = ", ".join(f"{what} {count}" for what, count in self.faults.items()) or "none"
        latency = "" if self.latency_s is None else f"; {self.latency_s:.3f} s a call, retries included"
        return (
            f"{self.calls} calls, {self.retries} of them retries; {self.cached} answers from the cache; "
            f"faults: {faults}{latency}; {self.tokens_in:.0f} tokens in, {self.tokens_out:.0f} out"
        )

    def as_record(self) -> dict[str, Any]:
        """For a step's line in `steps.jsonl`."""
        return {
            "judge_calls": self.calls,
            "judge_retries": self.retries,
            "judge_cached": self.cached,
            "judge_tokens_in": round(self.tokens_in),
            "judge_tokens_out": round(self.tokens_out),
            "judge_s": self.seconds,
            "judge_latency_s": self.latency_s,
            "judge_faults": dict(self.faults),
            "judge_criteria": {
                name: asdict(one) | {"latency_s": one.latency_s} for name, one in self.criteria.items()
            },
        }


def merged(reports: Sequence[JudgeReport | None]) -> JudgeReport | None:
    """Of one batch that several processes had judged at the same time; None where nothing was reported."""
    found = [report for report in reports if report is not None]
    return _sum(found, max(report.seconds for report in found)) if found else None


def _sum(reports: Sequence[JudgeReport], seconds: float) -> JudgeReport:
    faults: Counter[str] = Counter()
    criteria: dict[str, CriterionCost] = {}
    for report in reports:
        faults.update(report.faults)
        for name, cost in report.criteria.items():
            criteria[name] = criteria.get(name, CriterionCost()).plus(cost)
    return JudgeReport(
        sum(report.calls for report in reports),
        sum(report.retries for report in reports),
        seconds,
        faults,
        criteria,
    )
