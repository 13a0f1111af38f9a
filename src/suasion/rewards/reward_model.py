"""RM: a scalar read at the end of the reply, trained on preference pairs, calibrated before use."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.contexts import group
from suasion.policy.heads import ScalarRole, fingerprint, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.policy.trees import branch


@dataclass(frozen=True, slots=True)
class Calibration:
    """Zero and unit of the raw score, from on-policy replies; and what was found on the way."""

    mean: float = 0.0
    scale: float = 1.0
    context_share: float | None = None  # of the score's variance, explained by the context alone
    negative_share: float | None = None  # of on-policy replies below 0
    accuracy: float | None = None  # on held-out pairs


class RewardModel:
    """The reward adapter with its head and its calibration."""

    def __init__(self, backbone: Backbone, pack: Pack, budget: int = 2600, name: str = "reward") -> None:
        self.backbone, self.pack, self.budget = backbone, pack, budget
        self.role = ScalarRole(backbone, name)
        self.calibration = Calibration()

    @property
    def version(self) -> str:
        calibration = f"{self.calibration.mean:.6g}:{self.calibration.scale:.6g}"
        return f"rm:{fingerprint(self.role.state())}:{calibration}"

    def raw(self, dialogues: Sequence[Dialogue]) -> list[float]:
        """Uncalibrated scores of the dialogues' replies."""
        groups = group(self.backbone, self.pack, dialogues)
        scores = [0.0] * len(dialogues)
        ends = self.role.read_ends([branch(g.prompt, g.replies) for g in groups], self.budget)
        for found, values in zip(groups, ends, strict=True):
            for place, value in zip(found.places, values, strict=True):
                scores[place] = value
        return scores

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        """Calibrated: 0 is what the starting policy writes on average, 1 its standard deviation."""
        return [(value - self.calibration.mean) / self.calibration.scale for value in self.raw(dialogues)]

    def start_value(self, value: ScalarRole) -> None:
        """Start a value model as the calibrated reward model, which knows already what contexts are worth."""
        own = self.backbone.adapter(self.role.name)
        for key, parameter in self.backbone.adapter(value.name).items():
            parameter.data.copy_(own[key.replace(f".{value.name}.", f".{self.role.name}.")].data)
        found = self.calibration
        value.head.weight.data.copy_(self.role.head.weight.data / found.scale)
        value.head.bias.data.copy_((self.role.head.bias.data - found.mean) / found.scale)

    def save(self, folder: Path) -> None:
        save_tensors(folder / "reward.safetensors", self.role.state())
        (folder / "calibration.json").write_text(
            json.dumps(asdict(self.calibration), indent=1), encoding="utf-8"
        )

    @classmethod
    def load(cls, backbone: Backbone, pack: Pack, folder: Path) -> "RewardModel":
        model = cls(backbone, pack)
        model.role.load_state(load_tensors(folder / "reward.safetensors"))
        path = folder / "calibration.json"
        try:
            model.calibration = Calibration(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"can't be read: {error}", str(path)) from None
        return model
