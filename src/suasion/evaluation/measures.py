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
    half_sample_paired,
    mean_interval,
    proportion_interval,
    rate_interval,
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


def _mean(
    value: Callable[[JudgedReply], float | None], scale: float = 1.0
) -> Callable[[Arm], Interval | None]:
    def of(arm: Arm) -> Interval | None:
        pairs = [(reply, value(reply)) for reply in arm.replies]
        read = [(reply, number * scale) for reply, number in pairs if number is not None]
        if not read:
            return None
        return mean_interval([number for _, number in read], briefs_of([reply for reply, _ in read]))

    return of


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
    return rate_interval([100.0 * count for count in arm.negotiation_violations], arm.negotiation_replies)


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
    results = ticket_results(arm.negotiations)
    if not results:
        return None
    return mean_interval([r.reduction for r in results], [r.negotiation for r in results])


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
        _mean(lambda r: r.violations, 100),
    ),
    Measure(
        "critical",
        "Critical violations per 100 replies",
        "rate",
        "lower",
        _CONTEXTS,
        _mean(lambda r: r.critical, 100),
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
        "different word pairs; falls as replies are added, so compare arms of equal n only",
    ),
    Measure("unique", "Unique replies", "share", "higher", _CONTEXTS, _unique, "the same holds"),
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
    Measure("response", "Response rate", "share", "higher", _TALKS, _response, "any answer at all"),
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
