"""How far a judge agrees with people: kappa with its interval, confusion, length bias, self-consistency."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from statsmodels.stats.inter_rater import cohens_kappa

ENOUGH = 20  # verdicts; fewer say nothing of a criterion
CELLS = ("no_no", "no_yes", "yes_no", "yes_yes")  # people, judge


@dataclass(frozen=True, slots=True)
class Answer:
    """What people and a judge say of one reply by one criterion.

    yes: the judge's probability, asked once and asked again; None where it did not answer.
    """

    criterion: str
    verdict: bool
    words: int
    yes: float | None
    again: float | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of one criterion; None is what can't be told, such as a kappa where people always say the same.

    kappa: Cohen's, with its asymptotic 95 % interval.
    confusion: counts by what people and then the judge say.
    length_bias: correlation of the reply's words with judge minus people: above 0 it likes long replies.
    self_consistency: share of replies of which it says the same when asked again.
    """

    kappa: float | None
    low: float | None
    high: float | None
    accuracy: float | None
    n: int
    unread: int
    confusion: dict[str, int]
    length_bias: float | None
    self_consistency: float | None

    def read_at(self, floor: float) -> bool:
        """Whether a reward may use the criterion: from ENOUGH verdicts, most of them answered."""
        return self.kappa is not None and self.kappa >= floor and self.n >= max(ENOUGH, self.unread)


def agreements(answers: Sequence[Answer]) -> dict[str, Agreement]:
    """For each criterion, in the order in which they first come."""
    names = dict.fromkeys(answer.criterion for answer in answers)
    return {name: _agreement([one for one in answers if one.criterion == name]) for name in names}


def as_json(found: dict[str, Agreement], floor: float, judge: str) -> dict[str, Any]:
    """What `suasion judge agree` writes."""
    kappas = [one.kappa for one in found.values() if one.kappa is not None]
    return {
        "judge": judge,
        "floor": floor,
        "mean_kappa": sum(kappas) / len(kappas) if kappas else None,
        "criteria": {name: asdict(one) | {"read": one.read_at(floor)} for name, one in found.items()},
    }


def _agreement(answers: Sequence[Answer]) -> Agreement:
    read = [(one, one.yes > 0.5) for one in answers if one.yes is not None]
    confusion = dict.fromkeys(CELLS, 0)
    for one, said in read:
        confusion[f"{'yes' if one.verdict else 'no'}_{'yes' if said else 'no'}"] += 1
    table = np.array([confusion[cell] for cell in CELLS]).reshape(2, 2)
    kappa, low, high = _kappa(table)
    twice = [said == (one.again > 0.5) for one, said in read if one.again is not None]
    leaning = [(one.words, int(said) - int(one.verdict)) for one, said in read]
    return Agreement(
        kappa=kappa,
        low=low,
        high=high,
        accuracy=float(np.trace(table) / len(read)) if read else None,
        n=len(read),
        unread=len(answers) - len(read),
        confusion=confusion,
        length_bias=_correlation(leaning),
        self_consistency=sum(twice) / len(twice) if twice else None,
    )


def _kappa(table: "np.ndarray[Any, Any]") -> tuple[float | None, float | None, float | None]:
    """None where people always say the same; 0 without an interval where only the judge does."""
    if not table.sum(1).all():
        return None, None, None
    if not table.sum(0).all():
        return 0.0, None, None
    found = cohens_kappa(table)
    if not found.var_kappa > 0:
        return float(found.kappa), None, None  # without a mistake the asymptotic interval is a point
    return float(found.kappa), max(-1.0, float(found.kappa_low)), min(1.0, float(found.kappa_upp))


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's; None where one side does not vary."""
    x, y = np.array(pairs, dtype=float).reshape(-1, 2).T
    if len(pairs) < 2 or not x.std() or not y.std():
        return None
    return float(np.corrcoef(x, y)[0, 1])
