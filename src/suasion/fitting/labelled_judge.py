"""A judge from people's verdicts: its head, how far it is held back, and what it says of unseen contexts."""

import random
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from suasion.data.examples import Verdict
from suasion.fitting.fit_rewards import READ_TOKENS, label_trees, verdict_loss
from suasion.fitting.linear_probe import fit_head
from suasion.negotiation.dialogue import Turn, dump_dialogue
from suasion.rewards.judge import LocalJudge
from suasion.running.progress import Progress

DECAYS = (0.01, 0.03, 0.1, 0.3, 1.0)  # L2 penalties on the head to choose from
FOLDS = 5


def fit_labelled_judge(judge: LocalJudge, verdicts: Sequence[Verdict], seed: int) -> list[list[float]]:
    """Fit the judge's head on all verdicts, with the penalty that does best on unseen contexts.

    Returns P(yes) per criterion for each reply, in the order in which they first come, by a head that was
    fitted without its dialogue (five folds); the penalty was chosen on the same folds, by their loss.
    """
    every = range(len(judge.rubric.criteria))
    head, unseen = _fit_rows(judge, verdicts, every, seed)
    judge.role.head.load_state_dict(head.state_dict())
    return unseen


def fit_criteria(
    judge: LocalJudge, criteria: Sequence[str], verdicts: Sequence[Verdict], seed: int
) -> list[dict[str, float]]:
    """Fit the rows of these criteria alone, on their verdicts, and leave adapter and other rows as they are.

    A row of the head reads fixed states, so those of criteria that did not change need no new fit. Returns
    for each reply, in the order in which they first come, P(yes) by criterion as `fit_labelled_judge` does.
    """
    names = [criterion.id for criterion in judge.rubric.criteria]
    columns = [names.index(name) for name in criteria]
    head, unseen = _fit_rows(judge, [one for one in verdicts if one.criterion in criteria], columns, seed)
    with torch.no_grad():
        judge.role.head.weight[columns] = head.weight
        judge.role.head.bias[columns] = head.bias
    return [dict(zip(criteria, row, strict=True)) for row in unseen]


def _fit_rows(
    judge: LocalJudge, verdicts: Sequence[Verdict], columns: Sequence[int], seed: int
) -> tuple[nn.Linear, list[list[float]]]:
    """A head for the criteria in these columns, and what heads fitted without each reply's fold say of it."""
    labelled = label_trees(judge, verdicts)
    rows = torch.cat(judge.role.states([part.tree for part in labelled], READ_TOKENS))
    targets = torch.cat([part.targets for part in labelled], dim=1)[:, :, list(columns)]
    folds = _folds(verdicts, [place for part in labelled for place in part.places], seed)
    best, decay, unseen = torch.inf, 0.0, torch.empty(0)
    with Progress("judge") as progress:
        for number, penalty in enumerate(DECAYS, start=1):
            odds = _unseen(rows, targets, folds, penalty)
            loss = float(verdict_loss(targets, odds))
            if loss < best:
                best, decay, unseen = loss, penalty, odds
            progress.at(number, len(DECAYS), f"penalty {penalty:g}: loss {loss:.3f} on unseen contexts")
    head = nn.Linear(rows.shape[1], len(columns)).to(rows.device)
    fit_head(head, rows, partial(verdict_loss, targets), decay)
    places = [place for part in labelled for place in part.places]
    found: list[list[float]] = [[] for _ in places]
    for place, row in zip(places, torch.sigmoid(unseen).tolist(), strict=True):
        found[place] = row
    return head, found


def _folds(verdicts: Sequence[Verdict], places: Sequence[int], seed: int) -> list[Tensor]:
    """For each fold which of the replies, in the order of `places`, are left out: (N,).

    Contexts of which one goes on from the other are left out together; without a context, or where all are
    of one dialogue, each reply is on its own.
    """
    replies = list({dump_dialogue(verdict.dialogue): verdict.dialogue for verdict in verdicts}.values())
    beginnings: dict[tuple[Turn, ...], int] = {}
    for turns in sorted(dict.fromkeys(reply.turns for reply in replies if reply.turns), key=len):
        known = (beginnings[turns[:n]] for n in range(len(turns) - 1, 0, -1) if turns[:n] in beginnings)
        beginnings[turns] = next(known, len(beginnings))
    of_reply = [beginnings.get(reply.turns, -1 - place) for place, reply in enumerate(replies)]
    if len(set(of_reply)) == 1:
        of_reply = list(range(len(replies)))
    names = sorted(set(of_reply))
    count = min(FOLDS, len(names))
    order = random.Random(f"{seed}:folds").sample(names, len(names))
    fold_of = {name: number % count for number, name in enumerate(order)}
    folds = torch.tensor([fold_of[of_reply[place]] for place in places])
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
