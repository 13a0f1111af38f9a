"""A judge from people's verdicts: its head, how far it is held back, and what it says of unseen contexts."""

import random
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from suasion.data.examples import Verdict
from suasion.rewards.judge import LocalJudge
from suasion.training.fit_rewards import READ_TOKENS, Labelled, label_trees, verdict_loss
from suasion.training.linear_probe import fit_head
from suasion.training.progress import Progress

DECAYS = (0.01, 0.03, 0.1, 0.3, 1.0)  # L2 penalties on the head to choose from
FOLDS = 5


def fit_labelled_judge(judge: LocalJudge, verdicts: Sequence[Verdict], seed: int) -> list[list[float]]:
    """Fit the judge's head on all verdicts, with the penalty that does best on unseen contexts.

    Returns P(yes) per criterion for each reply, in the order in which they first come, by a head that was
    fitted without its context (five folds); the penalty was chosen on the same folds, by their loss.
    Raises ValueError where all replies are to one context, so that none can be left out.
    """
    labelled = label_trees(judge, verdicts)
    rows = torch.cat(judge.role.states([part.tree for part in labelled], READ_TOKENS))
    targets = torch.cat([part.targets for part in labelled], dim=1)
    folds = _folds(labelled, seed)
    best, decay, unseen = torch.inf, 0.0, torch.empty(0)
    with Progress("judge") as progress:
        for number, penalty in enumerate(DECAYS, start=1):
            odds = _unseen(rows, targets, folds, penalty)
            loss = float(verdict_loss(targets, odds))
            if loss < best:
                best, decay, unseen = loss, penalty, odds
            progress.at(number, len(DECAYS), f"penalty {penalty:g}: loss {loss:.3f} on unseen contexts")
    fit_head(judge.role.head, rows, partial(verdict_loss, targets), decay)
    places = [place for part in labelled for place in part.places]
    found: list[list[float]] = [[] for _ in places]
    for place, row in zip(places, torch.sigmoid(unseen).tolist(), strict=True):
        found[place] = row
    return found


def _folds(labelled: Sequence[Labelled], seed: int) -> list[Tensor]:
    """For each fold which of the replies are left out, (N,); those to one context together."""
    if len(labelled) < 2:
        raise ValueError("all replies are to one context: none can be left out to try the judge on")
    count = min(FOLDS, len(labelled))
    order = random.Random(f"{seed}:folds").sample(range(len(labelled)), len(labelled))
    fold_of = {index: number % count for number, index in enumerate(order)}
    folds = torch.tensor([fold_of[index] for index, part in enumerate(labelled) for _ in part.places])
    return [folds == number for number in range(count)]


def _unseen(rows: Tensor, targets: Tensor, folds: Sequence[Tensor], decay: float) -> Tensor:
    """Log-odds of every reply by the head that was fitted without its fold: (N, F) -> (N, C)."""
    odds = torch.zeros(rows.shape[0], targets.shape[2], device=rows.device)
    for left_out in folds:
        head = nn.Linear(rows.shape[1], targets.shape[2]).to(rows.device)
        known = targets[:, ~left_out]
        fit_head(head, rows[~left_out], partial(verdict_loss, known), decay)
        with torch.no_grad():
            odds[left_out] = head(rows[left_out])
    return odds
