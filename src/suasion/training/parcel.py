"""A batch of experience as bytes: its tensors and, as JSON, all else. To send it, or to keep it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter
from safetensors.torch import load, save
from torch import Tensor, nn

from suasion.negotiation.dialogue import Dialogue
from suasion.policy.generate import Sample
from suasion.policy.trees import Tree
from suasion.rewards.judge_report import JudgeReport, merged
from suasion.rewards.suite import Reading
from suasion.running.processes import Team
from suasion.training.experience import Experience

TENSORS = ("mask", "old", "reference", "states", "values", "totals", "kept")
Parcel = tuple[Experience, JudgeReport | None]


@dataclass(frozen=True, slots=True)
class _Told:
    """What of a batch is no tensor, and what its judging cost."""

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="constants")

    trees: tuple[Tree, ...]
    samples: tuple[Sample, ...]
    readings: tuple[Reading, ...]
    dialogues: tuple[Dialogue, ...]
    seconds: dict[str, float]
    judging: JudgeReport | None


@cache
def _told() -> TypeAdapter[_Told]:
    return TypeAdapter(_Told)


def dump(
    batch: Experience, judging: JudgeReport | None = None, more: Mapping[str, Tensor] | None = None
) -> bytes:
    """A file of safetensors: what is no tensor stands in `told`, as JSON in UTF-8."""
    told = _Told(batch.trees, batch.samples, batch.readings, batch.dialogues, batch.seconds, judging)
    text = bytearray(_told().dump_json(told))
    tensors = {name: getattr(batch, name).contiguous() for name in TENSORS}
    return save({**tensors, **(more or {})} | {"told": torch.frombuffer(text, dtype=torch.uint8)})


def parse(data: bytes) -> Parcel:
    """The batch of such a file, and what its judging cost."""
    tensors = load(data)
    told = _told().validate_json(tensors["told"].numpy().tobytes())
    plain = {name: tensors[name] for name in TENSORS}
    batch = Experience(told.trees, told.samples, told.readings, told.dialogues, **plain, seconds=told.seconds)
    return batch, told.judging


def together(team: Team, batch: Experience, judging: JudgeReport | None) -> Parcel:
    """The batches of all processes as one, in order of rank; every process gets it."""
    if team.size == 1:
        return batch, judging
    parcels = [parse(data) for data in team.gather(dump(batch, judging))]
    return joined([one for one, _ in parcels]), merged([report for _, report in parcels])


def joined(parts: Sequence[Experience]) -> Experience:
    """Batches one after the other as one; its phases took as long as the slowest part's."""
    width = max(part.mask.shape[1] for part in parts)
    tensors: dict[str, Any] = {
        name: torch.cat([_widened(getattr(part, name), width) for part in parts]) for name in TENSORS
    }
    told: dict[str, Any] = {
        name: tuple(one for part in parts for one in getattr(part, name))
        for name in ("trees", "samples", "readings", "dialogues")
    }
    seconds = {name: max(part.seconds[name] for part in parts) for name in parts[0].seconds}
    return replace(parts[0], **tensors, **told, seconds=seconds)


def _widened(tensor: Tensor, width: int) -> Tensor:
    """(R, T, ...) with T made `width`; a number a row, (R,), stays."""
    if tensor.dim() == 1:
        return tensor
    missing = width - tensor.shape[1]
    return nn.functional.pad(tensor, (0, 0) * (tensor.dim() - 2) + (0, missing))


def readings_of_all(team: Team, readings: list[Reading]) -> list[Reading]:
    """The readings of all processes, in order of rank."""
    if team.size == 1:
        return readings
    adapter = TypeAdapter(list[Reading])
    return [one for data in team.gather(adapter.dump_json(readings)) for one in adapter.validate_json(data)]


def shared(
    team: Team,
    groups: Sequence[Sequence[str]],
    read: Callable[[Sequence[Sequence[str]]], list[list[float]]],
) -> list[list[float]]:
    """What `read` says of groups of texts; each process asks about its share, and of the others' none."""
    mine = range(team.rank, len(groups), team.size)
    asked = [group if place in mine else () for place, group in enumerate(groups)]
    parts = [json.loads(data) for data in team.gather(json.dumps(read(asked)).encode())]
    return [parts[place % team.size][place] for place in range(len(groups))]
