"""What a run does, settled before it starts: sizes and type for this processor, and what is already there."""

import sys
from pathlib import Path

from suasion.config import RunConfig
from suasion.errors import InputError
from suasion.negotiation.pack import Pack
from suasion.policy.processor import choose_dtype, layer_speed
from suasion.running.folder import (
    describe_run,
    discard,
    gone_on,
    load_run,
    load_run_config,
    pack_version,
    write_json,
)

# Tokens/s through a layer (`layer_speed`) above which the quickstart is done in half an hour, estimated from
# one run with 15,000, which did 80 % of the sizes in 30 minutes (docs/results/0019).
FAST_ENOUGH = 18_000.0
HALF_AN_HOUR = 30.0  # minutes
FIXED = 0.15  # share of a run's time that no size changes: the verdict's contexts
LEAST = 0.3  # share of the sizes
# What a slower processor does less of, and how many of each it does at least. SFT and REPO are judged on all
# contexts, and in no fewer negotiations than tell anything.
SIZES = {
    "data": (("dialogues", 16), ("pairs", 16), ("faults", 16), ("sampled", 16), ("openings", 16)),
    "training": (("steps", 4),),
    "evaluation": (("negotiations", 30),),
}


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
        if trims:
            check_untouched(config, load_run_config(folder, "asked"), folder)
        else:
            steps = settled.training.model_copy(update={"steps": config.training.steps})
            settled = settled.model_copy(update={"training": steps, "evaluation": config.evaluation})
        write_json(folder / "run.json", gone_on(folder, describe_run(settled, command, trims, config)))
    else:
        if not overwrite and (folder / "sft.safetensors").exists():
            raise InputError(
                "holds an earlier run: --resume goes on with it, --overwrite removes it", str(folder)
            )
        discard(folder)
        settled = with_dtype(config)
        wanted = config.trim and not config.origin  # one that goes on has its ancestor's sizes
        settled, trims = trim(settled) if wanted else (settled, [])
        write_json(folder / "run.json", describe_run(settled, command, trims, config))
    return settled, trims


def check_untouched(config: RunConfig, earlier: RunConfig, folder: Path) -> None:
    """Raises InputError where sizes that were trimmed are asked for anew, and other ones."""
    for part in SIZES:
        if getattr(config, part) != getattr(earlier, part):
            raise InputError(
                "this run was trimmed to its processor (`trims`) and goes on with those sizes; for others "
                "begin a new one, with trim = false",
                str(folder / "run.json"),
                field=part,
            )


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


def with_dtype(config: RunConfig) -> RunConfig:
    """The configuration with the type that suits this processor, where it leaves that open."""
    if config.model.dtype != "auto":
        return config
    dtype = str(choose_dtype()).removeprefix("torch.")
    return config.model_copy(update={"model": config.model.model_copy(update={"dtype": dtype})})


def trim(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """Smaller sizes on a processor that trains too slowly, by the settled type, for the configured ones."""
    import torch

    if torch.cuda.is_available():
        return config, []
    speed = layer_speed(getattr(torch, config.model.dtype))
    fits = (speed / FAST_ENOUGH - FIXED) / (1 - FIXED)
    share = min(1.0, max(LEAST, int(10 * fits) / 10))  # in tenths: two measurements seldom differ
    if share == 1.0:
        return config, []
    smaller = config.model_copy(
        update={
            part: getattr(config, part).model_copy(
                update={key: _less(getattr(getattr(config, part), key), share, least) for key, least in sizes}
            )
            for part, sizes in SIZES.items()
        }
    )
    note = (
        f"a layer is trained with {speed:,.0f} tokens/s, under {FAST_ENOUGH:,.0f}: sizes cut to {share:.0%}"
    )
    if fits < LEAST:
        minutes = HALF_AN_HOUR * FAST_ENOUGH / speed * (FIXED + (1 - FIXED) * LEAST)
        note += f", not less, for it would tell nothing: expect about {minutes:.0f} minutes"
    sys.stderr.write(note + "\n")
    return smaller, [note]


def _less(count: int, share: float, least: int) -> int:
    """That share of a count, at least `least`, never more than there was."""
    return min(count, max(least, int(count * share)))
