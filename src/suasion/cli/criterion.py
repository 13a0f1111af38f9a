"""A patch's criterion, read by a judge of its own: a local one fitted on its verdicts, or a remote one."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


def agreement_on(patch: "PatchFile", floor: float = FLOOR) -> "Agreement":
    """How far the local judge, fitted on the patch's verdicts, agrees with those that it was not shown."""
    with tempfile.TemporaryDirectory() as folder:
        return _fit(patch, Path(folder), floor)


@contextmanager
def asked_of(patch: "PatchFile", judge: str) -> Iterator[tuple["Asked | None", list[str]]]:
    """What reads the patch's criterion (nothing, where it changes a rule), and what is to be said of it."""
    criterion = patch.patch.criterion
    if criterion is None:
        yield None, []
    elif judge.startswith(("http://", "https://")):
        yield _remote(criterion, judge), [f"The criterion is read by {judge}."]
    else:
        from suasion.judging import load

        with tempfile.TemporaryDirectory() as folder:
            found = _fit(patch, Path(folder), FLOOR)
            local = load(Path(folder))
            kappa = "none" if found.kappa is None else f"{found.kappa:.2f}"
            note = f"The criterion is read by the local judge, fitted on the patch's verdicts: kappa {kappa}"

            def ask(dialogues: "Sequence[Dialogue]") -> list[float | None]:
                return [row[0] for row in local.probabilities([_plain(one) for one in dialogues])]

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
