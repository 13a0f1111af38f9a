"""A checkpoint is one file that appears whole or not at all; training goes on from the last sound one."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from suasion.counterpart.negotiations import Talk
from suasion.errors import InputError
from suasion.files import beside
from suasion.policy.heads import copy_adapter, fingerprint
from suasion.running.folder import write_text

if TYPE_CHECKING:
    from suasion.training.trainer import Trainer


POLICY = "policy"
BEFORE = "checkpoint-before.safetensors"
Saved = tuple[dict[str, Tensor], dict[str, str]]  # tensors and metadata of a file


class Checkpoint:
    """`checkpoint.safetensors` of a run: adapters, heads, optimizer moments, negotiations, records so far.

    Everything else that a step needs (prefixes, samples) follows from seed and step number. The checkpoint
    before it is kept, for when this one can't be read.
    """

    def __init__(self, folder: Path, trainer: "Trainer") -> None:
        self.path, self.log, self.trainer = folder / "checkpoint.safetensors", folder / "steps.jsonl", trainer
        folder.mkdir(parents=True, exist_ok=True)

    def write_log(self, records: list[dict[str, Any]]) -> None:
        if self.trainer.team.first:
            write_text(self.log, "".join(json.dumps(record) + "\n" for record in records))

    def save(self, records: list[dict[str, Any]]) -> None:
        """Raises NotWrittenError where the disk is full; then the last one is as it was."""
        trainer, learner = self.trainer, self.trainer.learner
        if not trainer.team.first:
            return
        tensors = {
            f"{POLICY}/{key}": value.detach() for key, value in trainer.backbone.adapter(POLICY).items()
        }
        if learner.value:
            tensors |= {f"value/{key}": value for key, value in learner.value.state().items()}
        tensors["ridge/moments"] = learner.ridge.moments
        for name, optimizer in learner.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{name}/{index}/{key}": value for key, value in moments.items()}
        whole = {key: value.contiguous().cpu() for key, value in tensors.items()}
        talks = json.dumps([(talk.number, talk.said) for talk in trainer.negotiations.talks])
        about = {"records": json.dumps(records), "suite": trainer.suite.version, "talks": talks}
        with beside(self.path) as part:
            save_file(whole, part, metadata=about | {"digest": fingerprint(whole)})
            if self.path.exists():
                self.path.replace(self.path.with_name(BEFORE))

    def restore(self) -> list[dict[str, Any]]:
        """Put the last sound state into the trainer; returns the records, none where there is no checkpoint.

        A file that can't be read is said, and the one before it is taken. Raises InputError where none is
        sound, or another reward suite wrote it.
        """
        faults = []
        for path in (self.path, self.path.with_name(BEFORE)):
            if not path.exists():
                continue
            try:
                saved = _read(path)
            except InputError as error:
                faults.append(str(error))
                continue
            records = self._take(saved, path)
            if faults and self.trainer.team.first:
                sys.stderr.write(f"{faults[0]}\n-- the checkpoint before it is used: step {len(records)}\n")
            return records
        if faults:
            raise InputError(
                f"no checkpoint can be read ({'; '.join(faults)}): remove them, and --resume trains anew on "
                "the SFT and the rewards that are there",
                str(self.path.parent),
            )
        return []

    def _take(self, saved: Saved, path: Path) -> list[dict[str, Any]]:
        tensors, metadata = saved
        if metadata["suite"] != self.trainer.suite.version:
            raise InputError(
                f"was made under reward suite {metadata['suite']}, this one is {self.trainer.suite.version}",
                str(path),
            )
        copy_adapter(self.trainer.backbone, POLICY, _under(f"{POLICY}/", tensors))
        learner = self.trainer.learner
        if learner.value:
            learner.value.load_state(_under("value/", tensors))
        learner.ridge.moments = tensors["ridge/moments"]
        for name, optimizer in learner.optimizers.items():
            self._restore_optimizer(optimizer, _under(f"optimizer/{name}/", tensors))
        talks = [Talk(number, tuple(said)) for number, said in json.loads(metadata["talks"])]
        self.trainer.negotiations.restore(talks)
        records: list[dict[str, Any]] = json.loads(metadata["records"])
        learned = any("policy_loss" in record for record in records)
        if learned and not _under(f"optimizer/{POLICY}/", tensors):
            raise InputError("the optimizer's state is missing", str(path))
        return records

    @staticmethod
    def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            index, name = key.split("/")
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _read(path: Path) -> Saved:
    """Raises InputError for a file that is cut off, has other numbers than were written, or is none."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None
    wanted = {"suite", "records", "talks", "digest"}
    if missing := (wanted - set(metadata)) | ({"ridge/moments"} - set(tensors)):
        raise InputError(f"no checkpoint of this version: {', '.join(sorted(missing))} missing", str(path))
    if fingerprint(tensors) != metadata["digest"]:
        raise InputError("can't be trusted: its numbers are not those that were written", str(path))
    return tensors, metadata


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
