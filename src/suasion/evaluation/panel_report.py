"""What a panel says: ratings by method, how far the raters agree, where they don't, and methods in pairs.

Consensus, where a dialogue has several raters: the median of their ratings (the lower middle one of an even
number); a message is excellent when more than half of them mark it. A rating that the raters settled on
afterwards replaces the median.
"""

import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from suasion.errors import InputError
from suasion.evaluation.agreement import ordinal_alpha
from suasion.evaluation.ratings import SCALE, Rating
from suasion.evaluation.statistics import (
    LEVEL,
    POWER,
    Interval,
    detectable,
    exact_interval,
    mcnemar,
    paired_proportion_difference,
)

DRAWS = 4_000
APART = 2  # ratings that differ by so much are to be talked about
RULE = "median of the ratings (lower middle); a message is excellent when more than half mark it"


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the raters say together of one dialogue."""

    dialogue: str
    method: str
    source: str
    rating: float
    human_like: float
    excellent: bool  # has a message that most raters mark


def agree_on(ratings: Sequence[Rating], resolved: Mapping[str, int] | None = None) -> list[Consensus]:
    """The consensus of each dialogue, by the rule above."""
    found = []
    for name, rows in _by_dialogue(ratings).items():
        marks = [mark for row in rows for mark in row.excellent]
        settled = (resolved or {}).get(name)
        found.append(
            Consensus(
                dialogue=name,
                method=rows[0].method,
                source=rows[0].source,
                rating=settled if settled is not None else statistics.median_low([r.rating for r in rows]),
                human_like=statistics.median_low([row.human_like for row in rows]),
                excellent=any(marks.count(mark) > len(rows) / 2 for mark in set(marks)),
            )
        )
    return found


def queue(ratings: Sequence[Rating]) -> list[dict[str, str]]:
    """Dialogues that the raters should talk about, with no word of whose they are."""
    rows = []
    for name, those in sorted(_by_dialogue(ratings).items()):
        scores = [row.rating for row in those]
        marks = [mark for row in those for mark in row.excellent]
        split = sorted({mark for mark in marks if marks.count(mark) * 2 == len(those)})
        why = [f"ratings {APART} or more apart"] if max(scores) - min(scores) >= APART else []
        why += [f"half of the raters find A{mark} excellent" for mark in split]
        if why:
            told = "; ".join(f"{row.rater}: {row.rating} {row.comment}".strip() for row in those)
            rows.append({"dialogue": name, "why": "; ".join(why), "ratings": told, "agreed_rating": ""})
    return rows


def read_resolved(path: Path, known: Sequence[str]) -> dict[str, int]:
    """Ratings settled afterwards: the queue's CSV with `agreed_rating` filled; empty ones are still open."""
    found: dict[str, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                name, cell = str(row.get("dialogue") or ""), str(row.get("agreed_rating") or "").strip()
                if name not in known:
                    raise InputError(
                        f"no dialogue {name!r} was rated", str(path), reader.line_num, "dialogue"
                    )
                if cell and cell not in SCALE:
                    told = f"expected a whole number from 1 to 5, found {cell!r}"
                    raise InputError(told, str(path), reader.line_num, "agreed_rating")
                if cell:
                    found[name] = int(cell)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    return found


def report(ratings: Sequence[Rating], raters: str, resolved: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Everything that the panel says, as `suasion panel report` writes it.

    raters: what they are, such as "AI raters"; it stands beside every table.
    """
    together = agree_on(ratings, resolved)
    methods = list(dict.fromkeys(sorted(one.method for one in together)))
    return {
        "raters": raters,
        "names": sorted({one.rater for one in ratings}),
        "consensus": RULE,
        "resolved": len(resolved),
        "methods": {name: _method([o for o in together if o.method == name], seed) for name in methods},
        "agreement": _agreement(ratings, seed),
        "queue": len(queue(ratings)),
        "pairs": _pairs(together, methods, seed),
    }


def _method(rows: Sequence[Consensus], seed: int) -> dict[str, Any]:
    return {
        "dialogues": len(rows),
        "rating": asdict(bootstrap_mean([one.rating for one in rows], seed)),
        "human_like": asdict(bootstrap_mean([one.human_like for one in rows], seed)),
        "excellent": asdict(exact_interval(sum(one.excellent for one in rows), len(rows))),
        "ratings": {score: sum(one.rating == int(score) for one in rows) for score in SCALE},
    }


def bootstrap_mean(values: Sequence[float], seed: int) -> Interval:
    """Mean with the percentile interval over resampled values; no interval for fewer than two."""
    if len(values) < 2:
        return Interval(float(values[0]), None, None, len(values))
    rng = np.random.default_rng(seed)
    drawn = rng.choice(np.asarray(values, dtype=float), (DRAWS, len(values))).mean(1)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(statistics.fmean(values), float(low), float(high), len(values))


def _agreement(ratings: Sequence[Rating], seed: int) -> dict[str, Any]:
    names = sorted({one.rater for one in ratings})
    by_dialogue = _by_dialogue(ratings)
    tables: dict[str, list[list[float | None]]] = {"rating": [], "human_like": [], "excellent": []}
    for rows in by_dialogue.values():
        mine = {row.rater: row for row in rows}
        for what, table in tables.items():
            table.append([_value(mine.get(name), what) for name in names])
    return {what: asdict(ordinal_alpha(table, seed)) for what, table in tables.items()}


def _value(row: Rating | None, what: str) -> float | None:
    if row is None:
        return None
    return float(bool(row.excellent)) if what == "excellent" else float(getattr(row, what))


def _pairs(together: Sequence[Consensus], methods: Sequence[str], seed: int) -> dict[str, Any]:
    """Every two methods on the dialogues of the same id; p of the ratings adjusted by Holm's method."""
    found: dict[str, Any] = {}
    for old, new in combinations(methods, 2):
        before, after = ({o.source: o for o in together if o.method == name} for name in (old, new))
        shared = [source for source in before if source in after]
        if shared:
            pairs = [(before[source], after[source]) for source in shared]
            found[f"{new} - {old}"] = _pair(pairs, seed)
    if found:
        adjusted = multipletests([one["p_value"] for one in found.values()], method="holm")[1]
        for one, p in zip(found.values(), adjusted, strict=True):
            one["adjusted_p"] = float(p)
    return found


def _pair(pairs: Sequence[tuple[Consensus, Consensus]], seed: int) -> dict[str, Any]:
    """Difference of the ratings (sign-flip permutation test) and of excellent dialogues (exact McNemar).

    detectable: the mean difference that so many pairs show with a power of 80 %; excellent_detectable: the
    difference of shares.
    """
    gaps = np.array([new.rating - old.rating for old, new in pairs], dtype=float)
    marks = [one.excellent for one, _ in pairs], [one.excellent for _, one in pairs]
    excellent = paired_proportion_difference(*marks)
    return {
        "rating": asdict(bootstrap_mean(gaps.tolist(), seed)),
        "p_value": _sign_flips(gaps, seed),
        "detectable": _detectable(gaps),
        "excellent": asdict(excellent),
        "excellent_p": mcnemar(*marks),
        "excellent_detectable": detectable(excellent),
    }


def _sign_flips(gaps: "np.ndarray[Any, Any]", seed: int) -> float:
    if not gaps.any():
        return 1.0
    zeros = np.zeros_like(gaps)
    tested = permutation_test(
        (gaps, zeros),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=9_999,
        rng=np.random.default_rng(seed),
    )
    return float(tested.pvalue)


def _detectable(gaps: "np.ndarray[Any, Any]") -> float | None:
    if len(gaps) < 3 or not gaps.std():
        return None
    spread = float(gaps.std(ddof=1))
    effect = TTestPower().solve_power(nobs=len(gaps), alpha=1 - LEVEL, power=POWER)
    return float(effect) * spread if math.isfinite(float(effect)) else None


def _by_dialogue(ratings: Sequence[Rating]) -> dict[str, list[Rating]]:
    found: dict[str, list[Rating]] = {}
    for one in ratings:
        found.setdefault(one.dialogue, []).append(one)
    return found
