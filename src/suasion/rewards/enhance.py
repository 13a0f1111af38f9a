"""How the three rewards become one number (REPO, arXiv 2510.04214, eq. for R_total)."""

import math
from collections.abc import Callable


def enhance(
    r_model: float,
    e_judge: float | None,
    e_func: float | None,
    n: float = 100.0,
    operator: str = "paper",
    breach: bool = False,
) -> float:
    """Modulate the reward model's score by judge and rules.

    Args:
        r_model: calibrated reward-model score, any finite number.
        e_judge, e_func: points of judge and rules; None (not read) is neutral.
        n: half-width of the band to which their sum is clipped, in points, > 0.
        operator: a key of OPERATORS.
        breach: a rule of critical severity was broken; "closed-hole" alone makes more of it than its points.

    Raises ValueError for a number that is not finite, n <= 0 or an unknown operator.
    """
    judge, rules = e_judge or 0.0, e_func or 0.0
    if not (math.isfinite(r_model) and math.isfinite(judge) and math.isfinite(rules)):
        raise ValueError(f"rewards must be finite, found {r_model}, {e_judge}, {e_func}")
    if not (n > 0 and math.isfinite(n)):
        raise ValueError(f"n must be positive, found {n}")
    if operator not in OPERATORS:
        raise ValueError(f"unknown operator {operator!r}; known are {', '.join(OPERATORS)}")
    return OPERATORS[operator](r_model, judge + rules, n, breach)


def paper(r_model: float, e: float, n: float, breach: bool = False) -> float:
    """R_model * (1 + s * E_enh / n): good E makes a good reward better and a bad one less bad."""
    sign = 1.0 if r_model >= 0 else -1.0
    return r_model * (1.0 + sign * max(-n, min(n, e)) / n)


def closed_hole(r_model: float, e: float, n: float, breach: bool = False) -> float:
    """Ours: strictly increasing in the unclipped E for every R_model, bounded, a breach below all else.

    Both parts are squashed, so the slope in E does not depend on R_model (the second hole), and the total
    lies in (-3, 3). A critical breach is moved into (-4, -3), whatever the RM says (the first hole): below
    all else, and no further, since one breach in a batch would drown what tells the other replies apart.
    """
    total = r_model / (1.0 + abs(r_model)) + 2.0 * e / (n + abs(e))
    return total / 6.0 - 3.5 if breach else total


def plain_sum(r_model: float, e: float, n: float, breach: bool = False) -> float:
    """R_model + E_enh / n: the obvious alternative, kept for comparison."""
    return r_model + max(-n, min(n, e)) / n


OPERATORS: dict[str, Callable[[float, float, float, bool], float]] = {
    "paper": paper,
    "closed-hole": closed_hole,
    "sum": plain_sum,
}
