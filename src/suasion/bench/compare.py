"""What the shards say: a method's measures, and differences of two on the same cases and negotiations."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from suasion.bench.record import Record
from suasion.evaluation.grading import Grade
from suasion.evaluation.statistics import (
    Interval,
    count_rate_interval,
    detectable,
    exact_interval,
    mcnemar,
    paired_rate_difference,
)

Reading = tuple[str, float, float]  # what it is about (case, negotiation), count, exposure
Read = Callable[[Mapping[str, Any]], list[Reading]]  # of a shard's measures
Draws = Mapping[str, Sequence[Sequence[Mapping[str, Any]]]]  # method: draw: negotiation


@dataclass(frozen=True, slots=True)
class Measure:
    """per: 100 for percent and for faults per 100 replies, 1 for points. better: +1 where more is better."""

    name: str
    title: str
    per: int
    better: int
    read: Read
    share: bool = False  # of cases that are so or not: exact intervals


def _graded(holds: Callable[[Grade], bool]) -> Read:
    def read(measures: Mapping[str, Any]) -> list[Reading]:
        replies = measures["bad_cases"]["replies"]
        return [(name, float(holds(Grade(one["grade"]))), 1.0) for name, one in replies.items()]

    return read


def _talks(count: str, exposure: str | None, answered: bool = False, of: str = "evaluated") -> Read:
    def read(measures: Mapping[str, Any]) -> list[Reading]:
        return [
            (str(place), float(row[count]), float(row[exposure]) if exposure else 1.0)
            for place, row in enumerate(measures[of])
            if row["answered"] or not answered
        ]

    return read


def _held_out(name: str) -> Read:
    def read(measures: Mapping[str, Any]) -> list[Reading]:
        rows = enumerate(measures["held_out"]["rows"])
        return [(str(place), float(row[name]), 1.0) for place, row in rows if row[name] is not None]

    return read


_ALL = (
    Measure("fixed", "bad cases fixed, %", 100, 1, _graded(lambda one: one.fixed), True),
    Measure("clean", "fixed cleanly, %", 100, 1, _graded(lambda one: one == Grade.CLEAN), True),
    Measure("major", "fixed, with a major fault, %", 100, -1, _graded(lambda one: one == Grade.MAJOR), True),
    Measure("severe", "severe unresolved, %", 100, -1, _graded(lambda one: one == Grade.SEVERE), True),
    Measure("response", "response, %", 100, 1, _talks("answered", None)),
    Measure("success", "success per ticket, %", 100, 1, _talks("won", "tickets")),
    Measure("given", "success given a response, %", 100, 1, _talks("won", "tickets", answered=True)),
    Measure("off", "price reduction, %", 100, 1, _talks("off", None)),
    Measure("faults", "independent faults per 100 replies", 100, -1, _talks("faults", "replies")),
    Measure("sop", "replies that keep to the SOP, %", 100, 1, _talks("sop", "replies")),
    Measure("rules", "pack's rules broken per 100 replies", 100, -1, _talks("rules", "replies")),
    Measure("online_response", "response, %", 100, 1, _talks("answered", None, of="online")),
    Measure("online_success", "success per ticket, %", 100, 1, _talks("won", "tickets", of="online")),
    Measure("online_faults", "independent faults", 100, -1, _talks("faults", "replies", of="online")),
    Measure("online_length", "replies a negotiation", 1, -1, _talks("replies", None, of="online")),
    Measure("r_total", "held-out R_total", 1, 1, _held_out("r_total")),
    Measure("r_model", "held-out R_model", 1, 1, _held_out("r_model")),
    Measure("held_faults", "independent faults per 100 held-out replies", 100, -1, _held_out("faults")),
)
MEASURES: dict[str, Measure] = {one.name: one for one in _ALL}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Over all seeds, the interval being over cases or negotiations; and of each seed alone."""

    interval: Interval
    seeds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """new - old. detectable: what such a test sees with a power of 80 %; p: McNemar's, of one seed each."""

    interval: Interval
    detectable: float | None
    p_value: float | None

    @property
    def decided(self) -> bool:
        low, high = self.interval.low, self.interval.high
        return low is not None and high is not None and not low <= 0 <= high


def estimate(records: Sequence[Record], measure: Measure) -> Estimate:
    """What a method's trainings give together. Raises ValueError for none."""
    read = [measure.read(record.measures) for record in records]
    flat = [reading for one in read for reading in one]
    seeds = tuple(_rate(one) for one in read if one)
    if not flat:
        raise ValueError(f"no reading of {measure.name}")
    return Estimate(_interval(flat, measure, len(records)), seeds)


def _interval(readings: Sequence[Reading], measure: Measure, seeds: int) -> Interval:
    names, counts, exposures = (list(part) for part in zip(*readings, strict=True))
    rate, groups = sum(counts) / sum(exposures), len(set(names))
    settled = measure.title.endswith("%") and rate in (0.0, 1.0)  # no spread, which is no certainty
    if settled or (measure.share and seeds == 1):
        return exact_interval(round(rate * groups), groups)
    found = count_rate_interval(counts, exposures, names)
    if found.low is None or found.high is None or not measure.title.endswith("%"):
        return found
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))  # a share is one


def _rate(readings: Iterable[Reading]) -> float:
    found = list(readings)
    return sum(count for _, count, _ in found) / sum(exposure for _, _, exposure in found)


def contrast(old: Sequence[Record], new: Sequence[Record], measure: Measure) -> Contrast:
    """The difference on the cases or negotiations that both have, a method's seeds being averaged first.

    Raises ValueError where they share none.
    """
    before, after = _by_subject(old, measure), _by_subject(new, measure)
    shared = [name for name in before if name in after]
    if not shared:
        raise ValueError(f"no reading of {measure.name} that both have")
    old_side, new_side = (
        ([found[name][0] for name in shared], [found[name][1] for name in shared])
        for found in (before, after)
    )
    interval = paired_rate_difference(old_side, new_side)
    p_value = None
    if measure.share and len(old) == len(new) == 1:
        p_value = mcnemar([bool(one) for one in old_side[0]], [bool(one) for one in new_side[0]])
    return Contrast(interval, detectable(interval), p_value)


def _by_subject(records: Sequence[Record], measure: Measure) -> dict[str, tuple[float, float]]:
    """Mean count and exposure of each case or negotiation over the seeds."""
    sums: dict[str, tuple[float, float]] = {}
    for record in records:
        for name, count, exposure in measure.read(record.measures):
            before = sums.get(name, (0.0, 0.0))
            sums[name] = before[0] + count / len(records), before[1] + exposure / len(records)
    return sums


def wins(draws: Draws, count: str, exposure: str | None) -> dict[str, float]:
    """Share of the draws in which each method has the highest rate; equals share a draw."""
    shares = dict.fromkeys(draws, 0.0)
    held = min((len(one) for one in draws.values()), default=0)
    for number in range(held):
        rates = {
            name: _rate((name, row[count], row[exposure] if exposure else 1) for row in one[number])
            for name, one in draws.items()
        }
        best = [name for name, rate in rates.items() if rate >= max(rates.values()) - 1e-9]
        for name in best:
            shares[name] += 1 / len(best) / held
    return shares


def learned(record: Record, key: str) -> tuple[float, float] | None:
    """Mean of a curve in the first and in the last quarter of training; None where it was not noted."""
    values = [float(row[key]) for row in record.curve if row.get(key) is not None]
    if len(values) < 2:
        return None
    part = max(1, len(values) // 4)
    return statistics.mean(values[:part]), statistics.mean(values[-part:])
