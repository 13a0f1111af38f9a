"""A run that goes on from a finished one under a changed suite: what it takes over, and what it fits anew."""

import hashlib
from pathlib import Path
from shutil import copyfile
from typing import Any

from suasion.config import OriginConfig, RunConfig, load_config
from suasion.data.rubric import Rubric, load_rubric
from suasion.data.splits import Data
from suasion.errors import InputError
from suasion.files import beside
from suasion.fitting.refit_judge import carried_judge, changed_criteria, refit
from suasion.fitting.start import CHECKPOINT, POLICY_FILE, read_start, suite_of
from suasion.incidents.succession import Succession, find_suite, pack_at, succession
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.heads import copy_adapter, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.rewards.judge import LocalJudge
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.saved import load_adapter, remote, suite_of_run, trusted
from suasion.rewards.suite import RewardSuite
from suasion.running.folder import load_run_config, pack_version, read_figures, read_steps, write_json
from suasion.training.checkpoint import POLICY
from suasion.training.trainer import Trainer

SFT_FILE, REWARD_FILE, CALIBRATION = (
    "sft.safetensors",
    "rewards/reward.safetensors",
    "rewards/calibration.json",
)
JUDGE_FILES = ("rewards/judge.safetensors", "rewards/judge.json")
NEEDED = (SFT_FILE, REWARD_FILE, CALIBRATION, POLICY_FILE)
BEFORE, BEFORE_FILE = "before", "before.safetensors"  # the ancestor's policy, to be compared with
CHANGEABLE = {"training", "evaluation", "alarms"}


def go_on(
    run: Path, suite: str, output: Path, config_path: Path | None = None, steps: int | None = None
) -> RunConfig:
    """The settings of a run in `output` that goes on from the finished one in `run` under another suite.

    They are those of `run`: with other data it would not be the same agent. A config file may say how it is
    trained and evaluated from now on. Raises InputError for a run that is not finished, a suite that it
    can't go on under, and a config that says more than that.
    """
    config = load_run_config(run)
    if output.resolve() == run.resolve():
        raise InputError("is the run to go on from: name a new directory", str(output), field="output")
    for name in NEEDED:
        if not (run / name).is_file():
            raise InputError(
                f"is not finished: {name} is missing; --resume finishes it", str(run), field="from"
            )
    pack = find_suite(suite, config.pack, output)
    version = pack_version(run) or Pack.load(config.pack).version
    with pack_at(config.pack, version) as old:
        change = succession(old, Pack.load(pack))
        _check_judged(config, old, Pack.load(pack), change)
    origin = OriginConfig(
        run=run,
        pack=version,
        suite=suite_of(run) or "unknown",
        steps=len(read_steps(run)) + (config.origin.steps if config.origin else 0),
        files={
            name: _sha(run / name) for name in (*NEEDED, *JUDGE_FILES, CHECKPOINT) if (run / name).exists()
        },
        origin=config.origin,
    )
    parts = _parts(config, config_path, steps, (run / CHECKPOINT).exists())
    return config.model_copy(update={"pack": pack, "origin": origin, **parts})


def _parts(config: RunConfig, path: Path | None, steps: int | None, warm: bool) -> dict[str, Any]:
    """What is done otherwise than before: how it trains, is told of alarms, and is evaluated."""
    given = RunConfig()
    if path is not None:
        given = load_config(path)
        if other := sorted(given.model_fields_set - CHANGEABLE):
            raise InputError(
                f"a run that is gone on from keeps its own; only {', '.join(sorted(CHANGEABLE))} may be set",
                str(path),
                field=other[0],
            )
    parts: dict[str, Any] = {name: getattr(given, name) for name in CHANGEABLE & given.model_fields_set}
    training = parts.get("training", config.training)
    update: dict[str, Any] = {"value_warmup_steps": 0} if warm else {}  # its value model has seen returns
    if steps is not None:
        update["steps"] = steps
    return parts | {"training": training.model_copy(update=update)}


def _check_judged(config: RunConfig, old: Pack, new: Pack, change: Succession) -> None:
    """Raises InputError where a criterion changed and nobody would read it."""
    asked = [one.name for one in change.changes if one.kind == "criterion" and one.sign != "-"]
    if config.rewards.judge == "none" and asked:
        raise InputError(f"the run has no judge (rewards.judge is none) to read {asked[0]!r}", str(new.path))


