"""A judge from people's verdicts: it learns what they meant, says how well, and can be asked again."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from click import Group
from click.testing import CliRunner

from suasion import judging
from suasion.cli import main
from suasion.data.labels import read_labels
from suasion.errors import InputError
from suasion.fitting.labelled_judge import _folds
from suasion.policy.model import Backbone

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
THANKS, ASKS = "Does it say thanks?", "Does it ask for a price?"


def verdicts(path: Path, count: int = 40, criteria: tuple[str, ...] = (THANKS, ASKS)) -> Path:
    lines = []
    for n in range(count):
        reply = f"{'thank you' if n % 2 else 'hello'} {'price ?' if n % 3 == 0 else 'goodbye'}"
        truth = {THANKS: n % 2 == 1, ASKS: n % 3 == 0}
        context = [{"speaker": "counterpart", "text": f"{WORDS[n % 10]} {WORDS[n // 10]}"}]
        for question in criteria:
            line = {"context": context, "reply": reply, "criterion": question, "verdict": truth[question]}
            lines.append(json.dumps(line))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def tiny(
    request: pytest.FixtureRequest, another: Callable[[], Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is a tiny one, except in the slow test, which runs the commands with the real one."""
    if "slow" not in request.keywords:
        monkeypatch.setattr(judging, "load_backbone", lambda *_: another())


def test_it_agrees_with_verdicts_it_was_not_shown(tmp_path: Path) -> None:
    found = judging.fit(verdicts(tmp_path / "v.jsonl"), tmp_path / "judge", 0.6, "tiny", 0)
    assert list(found) == [THANKS, ASKS]
    assert all(one.kappa is not None and one.kappa > 0.8 and one.n == 40 for one in found.values())
    assert judging.load(tmp_path / "judge").trusted == {THANKS, ASKS}


def test_what_nobody_could_learn_is_not_read(tmp_path: Path) -> None:
    path = verdicts(tmp_path / "v.jsonl", criteria=(THANKS,))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    noise = "".join(
        json.dumps(one | {"verdict": n // 2 % 2 == 0, "reply": "hello"}) + "\n" for n, one in enumerate(lines)
    )
    path.write_text(noise, encoding="utf-8")
    found = judging.fit(path, tmp_path / "judge", 0.6, "tiny", 0)
    assert not found[THANKS].read_at(0.6)
    assert not judging.load(tmp_path / "judge").trusted


def test_a_saved_judge_is_asked_again(tmp_path: Path) -> None:
    path = verdicts(tmp_path / "v.jsonl")
    judging.fit(path, tmp_path / "judge", 0.6, "tiny", 0)
    found = judging.agree(str(tmp_path / "judge"), path, tmp_path / "out" / "agree.json", None)
    content = json.loads((tmp_path / "out" / "agree.json").read_text(encoding="utf-8"))
    assert found == content
    assert (content["replies"], content["seen"]) == (40, 40)
    assert content["criteria"][ASKS]["kappa"] == pytest.approx(1.0)
    assert content["criteria"][ASKS]["self_consistency"] == 1.0
    assert set(content["criteria"][ASKS]) >= {"kappa", "low", "high", "confusion", "length_bias", "read"}


def test_what_it_was_not_fitted_on_is_refused(tmp_path: Path) -> None:
    judging.fit(verdicts(tmp_path / "a.jsonl", criteria=(ASKS,)), tmp_path / "judge", 0.6, "tiny", 0)
    with pytest.raises(InputError, match="unknown criterion 'Does it say thanks"):
        judging.agree(str(tmp_path / "judge"), verdicts(tmp_path / "b.jsonl"), tmp_path / "j.json", 0.6)
    with pytest.raises(InputError, match="no judge of"):
        judging.agree(str(tmp_path), verdicts(tmp_path / "b.jsonl"), tmp_path / "j.json", 0.6)


def test_a_judge_that_lost_what_it_was_fitted_on_is_named(tmp_path: Path) -> None:
    path = verdicts(tmp_path / "v.jsonl")
    judging.fit(path, tmp_path / "judge", 0.6, "tiny", 0)
    (tmp_path / "judge" / "seen.json").write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="what it was fitted on can't be read"):
        judging.agree(str(tmp_path / "judge"), path, tmp_path / "j.json", None)


def test_one_answer_alone_teaches_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="same verdict everywhere"):
        judging.fit(verdicts(tmp_path / "v.jsonl", 1), tmp_path / "judge", 0.6, "tiny", 0)


def test_many_replies_without_a_context(tmp_path: Path) -> None:
    path = verdicts(tmp_path / "v.jsonl", 80)
    lines = [json.loads(line) | {"context": []} for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    found = judging.fit(path, tmp_path / "judge", 0.6, "tiny", 0)
    assert all(one.n == 80 and one.read_at(0.6) for one in found.values())


def test_turns_of_one_dialogue_are_left_out_together(tmp_path: Path) -> None:
    turns = [{"speaker": "counterpart", "text": word} for word in WORDS]
    contexts = [turns[:n] for n in range(1, 6)] + [[turn] for turn in turns[5:]]
    lines = [{"context": one, "reply": "hm", "criterion": ASKS, "verdict": True} for one in contexts]
    path = tmp_path / "v.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    folds = _folds(read_labels(path), range(10), 0)
    together = [int(sum(fold[:5])) for fold in folds]
    assert sorted(together) == [0, 0, 0, 0, 5]
    assert sum(int(fold.sum()) for fold in folds) == 10


def test_the_seed_decides_the_folds_and_no_hash_does(tmp_path: Path) -> None:
    """Contexts are numbered as they come: a set of them has another order in each process."""
    contexts = [[{"speaker": "counterpart", "text": word}] for word in WORDS]
    lines = [{"context": one, "reply": "hm", "criterion": ASKS, "verdict": True} for one in contexts]
    path = tmp_path / "v.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    order = random.Random("3:folds").sample(range(10), 10)
    folds = _folds(read_labels(path), range(10), 3)
    assert [sorted(fold.nonzero()[:, 0].tolist()) for fold in folds] == [
        sorted(order[number::5]) for number in range(5)
    ]


def test_an_address_where_nobody_answers_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="answered none of 2 replies: failed 2"):
        judging.agree("http://127.0.0.1:9/v1", verdicts(tmp_path / "v.jsonl", 2), tmp_path / "j.json", None)


@pytest.mark.slow
def test_the_commands_with_the_real_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(Path(__file__).parents[1] / "examples")
    monkeypatch.chdir(tmp_path)
    group = main.commands["judge"]
    assert isinstance(group, Group)
    for name in ("fit", "agree"):
        example = str(group.commands[name].epilog).split("suasion ", 1)[1].split()
        result = CliRunner().invoke(main, example)
        assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "runs" / "agree.json").read_text(encoding="utf-8"))
    assert content["mean_kappa"] > 0.9, "these it was shown"
    agreement = json.loads((tmp_path / "runs" / "judge" / "judge.json").read_text(encoding="utf-8"))[
        "agreement"
    ]
    assert min(one["kappa"] for one in agreement.values()) > 0.4, "by heads that were not shown them"
