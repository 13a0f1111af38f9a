"""Bad cases: dialogues that went wrong once. Does the agent's reply mend them, and break nothing new?"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.counterpart.simulate import Agent
from suasion.errors import InputError
from suasion.evaluation.grading import NO_CHECKS, Ban, Checks, Demand, Fault, Grade, Graded, grade
from suasion.evaluation.statistics import (
    Interval,
    detectable,
    exact_interval,
    mcnemar,
    paired_proportion_difference,
)
from suasion.negotiation.dialogue import Dialogue, read_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.yaml_files import describe, read_yaml


class Defect(BaseModel):
    """What was wrong with the bad reply; `class` groups cases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_: str = Field(alias="class", min_length=1)
    severity: Literal["low", "high", "critical"]
    note: str = ""


class Verdict(BaseModel):
    """What a case says beside its dialogue: the defect, and what a fixed reply must and must not do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    defect: Defect
    bad_reply: str = Field(min_length=1)
    good_reply: str | None = Field(default=None, description="one that the checks must call clean")
    must: tuple[Demand, ...] = ()
    must_not: tuple[Ban, ...] = ()
    may_say: tuple[float, ...] = Field(default=(), description="numbers that need no other source")


@dataclass(frozen=True, slots=True)
class BadCase:
    """A dialogue that ends where the agent has to reply, and the verdict on replies."""

    dialogue: Dialogue
    verdict: Verdict

    @property
    def name(self) -> str:
        return self.verdict.defect.class_


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case. rules: of the pack, that object to the reply; they decide nothing here."""

    id: str
    name: str  # of the defect's class
    severity: str
    reply: str
    grade: Grade
    faults: tuple[Fault, ...]
    rules: tuple[str, ...]


def load_checks(path: Path) -> Checks:
    """Read `checks.yaml` and try its examples. Raises InputError for the first fault, by file and line."""
    file = read_yaml(path)
    checks = file.parse(Checks)
    for group, moves in (("moves", checks.moves), ("faults", checks.faults)):
        for name, move in moves.items():
            for kind, wanted in (("hits", True), ("passes", False)):
                for index, text in enumerate(getattr(move, kind)):
                    if (move.find(text) is not None) != wanted:
                        says = "must" if wanted else "must not"
                        raise file.error(f"{says} be heard in {text!r}", (group, name, kind, index))
    return checks


def load_cases(path: Path, pack: Pack, checks: Checks = NO_CHECKS) -> list[BadCase]:
    """The cases of a file, each tried on its own bad and good reply.

    Raises InputError with file, line and field: a broken record, a move that the checks do not have, an id
    twice, a bad reply that they call fixed, or a good one that they do not call clean.
    """
    cases: list[BadCase] = []
    for number, record in read_dialogues(path, pack.check_brief):
        if isinstance(record, InputError):
            raise record
        case = _case(record, str(path), number)
        _try_out(case, checks, str(path), number)
        if any(case.dialogue.id == other.dialogue.id for other in cases):
            raise InputError(f"there is a case {case.dialogue.id!r} above", str(path), number, "id")
        cases.append(case)
    if not cases:
        raise InputError("there is no case in it", str(path))
    return cases


def _case(record: Dialogue, file: str, line: int) -> BadCase:
    try:
        verdict = Verdict.model_validate(record.model_extra or {})
    except ValidationError as error:
        faults = error.errors()
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        raise InputError(describe(first), file, line, ".".join(map(str, first["loc"]))) from None
    if not record.turns or record.turns[-1].speaker != "counterpart":
        raise InputError("the counterpart has the last turn, the agent must reply", file, line, "turns")
    breaks = [one.breaks for one in verdict.must] + [one.breaks for one in verdict.must_not]
    if "defect" not in breaks:
        raise InputError("nothing here breaks `defect`: say how it is seen", file, line, "must_not")
    bare = Dialogue(id=record.id, brief=record.brief, turns=record.turns, source=record.source)
    return BadCase(bare, verdict)


def _try_out(case: BadCase, checks: Checks, file: str, line: int) -> None:
    named = [(f"must.{index}.moves", one.moves) for index, one in enumerate(case.verdict.must)]
    named += [(f"must_not.{index}.moves", one.moves) for index, one in enumerate(case.verdict.must_not)]
    for field, moves in named:
        for move in set(moves) - set(checks.known):
            known = ", ".join(sorted(checks.known)) or "none, as there is no checks.yaml"
            raise InputError(f"no move {move!r}; there are {known}", file, line, field)
    if judge(case, case.verdict.bad_reply, checks).grade.fixed:
        raise InputError("the checks call the bad reply fixed", file, line, "bad_reply")
    if case.verdict.good_reply is not None:
        found = judge(case, case.verdict.good_reply, checks)
        if found.grade != Grade.CLEAN:
            told = "; ".join(f"{one.note} {one.text!r}" for one in found.faults)
            raise InputError(f"the checks find fault with the good reply: {told}", file, line, "good_reply")


