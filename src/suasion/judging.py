"""`suasion judge`: a judge from people's verdicts, and how far one agrees with them."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suasion.config import ModelConfig, RemoteJudgeConfig
from suasion.data.examples import Verdict
from suasion.data.labels import read_labels, rubric_of
from suasion.data.rubric import Rubric
from suasion.errors import InputError
from suasion.evaluation.judges import Agreement, Answer, agreements, as_json
from suasion.fitting.labelled_judge import fit_labelled_judge
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import load_backbone
from suasion.rewards.judge import LocalJudge
from suasion.rewards.remote_judge import connect
from suasion.rewards.score import Score, Status
from suasion.running.folder import write_json

RUBRIC, MODEL, SEEN = "rubric.json", "model.json", "seen.json"
FLOOR = 0.6  # kappa below which a criterion is not read
PACK = "generic"  # a labelled dialogue has no brief: the questions say what matters
Rows = Sequence[Sequence[float | None]]


def fit(verdicts_path: Path, output: Path, floor: float, model: str, seed: int) -> dict[str, Agreement]:
    """Fit a judge on the verdicts of a file and save it; how far it agrees with those it had not seen.

    Raises InputError for a broken file, and where a criterion has only one answer.
    """
    verdicts = read_labels(verdicts_path)
    rubric, config = rubric_of(verdicts), ModelConfig(name=model)
    for criterion in rubric.criteria:
        if len({one.verdict for one in verdicts if one.criterion == criterion.id}) < 2:
            raise InputError(
                f"{criterion.id!r} has the same verdict everywhere: there is nothing to learn",
                str(verdicts_path),
                field="verdict",
            )
    judge = LocalJudge(load_backbone(config, seed), Pack.load(PACK), rubric, adapter=False)
    if len(_replies(verdicts)) < 2:
        raise InputError("one reply alone teaches nothing", str(verdicts_path))
    unseen = fit_labelled_judge(judge, verdicts, seed)
    found = agreements(_answers(verdicts, rubric, unseen, unseen))
    judge.floor = floor
    judge.agreement = {
        name: {"kappa": one.kappa, "accuracy": one.accuracy}
        for name, one in found.items()
        if one.kappa is not None and one.accuracy is not None
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / RUBRIC).write_text(rubric.model_dump_json(indent=1), encoding="utf-8")
    (output / MODEL).write_text(config.model_dump_json(indent=1), encoding="utf-8")
    write_json(output / SEEN, sorted({_mark(reply) for reply in _replies(verdicts)}))
    judge.save(output)
    return found


def agree(judge: str, verdicts_path: Path, target: Path, floor: float | None) -> dict[str, Any]:
    """How far a fitted judge (a directory) or one at an address agrees with a file's verdicts; also as JSON.

    floor: the judge's own by default; 0.6 for one at an address. `seen` counts the replies that the judge
    was fitted on: of those it says what it was told. Raises InputError for a broken file, a directory
    without a judge, criteria that it was not fitted on, and a judge that answered nothing.
    """
    verdicts = read_labels(verdicts_path)
    replies = _replies(verdicts)
    first: Rows
    second: Rows
    if judge.startswith(("http://", "https://")):
        rubric, floor, seen = rubric_of(verdicts), FLOOR if floor is None else floor, 0
        remote = connect(judge, rubric, RemoteJudgeConfig(cache="none"))  # it is asked twice in earnest
        version, scores = remote.version, remote.score(replies)
        status = Counter(score.status for score in scores)
        if not status[Status.READ]:
            told = ", ".join(f"{name.value} {count}" for name, count in status.items())
            raise InputError(f"the judge answered none of {len(replies)} replies: {told}")
        first = [_row(score, rubric) for score in scores]
        second = [_row(score, rubric) for score in remote.score(replies[::-1])][::-1]
    else:
        local = load(Path(judge))
        rubric, version, floor = local.rubric, local.version, local.floor if floor is None else floor
        known = ", ".join(sorted(criterion.id for criterion in rubric.criteria))
        for one in verdicts:
            if one.criterion not in {criterion.id for criterion in rubric.criteria}:
                message = f"unknown criterion {one.criterion!r}; the judge was fitted on {known}"
                raise InputError(message, str(verdicts_path), field="criterion")
        fitted = _fitted_on(Path(judge))
        seen = sum(_mark(reply) in fitted for reply in replies)
        first = local.probabilities(replies)
        local.backbone.known_replies.clear()  # so that it reads them again
        second = local.probabilities(replies[::-1])[::-1]
    found = agreements(_answers(verdicts, rubric, first, second))
    content = as_json(found, floor, version) | {"replies": len(replies), "seen": seen}
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, content)
    return content


def _mark(reply: Dialogue) -> str:
    """What tells a reply in its context from others, whatever line it stood on."""
    return hashlib.sha256(dump_dialogue(reply.model_copy(update={"id": ""})).encode()).hexdigest()[:16]


def load(folder: Path) -> LocalJudge:
    """A judge that `fit` saved. Raises InputError when the directory has none."""
    try:
        rubric = Rubric.model_validate_json((folder / RUBRIC).read_text(encoding="utf-8"))
        config = ModelConfig.model_validate_json((folder / MODEL).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"no judge of `suasion judge fit`: {error}", str(folder)) from None
    return LocalJudge.load(load_backbone(config), Pack.load(PACK), rubric, folder)


def _fitted_on(folder: Path) -> frozenset[str]:
    """Marks of the replies that the judge was fitted on."""
    try:
        return frozenset(json.loads((folder / SEEN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"what it was fitted on can't be read: {error}", str(folder / SEEN)) from None


def _replies(verdicts: Sequence[Verdict]) -> list[Dialogue]:
    """Each reply once, in the order in which they first come."""
    return list({one.dialogue.id: one.dialogue for one in verdicts}.values())


def _row(score: Score, rubric: Rubric) -> list[float | None]:
    """P(yes) per criterion, None for what was not answered."""
    said = {one.name: one.probability for one in score.evidence}
    return [said.get(criterion.id) for criterion in rubric.criteria]


def _answers(verdicts: Sequence[Verdict], rubric: Rubric, first: Rows, second: Rows) -> list[Answer]:
    """Each verdict beside what the judge said, the rows being those of `_replies`."""
    row_of = {reply.id: row for row, reply in enumerate(_replies(verdicts))}
    column_of = {criterion.id: column for column, criterion in enumerate(rubric.criteria)}
    return [
        Answer(
            criterion=one.criterion,
            verdict=one.verdict,
            words=len((one.dialogue.reply or "").split()),
            yes=first[row_of[one.dialogue.id]][column_of[one.criterion]],
            again=second[row_of[one.dialogue.id]][column_of[one.criterion]],
        )
        for one in verdicts
    ]
