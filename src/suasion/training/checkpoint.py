"""A checkpoint is one file that appears whole or not at all; training goes on from the last one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from suasion.counterpart.negotiations import Talk
from suasion.errors import InputError
from suasion.policy.heads import copy_adapter

if TYPE_CHECKING:
    from suasion.training.trainer import Trainer


POLICY = "policy"


class Checkpoint:
    """`checkpoint.safetensors` of a run: adapters, heads, optimizer moments, negotiations, records so far.

    Everything else that a step needs (prefixes, samples) follows from seed and step number.
    """

    def __init__(self, folder: Path, trainer: "Trainer") -> None:
        self.path, self.log, self.trainer = folder / "checkpoint.safetensors", folder / "steps.jsonl", trainer
        folder.mkdir(parents=True, exist_ok=True)

    def write_log(self, records: list[dict[str, Any]]) -> None:
        part = self.log.with_name(self.log.name + ".part")
        part.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        part.replace(self.log)

    def save(self, records: list[dict[str, Any]]) -> None:
        trainer = self.trainer
        tensors = {
            f"{POLICY}/{key}": value.detach() for key, value in trainer.backbone.adapter(POLICY).items()
        }
        if trainer.value:
            tensors |= {f"value/{key}": value for key, value in trainer.value.state().items()}
        tensors["ridge/moments"] = trainer.ridge.moments
        for name, optimizer in trainer.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{name}/{index}/{key}": value for key, value in moments.items()}
        part = self.path.with_name(self.path.name + ".part")
        whole = {key: value.contiguous().cpu() for key, value in tensors.items()}
        talks = json.dumps([(talk.number, talk.said) for talk in trainer.negotiations.talks])
        about = {"records": json.dumps(records), "suite": trainer.suite.version, "talks": talks}
        save_file(whole, part, metadata=about)
        part.replace(self.path)

    def restore(self) -> list[dict[str, Any]]:
        """Put the saved state into the trainer; returns the records, none where there is no checkpoint.

        Raises InputError for a broken file, or one that another reward suite wrote.
        """
        if not self.path.exists():
            return []
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata()
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        except (OSError, SafetensorError) as error:
            raise InputError(f"can't be read: {error}", str(self.path)) from None
        missing = ({"suite", "records", "talks"} - set(metadata or {})) | ({"ridge/moments"} - set(tensors))
        if missing:
            raise InputError(
                f"no checkpoint of this version: {', '.join(sorted(missing))} missing", str(self.path)
            )
        if metadata["suite"] != self.trainer.suite.version:
            raise InputError(
                f"was made under reward suite {metadata['suite']}, this one is {self.trainer.suite.version}",
                str(self.path),
            )
        copy_adapter(self.trainer.backbone, POLICY, _under(f"{POLICY}/", tensors))
        if self.trainer.value:
            self.trainer.value.load_state(_under("value/", tensors))
        self.trainer.ridge.moments = tensors["ridge/moments"]
        for name, optimizer in self.trainer.optimizers.items():
            self._restore_optimizer(optimizer, _under(f"optimizer/{name}/", tensors))
        talks = [Talk(number, tuple(said)) for number, said in json.loads(metadata["talks"])]
        self.trainer.negotiations.restore(talks)
        records: list[dict[str, Any]] = json.loads(metadata["records"])
        learned = any("policy_loss" in record for record in records)
        if learned and not _under(f"optimizer/{POLICY}/", tensors):
            raise InputError("the optimizer's state is missing", str(self.path))
        return records

    @staticmethod
    def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split("/")
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
