"""The remaining time that a run shows, and what a directory that is no run says."""

from pathlib import Path

import pytest

from suasion.config import RunConfig
from suasion.errors import InputError
from suasion.running.folder import Log, describe_run, load_run_config, read_seconds, write_json

SHARES = {"SFT": 0.5, "rewards": 0.25, "training": 0.25}


@pytest.mark.parametrize(
    ("phases", "left"),
    [
        ({}, None),
        ({"SFT": 300.0}, 300.0),
        ({"SFT": 300.0, "rewards": 250.0}, 550 / 0.75 * 0.25),
        ({"SFT": 0.4, "rewards": 100.0}, 100.0),  # resumed: SFT was there
        ({"SFT": 300.0, "rewards": 150.0, "training": 150.0}, None),
    ],
)
def test_remaining_time(phases: dict[str, float], left: float | None) -> None:
    found = Log(SHARES, phases).left()
    assert found is None if left is None else found == pytest.approx(left)


def test_seconds_of_a_run_that_is_gone_on_with_are_added(tmp_path: Path) -> None:
    path = tmp_path / "seconds.json"
    for spent, judged in ((100.0, 30.0), (50.0, 20.0)):
        log = Log(SHARES, {"training": spent, "evaluation": judged}, path=path)
        log.keep("training")
        log.keep("evaluation", anew=True)
    assert read_seconds(path) == {"training": 150.0, "evaluation": 20.0}
    Log(SHARES, {"training": 1.0}, told=False, path=path).keep("training")
    assert read_seconds(path)["training"] == 150.0, "another process of the team keeps none"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match=r"seconds\.json: can't be read"):
        read_seconds(path)


def test_the_configuration_comes_back(tmp_path: Path) -> None:
    config = RunConfig(seed=7)
    write_json(tmp_path / "run.json", describe_run(config, "suasion run", []))
    assert load_run_config(tmp_path) == config


@pytest.mark.parametrize("content", ["{", "{}", '{"config": {"seeds": 1}}'])
def test_what_is_no_run_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: not a run directory"):
        load_run_config(tmp_path)
