"""A judge under a changed rubric, on a tiny model: what did not change keeps its row, what did is fitted."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from suasion.data.examples import Verdict
from suasion.data.rubric import Criterion, Rubric
from suasion.errors import InputError
from suasion.fitting.refit_judge import carried_judge, changed_criteria, refit
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.judge import LocalJudge

POLITE, RUDE = (Criterion(id=name, question=f"Is it {name}?", points=10) for name in ("polite", "rude"))
LEAK = Criterion(id="leak", question="Does it name the project?", points=-40)
OLD, NEW = Rubric(version=1, criteria=(POLITE, RUDE)), Rubric(version=1, criteria=(RUDE, LEAK))


def test_points_alone_ask_nothing_new() -> None:
    worth = POLITE.model_copy(update={"points": 5.0})
    other = RUDE.model_copy(update={"question": "Is it very rude?", "version": 2})
    assert changed_criteria(OLD, Rubric(version=2, criteria=(worth, other, LEAK))) == {"rude", "leak"}


@pytest.mark.parametrize("adapter", [False, True])
def test_what_changed_is_fitted_and_the_rest_is_kept(
    another: Callable[[], Backbone], hotel: Pack, dialogues: list[Dialogue], tmp_path: Path, adapter: bool
) -> None:
    before = LocalJudge(another(), hotel, OLD, adapter=adapter)
    with torch.no_grad():
        before.role.head.weight.normal_(generator=torch.Generator().manual_seed(1))
    before.agreement = {"polite": {"kappa": 0.9, "accuracy": 0.9}, "rude": {"kappa": 0.8, "accuracy": 0.9}}
    before.floor = 0.4
    before.save(tmp_path)
    judge = carried_judge(another(), hotel, NEW, OLD, tmp_path)
    made = [
        one.with_reply(f"{n} {word}")
        for n in range(12)
        for one in dialogues[:2]
        for word in ("walnut", "guest")
    ]
    said = [Verdict(one, "leak", "walnut" in (one.reply or "")) for one in made]
    given = refit(judge, {"leak"}, [Verdict(made[0], "rude", True)], said, (), 0)
    assert given == {"leak": 48}
    rows = zip(before.probabilities(dialogues), judge.probabilities(dialogues), strict=True)
    assert all(old[1] == pytest.approx(new[0], abs=1e-6) for old, new in rows)
    assert judge.agreement["rude"] == before.agreement["rude"]
    assert "polite" not in judge.agreement
    assert judge.agreement["leak"]["kappa"] > 0.9
    judge.save(tmp_path / "new")
    again = LocalJudge.load(another(), hotel, NEW, tmp_path / "new")
    assert again.probabilities(dialogues) == judge.probabilities(dialogues)


def test_a_criterion_that_nobody_judged_is_not_read(
    another: Callable[[], Backbone], hotel: Pack, dialogues: list[Dialogue], tmp_path: Path
) -> None:
    LocalJudge(another(), hotel, OLD, adapter=False).save(tmp_path)
    judge = carried_judge(another(), hotel, NEW, OLD, tmp_path)
    assert refit(judge, {"leak"}, (), [Verdict(dialogues[0], "leak", True)], (), 0) == {"leak": 1}
    assert "leak" not in judge.trusted
    with pytest.raises(InputError, match="no judge of the run's own rubric"):
        carried_judge(another(), hotel, NEW, NEW, tmp_path)
