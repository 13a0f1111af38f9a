"""The loop on a tiny model: it learns what it is paid for, and resumes in the same bytes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.training.small_trainer import LikesEven, settings, trainer

from suasion.config import (
    AlarmsConfig,
    RewardsConfig,
)
from suasion.counterpart.negotiations import Negotiations
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import load_tensors
from suasion.policy.model import Backbone
from suasion.rewards.suite import RewardSuite
from suasion.training.experience import PHASES
from suasion.training.trainer import POLICY, TooManyUnreadError, Trainer
from suasion.training.validation import Validation


@pytest.mark.parametrize("changes", [{}, {"value_adapter": False}, {"method": "grpo"}])
def test_it_learns_what_it_is_paid_for(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path, changes: dict[str, object]
) -> None:
    config = settings(steps=80, checkpoint_every=80, **changes)
    records = trainer(another(), config).run(contexts, tmp_path)
    rewards = [record["r_model"] for record in records]
    assert sum(rewards[:5]) / 5 < 0.4
    assert sum(rewards[-5:]) / 5 > 0.7
    assert records[0]["kl"] < 1e-9
    assert records[-1]["kl"] > 0.1
    waits = changes.get("method") != "grpo"
    assert (records[1]["kl"] < 1e-9) == waits, "the first step trains the value alone, where there is one"
    assert ("value_grad_norm" in records[-1]) == (not changes)


HEAD_ALONE = {"value_adapter": False, "kl": 0.1, "kl_target": 1e-6}  # which every step exceeds
OWN = {"negotiations": 1}


@pytest.mark.parametrize(
    ("stop", "changes"), [(1, {}), (2, {}), (2, HEAD_ALONE), (1, {"method": "grpo"}), (2, OWN)]
)
def test_it_goes_on_from_a_checkpoint_in_the_same_bytes(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    stop: int,
    changes: dict[str, object],
) -> None:
    whole, first, second = (another() for _ in range(3))
    records = trainer(whole, settings(**changes)).run(contexts, tmp_path / "whole")
    trainer(first, settings(steps=stop, **changes)).run(contexts, tmp_path / "part")
    resumed = trainer(second, settings(**changes)).run(contexts, tmp_path / "part", resume=True)
    assert [record["kl_weight"] for record in resumed] == [record["kl_weight"] for record in records]
    for key in ("value_loss", "policy_loss"):
        assert [record.get(key) for record in resumed] == [record.get(key) for record in records]
    assert [record["r_total"] for record in resumed] == [record["r_total"] for record in records]
    for key, value in whole.adapter(POLICY).items():
        assert torch.equal(value, second.adapter(POLICY)[key]), key


def test_its_own_words_are_what_it_answers_after(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("suasion.counterpart.negotiations.UNANSWERED", 3)  # no hotel answers numbers
    learner = trainer(another(), settings(steps=2, negotiations=2))
    openings = learner.negotiations.contexts()
    learner.run(contexts, tmp_path)
    for opening, dialogue in zip(openings, learner.negotiations.contexts(), strict=True):
        assert dialogue.brief == opening.brief
        assert [turn.speaker for turn in dialogue.turns] == ["agent", "counterpart"] * 2
        assert all(word.isdigit() for word in (dialogue.turns[0].text or "").split()), (
            "as the tiny model does"
        )


def test_a_pack_without_a_counterpart_can_train(
    another: Callable[[], Backbone], contexts: list[Dialogue]
) -> None:
    generic = Pack.load("generic")
    suite = RewardSuite(generic, None, LikesEven(), RewardsConfig())
    learner = Trainer(another(), suite, generic, settings(steps=1))
    assert learner.negotiations.contexts() == []
    with pytest.raises(InputError, match="counterpart"):
        Negotiations(generic, 1, 0)


def test_the_best_policy_is_kept_and_a_resumed_run_keeps_the_same(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    """At so high a rate later policies are not always better; what counts is the measurement, taken again."""
    changes = {"steps": 6, "learning_rate": 0.05, "validate_every": 1, "validation_contexts": 3}
    whole, second = another(), another()
    learner = trainer(whole, settings(**changes))
    records = learner.run(contexts, tmp_path / "whole", validation=contexts)
    measured = [record["validation"] for record in records]
    best = max(range(6), key=measured.__getitem__)
    assert len(set(measured)) > 1
    assert best < 5, "the last is the best: the test shows nothing"
    check = Validation(whole, POLICY, learner.suite, learner.config, contexts)
    assert check.measure() == pytest.approx(measured[best])
    trainer(another(), settings(**changes | {"steps": 3})).run(
        contexts, tmp_path / "part", validation=contexts
    )
    resumed = trainer(second, settings(**changes))
    assert [r["validation"] for r in resumed.run(contexts, tmp_path / "part", True, contexts)] == measured
    for key, value in whole.adapter(POLICY).items():
        assert torch.equal(value, second.adapter(POLICY)[key]), key


def measured_as(values: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements for a test of what follows from them."""
    left = list(values)
    monkeypatch.setattr("suasion.training.validation.Validation.measure", lambda self: left.pop(0))


