"""What a finished run hands on to the one that goes on from it: policy, value model, talks under way."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from suasion.config import TrainingConfig
from suasion.counterpart.negotiations import Talk
from suasion.errors import InputError
from suasion.policy.heads import copy_adapter, has_adapter, load_tensors
from suasion.training.checkpoint import POLICY
from suasion.training.trainer import Trainer

CHECKPOINT, POLICY_FILE = "checkpoint.safetensors", "policy.safetensors"


@dataclass(frozen=True, slots=True)
class Start:
    """Where training starts. Without `moments` the value model starts anew, and warms up.

    The optimizer's moments are not handed on: they are of other rewards, and the rate rises anew.
    """

    policy: Mapping[str, Tensor]
    value: Mapping[str, Tensor]
    moments: Tensor | None
    talks: Sequence[Talk]

    def put_into(self, trainer: Trainer) -> None:
        """Raises InputError where an adapter or head does not fit."""
        copy_adapter(trainer.backbone, POLICY, dict(self.policy))
        learner = trainer.learner
        if learner.value and self.moments is not None:
            learner.value.load_state(dict(self.value))
            learner.ridge.moments = self.moments
        if len(self.talks) == len(trainer.negotiations.talks):
            trainer.negotiations.restore(self.talks)


def read_start(folder: Path, settings: TrainingConfig) -> Start:
    """The start that a finished run in `folder` gives a run with these settings.

    Raises InputError for a missing policy and for a broken file. A run without a checkpoint, or whose value
    model was of another kind, hands on its policy alone.
    """
    policy, path = load_tensors(folder / POLICY_FILE), folder / CHECKPOINT
    if not path.exists():
        return Start(policy, {}, None, ())
    try:
        with safe_open(path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith("value/")]  # noqa: SIM118 - not a dict
            value = {name.removeprefix("value/"): file.get_tensor(name) for name in names}
            moments = file.get_tensor("ridge/moments")
            talks = [Talk(number, tuple(said)) for number, said in json.loads(file.metadata()["talks"])]
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"no checkpoint of a finished run: {error}", str(path)) from None
    fits = bool(value) and has_adapter(value) == settings.value_adapter
    return Start(policy, value if fits else {}, moments if fits else None, talks)


def suite_of(folder: Path) -> str | None:
    """Version of the reward suite that trained the run, where its checkpoint tells it."""
    try:
        with safe_open(folder / CHECKPOINT, framework="pt") as file:
            return str(file.metadata()["suite"])
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
