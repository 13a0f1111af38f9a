"""Sizes of a benchmark: how the methods train, and how much of each instrument they are measured with."""

import tomllib
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

from suasion.config import RunConfig
from suasion.errors import InputError

NAMES = ("cpu", "gpu", "tiny")


class Preset(BaseModel):
    """A file of `presets/`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: tuple[int, ...] = Field(min_length=1, description="of every method that is trained")
    ablation_seeds: tuple[int, ...] = Field(description="of the ablations")
    online: int = Field(ge=1, description="negotiations in the paper's style, for raters")
    evaluated: int = Field(ge=2, description="negotiations with the evaluation counterpart")
    contexts: int = Field(ge=2, description="held-out replies")
    draws: int = Field(ge=1, description="of the simulator's coefficients")
    per_draw: int = Field(ge=1, description="negotiations of each method in a draw")
    conversations: int = Field(ge=2, description="of the A/B test")
    parties: int = Field(ge=2, description="about so many are written to in it")
    minutes: dict[str, float] = Field(description="planned for a shard of each kind")
    run: RunConfig = Field(description="what every method has in common")


def load_preset(name: str) -> Preset:
    """A preset by name. Raises InputError for one that there is not."""
    if name not in NAMES:
        raise InputError(f"no preset {name!r}; there are {', '.join(NAMES)}")
    text = files("suasion").joinpath("bench", "presets", f"{name}.toml").read_text(encoding="utf-8")
    return Preset.model_validate(tomllib.loads(text))
