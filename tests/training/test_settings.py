"""What the settings of a training mean and refuse; no model is needed."""

import re
from pathlib import Path

import pytest
import torch

from suasion.config import (
    AlarmsConfig,
    DataConfig,
    FitConfig,
    ModelConfig,
    ProbeConfig,
    RewardModelConfig,
    RewardsConfig,
    RunConfig,
    TrainingConfig,
    load_config,
)
from suasion.errors import InputError
from suasion.training.methods import ahead
from suasion.training.schedule import policy_rate


def test_negotiations_are_a_part_of_the_contexts_and_need_hotels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="set them no higher"):
        TrainingConfig(contexts_per_step=2, negotiations=3)
    with pytest.raises(ValueError, match=r"leave out data\.records"):
        RunConfig(training=TrainingConfig(negotiations=1), data=DataConfig(records=tmp_path))


def test_a_local_judge_is_not_asked_for_where_nothing_can_fit_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='set judge = "none"'):
        RunConfig(data=DataConfig(records=tmp_path))
    RunConfig(data=DataConfig(records=tmp_path), rewards=RewardsConfig(judge="none"))


def test_records_beside_negotiations_are_refused_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[training]\nnegotiations = 2\n", encoding="utf-8")
    assert load_config(path).training.negotiations == 2
    with pytest.raises(InputError, match=r"own\.toml: .*leave out data\.records"):
        load_config(path, tmp_path / "records.jsonl")


@pytest.mark.parametrize(
    ("schedule", "warmup", "rates"),
    [
        ("constant", 2, [0, 0.5, 1, 1, 1, 1, 1, 1]),  # the value alone, two steps of warm-up, then as it is
        ("linear", 2, [0, 0.5, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),  # the step after the last would have 0
        ("linear", 0, [0, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]),
    ],
)
def test_the_rate_rises_and_falls(schedule: str, warmup: int, rates: list[float]) -> None:
    training = TrainingConfig.model_validate(
        {"steps": 8, "learning_rate": 1.0, "schedule": schedule, "warmup_steps": warmup}
    )
    assert [policy_rate(training, step, warm_up=1) for step in range(8)] == pytest.approx(rates)


def test_a_target_for_the_kl_needs_a_weight() -> None:
    with pytest.raises(ValueError, match="set kl above 0"):
        TrainingConfig(kl=0.0, kl_target=0.5)


def test_patience_needs_measurements() -> None:
    with pytest.raises(ValueError, match="set validate_every above 0"):
        TrainingConfig(patience=2)


def test_every_setting_is_explained() -> None:
    """By its name, in the page of the trainer; with its default, which would else grow old there."""
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    told: dict[str, str] = {}
    for row in page[page.index("## Settings") :].splitlines():
        first, *cells = row.strip("|").split("|")
        names = re.findall("`([a-z_.]+)`", first)
        told |= zip(names, cells[0].split(", ") if row.startswith("| `") else [], strict=False)
    sections = {"": TrainingConfig, "model.": ModelConfig, "sft.": FitConfig, "alarms.": AlarmsConfig}
    defaults = {
        f"{prefix}{name}": field.default
        for prefix, section in sections.items()
        for name, field in section.model_fields.items()
    }
    own = {*ProbeConfig.__annotations__, *RewardModelConfig.__annotations__}
    defaults |= {f"reward_model.{name}": RewardModelConfig.model_fields[name].default for name in own}
    for name, default in defaults.items():
        assert name in told, f"{name} has no row"
        text = told[name].strip()
        if not isinstance(default, tuple):
            same = float(text) == default if text[0].isdigit() else text == str(default).lower()
            assert same, f"{name} is {default}, told as {text}"


def test_the_outcome_needs_negotiations() -> None:
    with pytest.raises(ValueError, match="set negotiations above 0"):
        TrainingConfig(outcome=1.0)


def test_the_outcome_needs_replies_to_compare() -> None:
    with pytest.raises(ValueError, match="set replies_per_context above 1"):
        TrainingConfig(outcome=1.0, negotiations=1, replies_per_context=1)


def test_only_what_tells_the_replies_to_a_context_apart_is_paid() -> None:
    totals = torch.zeros(6)
    paid = ahead([[0.5, 0.1], [1.0, 1.0]], totals)
    assert paid.tolist() == pytest.approx([0.2, -0.2, 0, 0, 0, 0])
    assert ahead([], totals).tolist() == [0.0] * 6