def test_it_ends_where_measurements_are_no_better(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured_as([0.1, 0.3, 0.3, 0.2, 0.4], monkeypatch)
    config = settings(steps=10, validate_every=2, patience=2)
    records = trainer(another(), config).run(contexts, tmp_path, validation=contexts)
    assert len(records) == 8, "the fourth measurement is the second without a better one"
    assert records[-1]["stopped_by"] == ["patience"]
    assert "training ends after step 8: 2 measurements, none better" in capsys.readouterr().err
    again = trainer(another(), config).run(contexts, tmp_path, resume=True, validation=contexts)
    assert len(again) == 8, "a run that has ended is not gone on with"


def test_what_an_alarm_stops_keeps_the_best_policy(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_as([0.1, 0.5, 0.2, 0.3], monkeypatch)
    config = settings(steps=11, validate_every=2).model_copy(
        update={"alarms": AlarmsConfig(action="stop", kl=1e-9)}
    )
    learner = trainer(another(), config)
    records = learner.run(contexts, tmp_path, validation=contexts)
    assert records[-1]["stopped_by"], "the test shows nothing without an alarm"
    best = load_tensors(tmp_path / "best.safetensors")
    after_four = trainer(another(), settings(steps=4, validate_every=2))
    measured_as([0.1, 0.5], monkeypatch)
    after_four.run(contexts, tmp_path / "four", validation=contexts)
    for key, value in learner.backbone.adapter(POLICY).items():
        assert torch.equal(value, best[key]), key
        assert torch.equal(value, after_four.backbone.adapter(POLICY)[key]), key


def test_validation_is_due_every_so_often_and_at_the_end(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    learner = trainer(another(), settings(steps=7, validate_every=3))
    due = Validation(learner.backbone, POLICY, learner.suite, learner.config, contexts)
    assert [due.due(step) for step in range(7)] == [False, False, True, False, False, True, True]
    off = trainer(another(), settings(steps=2)).run(contexts, tmp_path, validation=contexts)
    assert not any("validation" in record for record in off)
    assert not (tmp_path / "best.safetensors").exists()


def test_an_alarm_is_told_once_and_may_stop_the_run(
    another: Callable[[], Backbone],
    contexts: list[Dialogue],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for action, steps in (("tell", 11), ("stop", 8)):
        config = settings(steps=11).model_copy(update={"alarms": AlarmsConfig(action=action, kl=1e-9)})
        folder = tmp_path / action
        records = trainer(another(), config).run(contexts, folder)
        assert len(records) == steps
        assert "kl-runaway" in records[7]["alarms"]
        assert capsys.readouterr().err.count("alarm after step 8: kl-runaway") == 1
        again = trainer(another(), config).run(contexts, folder, resume=True)
        assert [r["step"] for r in again] == list(range(steps)), "a stopped run is not gone on with"


def test_every_step_is_in_tensorboards_files(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    trainer(another(), settings(steps=2)).run(contexts, tmp_path)
    records = trainer(another(), settings(steps=4)).run(contexts, tmp_path, resume=True)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    seen = {event.step: event.value for event in events.Scalars("r_model")}
    assert seen == pytest.approx({record["step"]: record["r_model"] for record in records})
    hits = {name for record in records for name in record["rule_hits"]}
    assert {f"rule/{name}" for name in hits} <= set(events.Tags()["scalars"])


def test_a_tracker_that_is_not_there_is_refused(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no tracker 'abacus' here; installed are none, "):
        trainer(another(), settings(tracker="abacus")).run(contexts, tmp_path)


def test_a_step_tells_where_its_time_went_and_which_reward_spoke(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    record = trainer(another(), settings(steps=2, tracker="none")).run(contexts, tmp_path)[-1]
    parts = [record[f"{name}_s"] for name in (*PHASES, "update")]
    assert all(part > 0 for part in parts)
    assert 0.5 * record["time_s"] < sum(parts) <= record["time_s"]
    shares = [record[f"spread_{source}"] for source in ("model", "judge", "rules")]
    assert sum(shares) == pytest.approx(1)
    assert shares[1] == 0, "there is no judge"
    assert record["e_clipped"] >= record["e_unclipped"], "the tiny model breaks many rules"
    assert not (tmp_path / "tensorboard").exists()


def test_a_checkpoint_of_another_suite_is_refused(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    trainer(another(), settings(steps=1)).run(contexts, tmp_path)
    other = trainer(another(), settings())
    other.suite.version = "another"
    with pytest.raises(InputError, match="suite"):
        other.run(contexts, tmp_path, resume=True)


def test_a_run_whose_replies_go_unread_stops(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    pack = Pack.load("hotel")
    unread = Trainer(another(), RewardSuite(pack), pack, settings())  # no reward model: no total
    with pytest.raises(TooManyUnreadError, match="100%"):
        unread.run(contexts, tmp_path)


WON = {"negotiations": 2, "outcome": 10.0, "rollouts": 2, "steps": 3}


@pytest.fixture
def likes_sevens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prospects for a test: the hotels themselves make nothing of what the tiny model can say."""
    monkeypatch.setattr(
        "suasion.counterpart.negotiations.Negotiations.prospects",
        lambda self, replies, follower, copies: [[text.count("7") for text in texts] for texts in replies],
    )


@pytest.mark.usefixtures("likes_sevens")
def test_it_learns_what_wins(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    learner = trainer(another(), settings(**(WON | {"steps": 30, "outcome": 100.0, "checkpoint_every": 30})))
    records = learner.run(contexts, tmp_path)
    told = [record["prospect"] for record in records if "prospect" in record]
    assert sum(told[-5:]) > sum(told[:5])


@pytest.mark.usefixtures("likes_sevens")
def test_the_outcome_resumes_alike_and_leaves_r_total_as_it_is(
    another: Callable[[], Backbone], contexts: list[Dialogue], tmp_path: Path
) -> None:
    whole, second, plain = (another() for _ in range(3))
    records = trainer(whole, settings(**WON)).run(contexts, tmp_path / "whole")
    trainer(another(), settings(**(WON | {"steps": 2}))).run(contexts, tmp_path / "part")
    resumed = trainer(second, settings(**WON)).run(contexts, tmp_path / "part", resume=True)
    assert [record.get("prospect") for record in resumed] == [record.get("prospect") for record in records]
    assert any(record.get("prospect_spread") for record in records), "there was something to be paid for"
    assert all(record["r_total"] == pytest.approx(record["r_model"]) for record in records), "as PPO's is"
    without = trainer(plain, settings(**(WON | {"outcome": 0.0}))).run(contexts, tmp_path / "plain")
    assert "prospect" not in without[-1]
    assert [record["r_total"] for record in without[:2]] == [record["r_total"] for record in records[:2]]
    for key, value in whole.adapter(POLICY).items():
        assert torch.equal(value, second.adapter(POLICY)[key]), key
    assert any(
        not torch.equal(value, plain.adapter(POLICY)[key]) for key, value in whole.adapter(POLICY).items()
    ), "and it was paid"
