"""A loss or gradient that is no number, or out of all proportion: the run stops, its batch is kept."""

import json
import statistics
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from torch import Tensor

from suasion.errors import InputError
from suasion.files import beside
from suasion.policy.heads import save_tensors
from suasion.running.folder import write_json, write_text
from suasion.training.parcel import dump
from suasion.training.update import Minibatch, Notes

RECENT, FEWEST = 8, 4  # steps whose median is the usual norm; none is usual before so many
FOLDER = "post-mortem"


class DivergedError(InputError):
    """Training can't go on from here. Nothing of the optimizer step that it was found in was done.

    batch: what the step learnt from, all of it, where that is known.
    """

    batch: Minibatch | None = None


def usual_norms(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Of each role's gradient: the median norm over the last steps that had one."""
    found = {}
    for role in ("policy", "value"):
        norms = [record[f"{role}_grad_norm"] for record in records if f"{role}_grad_norm" in record]
        if len(norms) >= FEWEST:
            found[role] = statistics.median(norms[-RECENT:])
    return found


def check_sound(notes: Notes, usual: Mapping[str, float], least: float, explode: float) -> None:
    """Raises DivergedError for a number that is none, or a norm `explode` times the usual one and `least`."""
    for name, value in notes.items():
        if not isfinite(value):
            raise DivergedError(f"{name} is {value}")
        role, _, what = name.partition("_")
        if what == "grad_norm" and role in usual and value > (most := explode * max(usual[role], least)):
            raise DivergedError(
                f"{name} is {value:.3g}, and was {usual[role]:.3g} in the steps before "
                f"(training.explode stops above {most:.3g})"
            )


def bury(fault: DivergedError, step: int, folder: Path, policy: Mapping[str, Tensor] | None) -> DivergedError:
    """Keep the batch, where the policy's adapter is given; the fault, with its place and what to do."""
    where = keep(folder, step, fault.message, fault.batch, policy) if policy and fault.batch else folder
    return DivergedError(
        f"step {step}: {fault.message}; training is stopped. What the step learnt from is kept here, and "
        "the last checkpoint is as it was: --resume meets the same batch again, so look at its rewards "
        "(replies.jsonl), or take another directory and a lower training.learning_rate",
        str(where),
    )


def keep(folder: Path, step: int, fault: str, whole: Minibatch, policy: Mapping[str, Tensor]) -> Path:
    """Write what the step learnt from into `post-mortem/`; returns that folder.

    `batch.safetensors` has all tensors, `replies.jsonl` the replies with what the suite said of them,
    `policy.safetensors` the adapter as it stood, `fault.json` what was found.
    """
    target, batch = folder / FOLDER, whole.batch
    target.mkdir(exist_ok=True)
    more = {"advantages": whole.advantages, "returns": whole.returns, "valid": whole.valid}
    with beside(target / "batch.safetensors") as part:
        part.write_bytes(dump(batch, more=more))
    lines = [
        json.dumps(reading.as_json(dialogue.id) | {"reply": dialogue.reply}, ensure_ascii=False)
        for dialogue, reading in zip(batch.dialogues, batch.readings, strict=True)
    ]
    write_text(target / "replies.jsonl", "\n".join(lines) + "\n")
    save_tensors(target / "policy.safetensors", {key: one.detach().cpu() for key, one in policy.items()})
    write_json(target / "fault.json", {"step": step, "fault": fault})
    return target
