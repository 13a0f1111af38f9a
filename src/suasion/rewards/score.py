"""A reading, or the reason why there is none. Never NaN, never a silent zero."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    MODEL = "model"  # RM, the preference-trained reward model
    JUDGE = "judge"  # RJ, the language model as a judge
    RULES = "rules"  # RF, the rule functions


class Status(StrEnum):
    READ = "read"
    UNREAD = "unread"  # nobody was asked, or the answer is not believed
    TIMED_OUT = "timed_out"
    MALFORMED = "malformed"
    FAILED = "failed"


class Severity(StrEnum):
    LOW = "low"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing behind a score: a rule's hit or a criterion's verdict.

    `span` are character offsets into the reply, `text` what stands there; both None where the
    objection is to something missing. `probability` is a judge's, None for a rule.
    """

    name: str
    points: float
    severity: Severity | None = None
    span: tuple[int, int] | None = None
    text: str | None = None
    note: str = ""
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    source: Source
    status: Status
    value: float | None  # points (judge, rules) or calibrated reward (model); None unless READ
    evidence: tuple[Evidence, ...] = ()
    version: str = ""

    def __post_init__(self) -> None:
        if (self.status == Status.READ) != (self.value is not None):
            raise ValueError(f"a {self.status} score can't have the value {self.value}")

    @property
    def objections(self) -> tuple[Evidence, ...] | None:
        """What takes points off; None where there is no reading, and nobody knows."""
        return None if self.value is None else tuple(one for one in self.evidence if one.points < 0)


def unread(source: Source, status: Status = Status.UNREAD, version: str = "") -> Score:
    return Score(source, status, None, (), version)
