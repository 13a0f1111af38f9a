"""What is noted of a step: the record in `steps.jsonl`, and the same numbers for an experiment tracker."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from suasion.config import RewardsConfig, TrainingConfig
from suasion.errors import InputError
from suasion.rewards.enhance import enhance
from suasion.rewards.score import Source
from suasion.rewards.suite import Reading, RewardSuite
from suasion.running.processes import ALONE, Team
from suasion.training.experience import Experience
from suasion.training.ppo import explained_variance, kl_estimate

SOURCES = ("model", "judge", "rules")
NEAR_ZERO = 0.1  # |R_model| below which rules and judge have no force (the second hole)


def describe_step(batch: Experience, returns: Tensor, suite: RewardSuite, kl_weight: float) -> dict[str, Any]:
    """Rewards, faults, drift, lengths and seconds of one step's experience; None for what no reply has."""
    readings, samples = batch.readings, batch.samples
    valid = batch.mask & batch.kept[:, None]
    hits = Counter(e.name for reading in readings for e in reading.scores[Source.RULES].evidence)
    objections = [reading.scores[Source.RULES].objections for reading in readings]
    points = [_points(reading) for reading in readings]
    e_enh = [reading.e_enh for reading in readings if reading.e_enh is not None]
    r_model = [reading.r_model for reading in readings if reading.r_model is not None]
    tokens = sum(len(sample.tokens) for sample in samples)
    return {
        "r_total": float(batch.totals[batch.kept].mean()),
        "r_model": _mean(r_model),
        "e_judge": _mean([r.e_judge for r in readings if r.e_judge is not None]),
        "e_func": _mean([r.e_func for r in readings if r.e_func is not None]),
        "e_unclipped": _mean([one for one in points if one is not None]),
        "e_clipped": _mean(e_enh),
        "share_clipped": _mean([float(abs(e) >= suite.config.n) for e in e_enh]),
        "share_near_zero": _mean([float(abs(r) < NEAR_ZERO) for r in r_model]),
        **spreads(readings, len(samples) // len(batch.trees), suite.config),
        "violations_per_100": _mean([100.0 * len(one) for one in objections if one is not None]),
        "rule_hits": dict(hits),
        "kl_weight": kl_weight,
        "kl": float(kl_estimate(batch.old, batch.reference)[batch.mask].sum() / len(samples)),
        "explained_variance": explained_variance(batch.values[valid], returns[valid]),
        "reply_tokens": tokens / len(samples),
        "share_truncated": _mean([float(sample.truncated) for sample in samples]),
        "tokens_per_s": tokens / max(1e-9, sum(batch.seconds.values())),
        **{f"{name}_s": seconds for name, seconds in batch.seconds.items()},
        "suite_version": suite.version,
    }


def describe_prospects(prospects: Sequence[Sequence[float]]) -> dict[str, float]:
    """Share of the tickets won from where the policy's negotiations stand, discounted, and how it differs."""
    if not prospects:
        return {}
    return {
        "prospect": statistics.mean(value for group in prospects for value in group),
        "prospect_spread": statistics.mean(map(statistics.pvariance, prospects)) ** 0.5,
    }


def _points(reading: Reading) -> float | None:
    """Judge and rules together, before the clip."""
    parts = [part for part in (reading.e_judge, reading.e_func) if part is not None]
    return sum(parts) if parts else None


def spreads(readings: Sequence[Reading], copies: int, config: RewardsConfig) -> dict[str, float | None]:
    """What tells the replies to one context apart: each source's share of the variances within contexts.

    A source's part is what R_total is by the reward model alone, and what judge or rules alone move it from
    there, by the operator that is set. A reply that the source did not read is left out.
    """
    parts = {name: [_part(reading, name, config) for reading in readings] for name in SOURCES}
    within = {
        name: statistics.mean(
            _variance(values[start : start + copies]) for start in range(0, len(values), copies)
        )
        for name, values in parts.items()
    }
    whole = sum(within.values())
    return {f"spread_{name}": value / whole if whole > 0 else None for name, value in within.items()}


def _part(reading: Reading, name: str, config: RewardsConfig) -> float | None:
    """What one source makes of R_total; None where it did not read, or the reward model did not."""
    r_model, points = reading.r_model, {"judge": reading.e_judge, "rules": reading.e_func}
    if r_model is None:
        return None
    n, operator = config.n, config.operator
    alone = enhance(r_model, None, None, n, operator)
    if name == "model":
        return alone
    if points[name] is None:
        return None
    return enhance(r_model, points[name], None, n, operator, name == "rules" and reading.breach) - alone


def _variance(values: Sequence[float | None]) -> float:
    read = [value for value in values if value is not None]
    return statistics.pvariance(read) if read else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return statistics.mean(values) if values else None


class Tracker:
    """One of accelerate's experiment trackers, or none: TensorBoard's files stand in the run's folder."""

    def __init__(self, settings: TrainingConfig, folder: Path, steps_done: int, team: Team = ALONE) -> None:
        """`steps_done`: what an interrupted run noted from there on is replaced.

        Raises InputError for a tracker that accelerate does not know or that is not installed.
        """
        self._tracker = None
        if settings.tracker == "none" or not team.first:
            return
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

        available = sorted(str(one) for one in get_available_trackers())
        if settings.tracker not in available:
            raise InputError(
                f"no tracker {settings.tracker!r} here; installed are {', '.join(['none', *available])}",
                field="training.tracker",
            )
        kind = LOGGER_TYPE_TO_CLASS[settings.tracker]
        where = {"logging_dir": str(folder)} if kind.requires_logging_directory else {}
        more = {"purge_step": steps_done} if settings.tracker == "tensorboard" else {}
        self._tracker = kind("tensorboard" if more else folder.name, **where, **more)
        self._tracker.start()

    def log(self, record: Mapping[str, Any]) -> None:
        """Every number of the record, and every rule's hits."""
        if self._tracker is None:
            return
        numbers = {key: float(value) for key, value in record.items() if isinstance(value, int | float)}
        hits = {f"rule/{name}": float(count) for name, count in record.get("rule_hits", {}).items()}
        self._tracker.log(numbers | hits, step=int(record["step"]))

    def close(self) -> None:
        if self._tracker is not None:
            self._tracker.finish()
