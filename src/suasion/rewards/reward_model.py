"""RM: a scalar read off the reply, trained on preference pairs, calibrated before use."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.contexts import group
from suasion.policy.heads import REPLY, Reader, fingerprint, has_adapter, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.policy.trees import branch
from suasion.running.folder import write_text

NAME = "reward"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Zero and unit of the raw score, from on-policy replies; and what was found on the way."""

    mean: float = 0.0
    scale: float = 1.0
    context_share: float | None = None  # of the score's variance, explained by the context alone
    negative_share: float | None = None  # of on-policy replies below 0
    accuracy: float | None = None  # on held-out pairs


class RewardModel:
    """The reward role, with an adapter or a head alone, and its calibration."""

    def __init__(self, backbone: Backbone, pack: Pack, budget: int = 2600, adapter: bool = True) -> None:
        self.backbone, self.pack, self.budget = backbone, pack, budget
        self.role = Reader(backbone, NAME, REPLY, adapter=adapter)
        self.calibration = Calibration()

    @property
    def version(self) -> str:
        calibration = f"{self.calibration.mean:.6g}:{self.calibration.scale:.6g}"
        return f"rm:{fingerprint(self.role.state())}:{calibration}"

    def raw(self, dialogues: Sequence[Dialogue]) -> list[float]:
        """Uncalibrated scores of the dialogues' replies."""
        groups = group(self.backbone, self.pack, dialogues)
        scores = [0.0] * len(dialogues)
        read = self.role.read_replies([branch(g.prompt, g.replies) for g in groups], self.budget)
        for found, values in zip(groups, read, strict=True):
            for place, value in zip(found.places, values[:, 0].tolist(), strict=True):
                scores[place] = value
        return scores

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        """Calibrated: 0 is what the starting policy writes on average, 1 its standard deviation."""
        return [(value - self.calibration.mean) / self.calibration.scale for value in self.raw(dialogues)]

    def save(self, folder: Path) -> None:
        save_tensors(folder / "reward.safetensors", self.role.state())
        write_text(folder / "calibration.json", json.dumps(asdict(self.calibration), indent=1))

    @classmethod
    def load(cls, backbone: Backbone, pack: Pack, folder: Path) -> "RewardModel":
        tensors = load_tensors(folder / "reward.safetensors")
        model = cls(backbone, pack, adapter=has_adapter(tensors))
        model.role.load_state(tensors)
        path = folder / "calibration.json"
        try:
            model.calibration = Calibration(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"can't be read: {error}", str(path)) from None
        return model
