"""What a run does, settled before it starts: sizes and type for this processor, and what is already there."""

import sys
from pathlib import Path

from suasion.config import RunConfig
from suasion.errors import InputError
from suasion.negotiation.pack import Pack
from suasion.policy.processor import choose_dtype, matrix_speed
from suasion.run_folder import describe_run, discard, load_run, load_run_config, pack_version, write_json

FAST_ENOUGH = 240.0  # GFLOP/s of matrix products at which the configured sizes fit their minutes


def begin(
    config: RunConfig, folder: Path, resume: bool, command: str, overwrite: bool = False
) -> tuple[RunConfig, list[str]]:
    """What the run does, settled and written down: sizes and type that fit this processor.

    With `resume` as the run in the folder did it, with `overwrite` what it left there is removed. Raises
    InputError where neither is said of a folder with a trained model, and where a run that is gone on with
    had other settings than those of training's length, of the evaluation and of how a judge is reached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if resume and (folder / "run.json").exists():
        settled, trims = load_run(folder)
        check_same(config, load_run_config(folder, "asked"), folder)
        check_pack(config, folder)
        rewards = settled.rewards.model_copy(update={"remote": config.rewards.remote})
        settled = settled.model_copy(update={"rewards": rewards})
        if not trims:
            steps = settled.training.model_copy(update={"steps": config.training.steps})
            settled = settled.model_copy(update={"training": steps, "evaluation": config.evaluation})
    else:
        if not overwrite and (folder / "sft.safetensors").exists():
            raise InputError(
                "holds an earlier run: --resume goes on with it, --overwrite removes it", str(folder)
            )
        discard(folder)
        settled, trims = (config, []) if config.origin else trim(config)  # it has its ancestor's sizes
        if config.model.dtype == "auto":
            dtype = str(choose_dtype()).removeprefix("torch.")
            model = settled.model.model_copy(update={"dtype": dtype})
            settled = settled.model_copy(update={"model": model})
    write_json(folder / "run.json", describe_run(settled, command, trims, config))
    return settled, trims


def check_pack(config: RunConfig, folder: Path) -> None:
    """Raises InputError where the pack is no longer the one that the run in the folder began with."""
    was, now = pack_version(folder), Pack.load(config.pack).version
    if was not in (None, now):
        raise InputError(
            f"the pack {config.pack} is version {now} by now, the run there began with {was}: rebuild that "
            "one (`suasion patch rebuild`), or go on from the finished run with `suasion train repo --from`",
            str(folder / "run.json"),
            field="pack_version",
        )


def check_same(config: RunConfig, earlier: RunConfig, folder: Path) -> None:
    """Raises InputError naming the first setting by which the run in the folder differs."""
    new, old = (one.model_dump(mode="json", exclude={"evaluation": True}) for one in (config, earlier))
    for one in (new, old):
        del one["rewards"]["remote"]  # how a judge is reached may change
    if config.training.schedule == "constant":  # a falling rate has fallen when its steps are done
        for one in (new, old):
            del one["training"]["steps"]
    for key, value in new.items():
        whole = not (isinstance(value, dict) and isinstance(old[key], dict))
        parts, before = ({"": value}, {"": old[key]}) if whole else (value, old[key])
        for name, setting in parts.items():
            if before[name] != setting:
                raise InputError(
                    f"the run there had {before[name]!r}, now it is {setting!r}: take another directory",
                    str(folder / "run.json"),
                    field=f"{key}.{name}".rstrip("."),
                )


def trim(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """Smaller sizes on a processor that multiplies matrices too slowly for the configured ones."""
    import torch

    if torch.cuda.is_available():
        return config, []
    speed = max(matrix_speed(torch.float32), matrix_speed(torch.bfloat16))
    share = min(1.0, max(0.3, round(speed / FAST_ENOUGH, 1)))  # in tenths: two measurements seldom differ
    if share == 1.0:
        return config, []
    data, training, judged = config.data, config.training, config.evaluation
    smaller = config.model_copy(
        update={
            "data": data.model_copy(
                update={key: _less(getattr(data, key), share, 16) for key in ("dialogues", "pairs", "faults")}
            ),
            "training": training.model_copy(update={"steps": _less(training.steps, share, 4)}),
            "evaluation": judged.model_copy(update={"base_contexts": int(judged.base_contexts * share)}),
        }
    )
    note = f"matrix products reach {speed:.0f} GFLOP/s, under {FAST_ENOUGH:.0f}: training cut to {share:.0%}"
    sys.stderr.write(note + "\n")
    return smaller, [note]


def _less(count: int, share: float, least: int) -> int:
    """That share of a count, at least `least`, never more than there was."""
    return min(count, max(least, int(count * share)))