def judge(case: BadCase, reply: str, checks: Checks) -> Graded:
    """Grade one reply to a case."""
    verdict, dialogue = case.verdict, case.dialogue.with_reply(reply)
    severity = verdict.defect.severity
    return grade(dialogue, verdict.must, verdict.must_not, severity, checks, verdict.may_say)


def try_agent(
    agent: Agent, cases: Sequence[BadCase], checks: Checks, pack: Pack, seed: int
) -> list[CaseResult]:
    """Let the agent reply to every case, once, and grade what it says."""
    rules = RuleSet.load(pack)
    said = agent.reply([case.dialogue for case in cases], seed)
    results = []
    for case, turn in zip(cases, said, strict=True):
        reply = turn if isinstance(turn, str) else turn.text or ""
        graded = judge(case, reply, checks)
        hits = rules.check(case.dialogue.with_reply(reply)).evidence
        names = tuple(dict.fromkeys(hit.name for hit in hits if hit.points < 0))
        severity = case.verdict.defect.severity
        results.append(
            CaseResult(case.dialogue.id, case.name, severity, reply, graded.grade, graded.faults, names)
        )
    return results


MEASURES = ("fixed", "clean", "clean_by_rules_too", *(str(one) for one in Grade if one != Grade.CLEAN))


def summarise(results: Iterable[CaseResult]) -> dict[str, Interval]:
    """Shares of all cases with Clopper-Pearson's interval: fixed, clean, minor, major, unresolved, severe.

    `unresolved` counts the severe ones too. clean_by_rules_too: of those clean, no rule of the pack objects.
    """
    rows = list(results)
    return {name: exact_interval(sum(_is(row, name) for row in rows), len(rows)) for name in MEASURES}


def _is(row: CaseResult, measure: str) -> bool:
    match measure:
        case "fixed":
            return row.grade.fixed
        case "clean_by_rules_too":
            return row.grade == Grade.CLEAN and not row.rules
        case "unresolved":
            return not row.grade.fixed
        case _:
            return row.grade == measure


def by_class(results: Sequence[CaseResult]) -> dict[str, dict[str, int]]:
    """For each class of defects, cases by grade, in the order in which the classes come."""
    names = dict.fromkeys(row.name for row in results)
    counts = {name: Counter(str(row.grade) for row in results if row.name == name) for name in names}
    return {name: {str(one): found[one] for one in Grade} for name, found in counts.items()}


@dataclass(frozen=True, slots=True)
class Pairing:
    """One measure of two methods on the same cases; p by the exact McNemar test.

    detectable: the difference that so many pairs, spread so, show with a power of 80 %.
    """

    gained: int  # cases that only the new method has
    lost: int
    difference: Interval
    p_value: float
    detectable: float | None


def against(old: dict[str, dict[str, Any]], new: Sequence[CaseResult]) -> dict[str, Pairing]:
    """Compare with another method's results, by case id (`replies` of its JSON).

    Raises InputError when the cases are not the same.
    """
    if set(old) != {row.id for row in new}:
        raise InputError("holds other cases than these: measure both methods with the same file")
    grades = {name: Grade(row["grade"]) for name, row in old.items()}
    found = {}
    for measure in ("fixed", "clean"):
        before = [grades[row.id].fixed if measure == "fixed" else grades[row.id] == measure for row in new]
        after = [_is(row, measure) for row in new]
        pairs = list(zip(before, after, strict=True))
        difference = paired_proportion_difference(before, after)
        found[measure] = Pairing(
            gained=pairs.count((False, True)),
            lost=pairs.count((True, False)),
            difference=difference,
            p_value=mcnemar(before, after),
            detectable=detectable(difference),
        )
    return found


def as_json(results: Sequence[CaseResult]) -> dict[str, Any]:
    """Shares, classes and every reply with its faults."""
    return {
        "cases": len(results),
        "summary": {name: asdict(one) for name, one in summarise(results).items()},
        "classes": by_class(results),
        "replies": {row.id: asdict(row) for row in results},
    }
