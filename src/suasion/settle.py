"""What a run does, settled before it starts: sizes and type for this processor, and what is already there."""

import sys
from pathlib import Path

from suasion.config import RunConfig
from suasion.errors import InputError
from suasion.policy.processor import choose_dtype, matrix_speed
from suasion.run_folder import describe_run, discard, load_run, load_run_config, write_json

FAST_ENOUGH = 240.0  # GFLOP/s of matrix products at which the configured sizes fit their minutes


def begin(config: RunConfig, folder: Path, resume: bool, command: str) -> tuple[RunConfig, list[str]]:
    """What the run does, settled and written down: sizes and type that fit this processor.

    With `resume` as the run in the folder did it; else what an earlier run left there is removed. Raises
    InputError where that run had other settings than those of training's length and of the evaluation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if resume and (folder / "run.json").exists():
        settled, trims = load_run(folder)
        check_same(config, load_run_config(folder, "asked"), folder)
        if not trims:
            steps = settled.training.model_copy(update={"steps": config.training.steps})
            settled = settled.model_copy(update={"training": steps, "evaluation": config.evaluation})
    else:
        discard(folder)
        settled, trims = trim(config)
        if config.model.dtype == "auto":
            dtype = str(choose_dtype()).removeprefix("torch.")
            model = settled.model.model_copy(update={"dtype": dtype})
            settled = settled.model_copy(update={"model": model})
    write_json(folder / "run.json", describe_run(settled, command, trims, config))
    return settled, trims


def check_same(config: RunConfig, earlier: RunConfig, folder: Path) -> None:
    """Raises InputError naming the first setting by which the run in the folder differs."""
    new, old = (one.model_dump(mode="json", exclude={"evaluation": True}) for one in (config, earlier))
    if config.training.schedule == "constant":  # a falling rate has fallen when its steps are done
        for one in (new, old):
            del one["training"]["steps"]
    for key, value in new.items():
        parts = value if isinstance(value, dict) else {"": value}
        before = old[key] if isinstance(value, dict) else {"": old[key]}
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
                update={
                    key: max(16, int(getattr(data, key) * share)) for key in ("dialogues", "pairs", "faults")
                }
            ),
            "training": training.model_copy(update={"steps": max(4, int(training.steps * share))}),
            "evaluation": judged.model_copy(update={"base_contexts": int(judged.base_contexts * share)}),
        }
    )
    note = f"matrix products reach {speed:.0f} GFLOP/s, under {FAST_ENOUGH:.0f}: training cut to {share:.0%}"
    sys.stderr.write(note + "\n")
    return smaller, [note]
