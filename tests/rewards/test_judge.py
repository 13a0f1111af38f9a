"""The local judge: what it is asked, what it may say, and that its readings come back from a file."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from suasion.config import ProbeConfig
from suasion.data.examples import Verdict
from suasion.data.rubric import Rubric, load_rubric
from suasion.errors import InputError
from suasion.fitting.fit_rewards import fit_judge, judge_agreement
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.model import Backbone
from suasion.rewards.judge import LocalJudge
from suasion.rewards.score import Status

REPLIES = [
    "Fair point. What is your best price?",
    "We guarantee you more bookings.",
    "Goodbye.",
    "Hello there.",
]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.load("hotel")


@pytest.fixture(params=[True, False], ids=["adapter", "head"])
def judge(request: pytest.FixtureRequest, another: Callable[[], Backbone], hotel: Pack) -> LocalJudge:
    return LocalJudge(another(), hotel, load_rubric(hotel), adapter=request.param)


def fitted(judge: LocalJudge, dialogues: list[Dialogue]) -> list[float]:
    verdicts = [
        Verdict(dialogue, criterion.id, (n + m) % 3 == 0)
        for n, dialogue in enumerate(dialogues)
        for m, criterion in enumerate(judge.rubric.criteria)
    ]
    epochs = 10 if judge.role.role else 0
    config = ProbeConfig(epochs=epochs, learning_rate=1e-2, batch_size=2, decay=1e-5)
    return fit_judge(judge, verdicts, config, 0)


def test_unfitted_it_is_undecided(judge: LocalJudge, dialogues: list[Dialogue]) -> None:
    for row in judge.probabilities(dialogues):
        assert row == pytest.approx([0.5] * len(judge.rubric.criteria))


def test_fitting_makes_it_say_what_it_was_told(judge: LocalJudge, dialogues: list[Dialogue]) -> None:
    assert fitted(judge, dialogues)[-1] < 0.1
    for n, row in enumerate(judge.probabilities(dialogues)):
        assert [p > 0.5 for p in row] == [(n + m) % 3 == 0 for m in range(len(row))]


def test_a_reply_is_read_alike_alone_and_among_others(judge: LocalJudge, dialogues: list[Dialogue]) -> None:
    fitted(judge, dialogues)
    together = judge.probabilities(dialogues)
    for dialogue, row in zip(dialogues, together, strict=True):
        assert judge.probabilities([dialogue])[0] == pytest.approx(row, abs=1e-5)


def test_a_criterion_that_nobody_answered_for_a_reply_teaches_nothing_there(
    judge: LocalJudge, dialogues: list[Dialogue]
) -> None:
    names = [criterion.id for criterion in judge.rubric.criteria]
    verdicts = [Verdict(d, names[0], n < 2) for n, d in enumerate(dialogues)]
    verdicts.append(Verdict(dialogues[0], names[1], True))
    fit_judge(judge, verdicts, ProbeConfig(epochs=0, decay=1e-5), 0)
    rows = judge.probabilities(dialogues)
    assert [row[0] > 0.5 for row in rows] == [True, True, False, False]
    assert rows[0][1] > 0.5
    assert all(row[2] == pytest.approx(0.5) for row in rows)


def test_points_times_probability(judge: LocalJudge, dialogues: list[Dialogue]) -> None:
    fitted(judge, dialogues)
    score, row = judge.score(dialogues[:1])[0], judge.probabilities(dialogues[:1])[0]
    points = [criterion.points for criterion in judge.rubric.criteria]
    assert score.value == pytest.approx(math.fsum(a * b for a, b in zip(points, row, strict=True)))


def test_a_criterion_below_the_floor_is_not_read(judge: LocalJudge, dialogues: list[Dialogue]) -> None:
    names = [criterion.id for criterion in judge.rubric.criteria]
    version = judge.version
    judge.floor = 0.4
    judge.agreement = {name: {"kappa": 0.1} for name in names} | {names[1]: {"kappa": 0.4}}
    score = judge.score(dialogues[:1])[0]
    assert [evidence.name for evidence in score.evidence] == [names[1]]
    assert score.value == pytest.approx(0.5 * judge.rubric.criteria[1].points)
    assert judge.version != version
    judge.agreement[names[1]] = {"kappa": 0.0}
    score = judge.score(dialogues[:1])[0]
    assert (score.status, score.value) == (Status.UNREAD, None)


def test_agreement_is_corrected_for_chance(judge: LocalJudge, dialogues: list[Dialogue]) -> None:
    """Undecided at 0.5 it says no to all: right as often as no is, and no better than chance."""
    names = [criterion.id for criterion in judge.rubric.criteria]
    verdicts = [Verdict(d, names[0], n == 0) for n, d in enumerate(dialogues)]
    found = judge_agreement(judge, verdicts)
    assert found.keys() == {names[0]}
    assert found[names[0]]["accuracy"] == 0.75
    assert found[names[0]]["kappa"] == 0.0


def test_it_comes_back_from_its_files(
    judge: LocalJudge,
    dialogues: list[Dialogue],
    another: Callable[[], Backbone],
    hotel: Pack,
    tmp_path: Path,
) -> None:
    fitted(judge, dialogues)
    judge.floor, judge.agreement = 0.4, {"empathy": {"kappa": 0.7}}
    judge.save(tmp_path)
    again = LocalJudge.load(another(), hotel, judge.rubric, tmp_path)
    assert again.version == judge.version
    assert again.probabilities(dialogues) == judge.probabilities(dialogues)
    fewer = Rubric(version=1, criteria=judge.rubric.criteria[:3])
    with pytest.raises(InputError, match=r"judge\.json: no judge for this rubric"):
        LocalJudge.load(another(), hotel, fewer, tmp_path)
