"""How a run was made, written into its directory: configuration, versions, commit, seconds, figures."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from suasion.config import RunConfig
from suasion.errors import InputError
from suasion.files import beside
from suasion.negotiation.pack import Pack

IDLE = 20.0  # seconds under which a stage tells nothing of the speed: with --resume its result was there
SECONDS = "seconds.json"  # of each stage
RESULTS = (
    "run.json", SECONDS, "sft.safetensors", "rewards", "figures.json", "checkpoint.safetensors",
    "checkpoint-before.safetensors", "steps.jsonl", "post-mortem", "tensorboard",
    "best.safetensors", "before.safetensors", "policy.safetensors", "report.json", "report.html",
)  # fmt: skip
PACKAGES = ("suasion", "torch", "transformers", "trl", "peft")


@dataclass(slots=True)
class Log:
    """Seconds of each stage; says after each how long the rest may take.

    `shares`: of the whole run's time, as planned, per stage. `path`: where the seconds are kept, to which
    those of a run that is gone on with are added.
    """

    shares: dict[str, float]
    phases: dict[str, float] = field(default_factory=dict)
    told: bool = True
    path: Path | None = None

    @contextmanager
    def phase(self, name: str, anew: bool = False) -> Iterator[None]:
        """A stage; `anew` where all of it is done again, so that earlier seconds don't count."""
        start = time.perf_counter()
        yield
        self.phases[name] = round(time.perf_counter() - start, 1)
        self.keep(name, anew)
        left = self.left()
        note = f", about {left / 60:.0f} min of the run left" if left else ""
        if not self.told:
            return
        sys.stderr.write(f"-- {name}: {self.phases[name]:.0f} s{note}\n")

    def keep(self, name: str, anew: bool = False) -> None:
        """Add the stage's seconds to those in the file, or replace them; the first process of a team does."""
        if self.path and self.told:
            before = read_seconds(self.path)
            earlier = 0.0 if anew else before.get(name, 0.0)
            write_json(self.path, before | {name: round(earlier + self.phases[name], 1)})

    def left(self) -> float | None:
        """Seconds that the stages to come may take; None before one has shown how fast the machine is."""
        worked = {name: seconds for name, seconds in self.phases.items() if seconds > IDLE}
        known = sum(self.shares.get(name, 0.0) for name in worked)
        ahead = sum(share for name, share in self.shares.items() if name not in self.phases)
        return sum(worked.values()) / known * ahead if known > 0 and ahead > 0 else None


def describe_run(
    config: RunConfig, command: str, trims: list[str], asked: RunConfig | None = None
) -> dict[str, Any]:
    """How a run is made: configuration as settled and as asked for, versions, commit."""
    return {
        "config": config.model_dump(mode="json"),
        "asked": (asked or config).model_dump(mode="json"),
        "trims": trims,
        "pack_version": Pack.load(config.pack).version,
        **provenance(command),
    }


def gone_on(folder: Path, now: dict[str, Any]) -> dict[str, Any]:
    """What `describe_run` says of a run that is gone on with: made as it was begun, and `resumed` since."""
    made = _read(folder)
    begun = {key: made[key] for key in provenance("") if key in made}
    again = {key: now[key] for key in begun}
    for key in ("commit", "versions"):
        if begun.get(key) != again.get(key):
            sys.stderr.write(f"{folder}: begun with {key} {begun[key]}, gone on with {again[key]}\n")
    return {**now, **begun, "resumed": [*made.get("resumed", []), again]}


def provenance(command: str) -> dict[str, Any]:
    """What made a result: command, commit, versions."""
    return {
        "command": command,
        "commit": _commit(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def load_run_config(folder: Path, which: Literal["config", "asked"] = "config") -> RunConfig:
    """A run directory's configuration, as settled or as asked for. Raises InputError when it is not one."""
    return RunConfig.model_validate(_read(folder)[which])


def load_run(folder: Path) -> tuple[RunConfig, list[str]]:
    """The settled configuration of a run directory, and what was trimmed. Raises InputError as above."""
    made = _read(folder)
    return RunConfig.model_validate(made["config"]), list(made["trims"])


def _read(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    try:
        made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for which in ("config", "asked"):
            RunConfig.model_validate(made[which])
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"not a run directory (`suasion run` makes one): {why}", str(path)) from None
    return made


def pack_version(folder: Path) -> str | None:
    """Version of the pack that the run was made under; None for a run that did not note it."""
    found = _read(folder).get("pack_version")
    return None if found is None else str(found)


def discard(folder: Path) -> None:
    """Remove what an earlier run left, so that nothing of it is taken for a part of the next."""
    for name in RESULTS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_figures(folder: Path) -> dict[str, Any]:
    """What was measured of the rewards when they were fitted; nothing where that was not written."""
    path = folder / "figures.json"
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None


def read_steps(folder: Path) -> list[dict[str, Any]]:
    """The records of training, one a step. Raises InputError when the run has none."""
    path = folder / "steps.jsonl"
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"no record of training: {error}", str(path)) from None


def read_seconds(path: Path) -> dict[str, float]:
    """What a Log kept there; nothing where it kept none. Raises InputError where it can't be read."""
    if not path.exists():
        return {}
    try:
        return {str(name): float(seconds) for name, seconds in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"can't be read: {error}", str(path)) from None


def write_json(path: Path, content: Any) -> None:
    """Write beside `path`, then move there."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write beside `path`, then move there."""
    with beside(path) as part:
        part.write_text(text, encoding="utf-8")


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
