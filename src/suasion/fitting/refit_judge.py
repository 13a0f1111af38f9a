"""A run's judge after its rubric changed: rows of what changed are fitted, the others are the old ones."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import torch

from suasion.data.examples import Verdict
from suasion.data.rubric import Criterion, Rubric
from suasion.errors import InputError
from suasion.fitting.fit_rewards import agreement_of, judge_answers
from suasion.fitting.labelled_judge import fit_criteria
from suasion.negotiation.dialogue import dump_dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import copy_adapter, has_adapter, load_tensors
from suasion.policy.model import Backbone
from suasion.rewards.judge import NAME, LocalJudge


def carried_judge(backbone: Backbone, pack: Pack, rubric: Rubric, old: Rubric, folder: Path) -> LocalJudge:
    """The judge of a run's `rewards` folder under another rubric: each criterion that has the same id keeps
    its row and its agreement; rows of new ones say nothing yet.

    Raises InputError where the folder has no judge of the old rubric.
    """
    tensors = load_tensors(folder / "judge.safetensors")
    judge = LocalJudge(backbone, pack, rubric, adapter=has_adapter(tensors))
    path = folder / "judge.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        fitted = [f"{criterion.id}:{criterion.version}" for criterion in old.criteria]
        if content["criteria"] != fitted or len(tensors["head.weight"]) != len(fitted):
            raise ValueError(f"it was fitted on {', '.join(content['criteria'])}")
        judge.floor, agreement = float(content["floor"]), dict(content["agreement"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"no judge of the run's own rubric: {error}", str(path)) from None
    if judge.role.role:
        copy_adapter(backbone, NAME, tensors)
    row_of = {criterion.id: row for row, criterion in enumerate(old.criteria)}
    with torch.no_grad():
        for row, criterion in enumerate(rubric.criteria):
            if criterion.id in row_of:
                judge.role.head.weight[row] = tensors["head.weight"][row_of[criterion.id]]
                judge.role.head.bias[row] = tensors["head.bias"][row_of[criterion.id]]
    kept = {criterion.id for criterion in rubric.criteria}
    judge.agreement = {name: found for name, found in agreement.items() if name in kept}
    return judge


def refit(
    judge: LocalJudge,
    changed: Collection[str],
    made: Sequence[Verdict],
    labelled: Sequence[Verdict],
    held_out: Sequence[Verdict],
    seed: int,
) -> dict[str, int]:
    """Fit the rows of these criteria on the verdicts that were made and on people's `labelled` ones.

    How far each agrees is measured on the held-out verdicts and, for people's, by heads fitted without the
    verdict's dialogue. A criterion without verdicts of both answers agrees with nothing: it is unread.
    Returns how many of people's verdicts each had.
    """
    verdicts = [one for one in [*made, *labelled] if one.criterion in changed]
    answers = {name: {one.verdict for one in verdicts if one.criterion == name} for name in changed}
    fitted = sorted(name for name, found in answers.items() if len(found) > 1)
    for name in set(changed) - set(fitted):
        judge.agreement[name] = {"accuracy": 0.0, "kappa": -1.0}
    if fitted:
        verdicts = [one for one in verdicts if one.criterion in fitted]
        unseen = fit_criteria(judge, fitted, verdicts, seed)
        place = {
            mark: row
            for row, mark in enumerate(dict.fromkeys(dump_dialogue(one.dialogue) for one in verdicts))
        }
        said = judge_answers(judge, [one for one in held_out if one.criterion in fitted])
        for one in labelled:
            if one.criterion in fitted:
                yes = unseen[place[dump_dialogue(one.dialogue)]][one.criterion] > 0.5
                said.setdefault(one.criterion, []).append((yes, one.verdict))
        judge.agreement |= {name: agreement_of(said[name]) for name in fitted if name in said}
    return {name: sum(one.criterion == name for one in labelled) for name in sorted(changed)}


def changed_criteria(old: Rubric, new: Rubric) -> frozenset[str]:
    """Criteria that are asked otherwise than before, or were not: points alone change no reading."""
    before = {_asked(criterion) for criterion in old.criteria}
    return frozenset(criterion.id for criterion in new.criteria if _asked(criterion) not in before)


def _asked(criterion: Criterion) -> Criterion:
    return criterion.model_copy(update={"points": 0.0})
