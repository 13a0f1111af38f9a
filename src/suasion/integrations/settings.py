"""What another framework's workers need to know of the rewards: one file, made by `suasion export`."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.errors import InputError
from suasion.yaml_files import describe

VARIABLE = "SUASION_REWARD"  # the environment variable that names the file where no argument does
Paid = Literal["r_total", "e_enh"]


class RewardSettings(BaseModel):
    """A suite by the names that `suasion score` takes, and how a framework is paid by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pack: str = Field("hotel", description="built-in pack or folder")
    preference: str = Field("none", description="none, or a run directory with a reward model")
    judge: str = Field("none", description="none, local (of that run) or a URL")
    paid: Paid = Field("r_total", description="r_total, or e_enh: judge and rules without a reward model")
    unread: float | None = Field(
        None, allow_inf_nan=False, description="paid for a reply without a reading; null: the run stops there"
    )
    window: float = Field(0.02, ge=0, le=10, description="seconds in which samples are gathered for a batch")
    batch: int = Field(64, ge=1, description="samples that are scored together at most")
    special_tokens: tuple[str, ...] = Field(
        (), description="of the policy's tokenizer: where it is handed text with them, the first ends a reply"
    )


def load_settings(path: str | Path | None = None) -> RewardSettings:
    """The settings of a file; without a path of the one that $SUASION_REWARD names.

    Raises InputError where there is none, or one that is not valid.
    """
    named = path or os.environ.get(VARIABLE)
    if not named:
        raise InputError(
            f"which rewards? Name the file that `suasion export` wrote: `settings` or ${VARIABLE}"
        )
    try:
        return RewardSettings.model_validate_json(Path(named).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}", str(named)) from None
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        raise InputError(describe(fault), str(named), field=field or None) from None
