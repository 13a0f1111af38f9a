"""The table of measures: each is one row, a function from an arm to an estimate with its interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from suasion.evaluation.figures import Kind
from suasion.evaluation.metrics import (
    Arm,
    JudgedReply,
    bigrams,
    briefs_of,
    distinct_share,
    response_of,
    ticket_results,
    unique_share,
)
from suasion.evaluation.statistics import (
    Interval,
    count_rate_interval,
    half_sample_paired,
    mean_interval,
    proportion_interval,
)

_SEED = 0  # of the half-samples: the interval of a measure is part of its definition


@dataclass(frozen=True, slots=True)
class Measure:
    key: str
    name: str
    kind: Kind
    better: Literal["higher", "lower", ""]
    basis: Literal["held-out contexts", "negotiations"]
    of: Callable[[Arm], Interval | None]
    about: str = ""


def _mean(value: Callable[[JudgedReply], float | None]) -> Callable[[Arm], Interval | None]:
    def of(arm: Arm) -> Interval | None:
        values, briefs = _read(arm, value)
        return mean_interval(values, briefs) if values else None

    return of


def _per_100(count: Callable[[JudgedReply], int | None]) -> Callable[[Arm], Interval | None]:
    def of(arm: Arm) -> Interval | None:
        counts, briefs = _read(arm, count)
        return count_rate_interval(counts, [0.01] * len(counts), briefs) if counts else None

    return of


def _read(arm: Arm, value: Callable[[JudgedReply], float | None]) -> tuple[list[float], list[str]]:
    """The readings that there are, and the brief of each."""
    pairs = [(reply, value(reply)) for reply in arm.replies]
    read = [(reply, number) for reply, number in pairs if number is not None]
    return [number for _, number in read], briefs_of([reply for reply, _ in read])


def _share(value: Callable[[JudgedReply], bool]) -> Callable[[Arm], Interval | None]:
    def of(arm: Arm) -> Interval | None:
        return proportion_interval(sum(map(value, arm.replies)), len(arm.replies)) if arm.replies else None

    return of


def _distinct(arm: Arm) -> Interval | None:
    rows = [bigrams(reply.text) for reply in arm.replies]
    return half_sample_paired(lambda _, part: distinct_share(part), rows, rows, _SEED) if rows else None


def _unique(arm: Arm) -> Interval | None:
    texts = [reply.text for reply in arm.replies]
    return half_sample_paired(lambda _, part: unique_share(part), texts, texts, _SEED) if texts else None


def _negotiation_violations(arm: Arm) -> Interval | None:
    if not sum(arm.negotiation_replies):
        return None
    return count_rate_interval(arm.negotiation_violations, [n / 100 for n in arm.negotiation_replies])


def _response(arm: Arm) -> Interval | None:
    return _proportion([response_of(dialogue) for dialogue in arm.negotiations])


def _task_success(arm: Arm) -> Interval | None:
    return _proportion([result.success for result in ticket_results(arm.negotiations)])


def _success_given_response(arm: Arm) -> Interval | None:
    return _proportion([result.success for result in ticket_results(arm.negotiations) if result.responded])


def _conversation_success(arm: Arm) -> Interval | None:
    by_negotiation: dict[int, list[bool]] = {}
    for result in ticket_results(arm.negotiations):
        by_negotiation.setdefault(result.negotiation, []).append(result.success)
    return _proportion([all(successes) for successes in by_negotiation.values()])


def _reduction(arm: Arm) -> Interval | None:
    priced = [
        (r.reduction, r.negotiation) for r in ticket_results(arm.negotiations) if r.reduction is not None
    ]
    if not priced:
        return None
    return mean_interval([reduction for reduction, _ in priced], [talk for _, talk in priced])


def _turns(arm: Arm) -> Interval | None:
    counts = [float(len(dialogue.turns)) for dialogue in arm.negotiations]
    return mean_interval(counts) if counts else None


def _proportion(values: Sequence[bool | None]) -> Interval | None:
    read = [value for value in values if value is not None]
    return proportion_interval(sum(read), len(read)) if read else None


_CONTEXTS: Literal["held-out contexts"] = "held-out contexts"
_TALKS: Literal["negotiations"] = "negotiations"

MEASURES: tuple[Measure, ...] = (
    Measure("r_total", "R_total", "reward", "higher", _CONTEXTS, _mean(lambda r: r.r_total)),
    Measure("r_model", "R_model", "reward", "higher", _CONTEXTS, _mean(lambda r: r.r_model), "reward model"),
    Measure("e_judge", "E_judge", "points", "higher", _CONTEXTS, _mean(lambda r: r.e_judge), "judge"),
    Measure("e_func", "E_func", "points", "higher", _CONTEXTS, _mean(lambda r: r.e_func), "rules"),
    Measure(
        "scored",
        "Replies with R_total read",
        "share",
        "higher",
        _CONTEXTS,
        _share(lambda r: r.r_total is not None),
        "the rest is left out of the means, not counted as 0",
    ),
    Measure(
        "violations",
        "Rule violations per 100 replies",
        "rate",
        "lower",
        _CONTEXTS,
        _per_100(lambda r: r.violations),
    ),
    Measure(
        "critical",
        "Critical violations per 100 replies",
        "rate",
        "lower",
        _CONTEXTS,
        _per_100(lambda r: r.critical),
    ),
    Measure(
        "required_acts",
        "Says what its stage requires",
        "share",
        "higher",
        _CONTEXTS,
        _share(lambda r: r.required_acts),
    ),
    Measure(
        "distinct_2",
        "Distinct-2",
        "share",
        "higher",
        _CONTEXTS,
        _distinct,
        "different word pairs; compare arms of equal n only",
    ),
    Measure(
        "unique", "Unique replies", "share", "higher", _CONTEXTS, _unique, "compare arms of equal n only"
    ),
    Measure(
        "fluency",
        "Fluency",
        "nats",
        "higher",
        _CONTEXTS,
        _mean(lambda r: r.fluency),
        "mean log-probability per token under the untouched base model, nats",
    ),
    Measure("tokens", "Length in tokens", "count", "", _CONTEXTS, _mean(lambda r: float(r.tokens))),
    Measure("truncated", "Replies cut off", "share", "lower", _CONTEXTS, _share(lambda r: r.truncated)),
    Measure(
        "response", "Response rate", "share", "higher", _TALKS, _response, "the counterpart answers at all"
    ),
    Measure("task_success", "Task success", "share", "higher", _TALKS, _task_success, "per ticket"),
    Measure(
        "conversation_success",
        "Conversation success",
        "share",
        "higher",
        _TALKS,
        _conversation_success,
        "all tickets of the conversation",
    ),
    Measure(
        "success_given_response",
        "Success given a response",
        "share",
        "higher",
        _TALKS,
        _success_given_response,
        "per ticket",
    ),
    Measure(
        "reduction",
        "Price reduction",
        "share",
        "higher",
        _TALKS,
        _reduction,
        "mean share of the selling price; 0 where nothing was agreed",
    ),
    Measure(
        "negotiation_violations",
        "Rule violations per 100 replies",
        "rate",
        "lower",
        _TALKS,
        _negotiation_violations,
    ),
    Measure("turns", "Turns", "count", "", _TALKS, _turns, "of both sides"),
)
