"""A patch's criterion, read by a judge of its own: a local one fitted on its verdicts, or a remote one."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suasion.data.rubric import Criterion
    from suasion.evaluation.judges import Agreement
    from suasion.incidents.patch import PatchFile
    from suasion.incidents.readings import Asked
    from suasion.negotiation.dialogue import Dialogue

FLOOR = 0.6
MODEL = "smollm2"


@contextmanager
def local_judge(patch: "PatchFile", floor: float = FLOOR) -> Iterator[tuple["Agreement", "Asked"]]:
    """A judge fitted on the patch's verdicts: how far it agrees with those not shown, and what asks it."""
    from suasion.judging import load

    with tempfile.TemporaryDirectory() as folder:
        found = _fit(patch, Path(folder), floor)
        judge = cache(lambda: load(Path(folder)))  # not every patch has something to ask it

        def ask(dialogues: "Sequence[Dialogue]") -> list[float | None]:
            return [row[0] for row in judge().probabilities([_plain(one) for one in dialogues])]

        yield found, ask


def asking(patch: "PatchFile") -> "Asked":
    """Asks a judge that is fitted on the patch's verdicts, once there is something to ask."""

    def ask(dialogues: "Sequence[Dialogue]") -> "Sequence[float | None]":
        with local_judge(patch) as (_, asked):
            return asked(dialogues)

    return ask


@contextmanager
def asked_of(patch: "PatchFile", judge: str) -> Iterator[tuple["Asked | None", list[str]]]:
    """What reads the patch's criterion (nothing, where it changes a rule), and what is to be said of it."""
    criterion = patch.patch.criterion
    if criterion is None:
        yield None, []
    elif judge.startswith(("http://", "https://")):
        yield _remote(criterion, judge), [f"The criterion is read by {judge}."]
    else:
        with local_judge(patch) as (found, ask):
            kappa = "none" if found.kappa is None else f"{found.kappa:.2f}"
            note = f"The criterion is read by the local judge, fitted on the patch's verdicts: kappa {kappa}"
            yield ask, [f"{note}{'.' if found.read_at(FLOOR) else ', too low for training to read it.'}"]


def _fit(patch: "PatchFile", folder: Path, floor: float) -> "Agreement":
    from suasion.judging import fit

    path = folder / "verdicts.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for one in patch.labelled():
            turns = [turn.model_dump(mode="json", exclude_none=True) for turn in one.dialogue.turns]
            line = {"context": turns, "reply": one.dialogue.reply, "criterion": one.criterion}
            out.write(json.dumps(line | {"verdict": one.verdict}, ensure_ascii=False) + "\n")
    (found,) = fit(path, folder, floor, MODEL, 0).values()
    return found


def _remote(criterion: "Criterion", url: str) -> "Asked":
    from suasion.config import RemoteJudgeConfig
    from suasion.data.rubric import Rubric
    from suasion.rewards.remote_judge import connect

    remote = connect(url, Rubric(version=1, criteria=(criterion,)), RemoteJudgeConfig())

    def ask(dialogues: "Sequence[Dialogue]") -> list[float | None]:
        scores = remote.score(dialogues)
        return [score.evidence[0].probability if score.evidence else None for score in scores]

    return ask


def _plain(dialogue: "Dialogue") -> "Dialogue":
    """The reply as the verdicts have it: turns and words, without a brief."""
    from suasion.negotiation.brief import Brief

    return dialogue.model_copy(update={"brief": Brief(), "outcome": None, "source": "labelled"})