def inherit(config: RunConfig, folder: Path) -> None:
    """Copy what is taken over as it is: SFT, and the ancestor's policy to be compared with.

    Raises InputError where a file of the ancestor is not what it was when this run began.
    """
    origin = _origin(config)
    for name, target in ((SFT_FILE, SFT_FILE), (POLICY_FILE, BEFORE_FILE)):
        if not (folder / target).exists():
            _copy(origin, name, folder / target)


def _taken(origin: OriginConfig, name: str) -> Path:
    """The ancestor's file. Raises InputError where it is another by now."""
    source = origin.run / name
    if not source.is_file() or _sha(source) != origin.files.get(name):
        raise InputError("is not what it was when the run that goes on from it began", str(source))
    return source


def _copy(origin: OriginConfig, name: str, target: Path) -> None:
    source = _taken(origin, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with beside(target) as part:
        copyfile(source, part)


def carry_rewards(backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path) -> RewardSuite:
    """The ancestor's rewards under the changed pack; of the judge those rows are fitted that changed.

    RM and its calibration stay: a patch brings no preference pairs, and 0 is still what SFT writes.
    """
    if (folder / CALIBRATION).exists():  # the last that is written
        return suite_of_run(backbone, pack, config, folder)
    origin = _origin(config)
    figures: dict[str, Any] = {**read_figures(origin.run), "refitted": [], "patch_verdicts": {}}
    judge = None
    _copy(origin, REWARD_FILE, folder / REWARD_FILE)
    if config.rewards.judge == "local" and JUDGE_FILES[0] in origin.files:
        judge, told = _carry_judge(backbone, data, pack, config, folder)
        figures |= told
    write_json(folder / "figures.json", figures)
    _copy(origin, CALIBRATION, folder / CALIBRATION)
    model = RewardModel.load(backbone, pack, folder / "rewards")
    return RewardSuite(pack, trusted(judge) or remote(pack, config), model, config.rewards)


def _carry_judge(
    backbone: Backbone, data: Data, pack: Pack, config: RunConfig, folder: Path
) -> tuple[LocalJudge, dict[str, Any]]:
    origin, rubric = _origin(config), load_rubric(pack)
    fitted = [_taken(origin, name) for name in JUDGE_FILES]
    old, change = _before(origin, pack)
    judge = carried_judge(backbone, pack, rubric, old, fitted[0].parent)
    verdicts = change.verdicts
    changed = changed_criteria(old, rubric) | {one.criterion for one in verdicts}
    given = refit(judge, changed, data.verdicts, verdicts, data.held_out_verdicts, config.seed)
    judge.save(folder / "rewards")
    return judge, {
        "judge_agreement": judge.agreement,
        "judge_reads": sorted(judge.trusted),
        "refitted": sorted(changed),
        "patch_verdicts": given,
    }


def _before(origin: OriginConfig, pack: Pack) -> tuple[Rubric, Succession]:
    with pack_at(load_run_config(origin.run).pack, origin.pack) as old:
        return load_rubric(old), succession(old, pack)


def patched_contexts(pack: Pack, config: RunConfig) -> list[Dialogue]:
    """Contexts of the dialogues that the patches name; none for a run that goes on from nothing."""
    if config.origin is None:
        return []
    _, change = _before(config.origin, pack)
    return change.contexts(pack)


def start_from(trainer: Trainer, config: RunConfig) -> None:
    """Give the trainer the ancestor's policy, value model and negotiations under way."""
    if config.origin:
        read_start(config.origin.run, config.training).put_into(trainer)


def _origin(config: RunConfig) -> OriginConfig:
    assert config.origin is not None
    return config.origin


def load_policies(backbone: Backbone, folder: Path, config: RunConfig) -> None:
    """The run's policy and, where it went on from another, that one's."""
    load_adapter(backbone, POLICY, folder / POLICY_FILE)
    if config.origin:
        load_before(backbone, folder)


def load_before(backbone: Backbone, folder: Path) -> None:
    """The ancestor's policy as an adapter of its own beside the run's."""
    saved = load_tensors(folder / BEFORE_FILE)
    backbone.add_adapter(BEFORE)
    renamed = {key.replace(f".{POLICY}.", f".{BEFORE}."): value for key, value in saved.items()}
    copy_adapter(backbone, BEFORE, renamed)


def save_policy(backbone: Backbone, folder: Path) -> None:
    adapter = backbone.adapter(POLICY)
    save_tensors(folder / POLICY_FILE, {key: value.detach().cpu() for key, value in adapter.items()})


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
