"""The best policy so far, by a declared measure on contexts that nothing is trained or judged on."""

import statistics
import sys
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

from suasion.agents.llm import PolicyAgent
from suasion.config import RunConfig
from suasion.negotiation.dialogue import Dialogue
from suasion.policy.heads import copy_adapter, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.rewards.score import Source
from suasion.rewards.suite import Reading, RewardSuite
from suasion.running.processes import ALONE, Team
from suasion.training.parcel import readings_of_all

BEST = "best.safetensors"
SEED = 104_729  # of the validation replies, whatever the step: measurements are paired


class Validation:
    """Measures a policy every so many steps, and keeps the adapter of the best measurement in the folder."""

    def __init__(
        self,
        backbone: Backbone,
        role: str,
        suite: RewardSuite,
        config: RunConfig,
        contexts: Sequence[Dialogue],
        team: Team = ALONE,
    ) -> None:
        self.backbone, self.role, self.suite, self.settings = backbone, role, suite, config.training
        self.contexts = list(contexts[: self.settings.validation_contexts])
        self.agent = PolicyAgent(backbone, role, suite.pack, config.generation)
        self.seed, self.team = SEED + config.seed, team

    def due(self, step: int) -> bool:
        """Whether the policy is measured after this step, counted from 0; the last step always counts."""
        every = self.settings.validate_every
        return bool(every and self.contexts) and ((step + 1) % every == 0 or step + 1 == self.settings.steps)

    def measure(self) -> float | None:
        """The declared measure, higher is better: mean R_total, or the violations per reply below 0.

        None where no reply could be read, or too few by the judge.
        """
        mine = self.team.share(self.contexts)
        replies = self.agent.reply(mine, self.seed) if mine else []
        answered = [context.with_reply(reply) for context, reply in zip(mine, replies, strict=True)]
        readings = readings_of_all(self.team, self.suite.score(answered) if mine else [])
        if self.suite.judge and self.settings.validate_by == "r_total":
            judged = [reading for reading in readings if reading.e_judge is not None]
            if len(readings) - len(judged) > self.suite.config.max_unread * len(readings):
                return None  # of another mix than the measures before it
            readings = judged  # whatever an unread judge is elsewhere, here it would be a score
        return MEASURES[self.settings.validate_by](readings)

    def keep(self, folder: Path, records: Sequence[dict[str, Any]]) -> None:
        """Write the adapter where the last record's measurement is above all before it."""
        measured = [r["validation"] for r in records if r.get("validation") is not None]
        improved = (
            records[-1].get("validation") is not None and max(measured[:-1], default=-inf) < measured[-1]
        )
        if improved and self.team.first:
            adapter = self.backbone.adapter(self.role)
            save_tensors(folder / BEST, {key: value.detach().cpu() for key, value in adapter.items()})

    def wait(self, records: Sequence[dict[str, Any]]) -> None:
        """Note in the last record that training ends: `patience` measurements were no better."""
        measured = [r["validation"] for r in records if r.get("validation") is not None]
        since = len(measured) - 1 - measured.index(max(measured)) if measured else 0
        patience = self.settings.patience
        if records[-1].get("validation") is None or not 0 < patience <= since:
            return
        records[-1]["stopped_by"] = [*records[-1].get("stopped_by", []), "patience"]
        if self.team.first:
            sys.stderr.write(
                f"\ntraining ends after step {len(records)}: {since} measurements, none better\n"
            )

    def restore_best(self, folder: Path, records: Sequence[dict[str, Any]]) -> None:
        """Give the policy the adapter of its best measurement, where one was made."""
        self.team.any(True)  # wait until the first one has written it
        if any(record.get("validation") is not None for record in records):
            copy_adapter(self.backbone, self.role, load_tensors(folder / BEST))


def _reward(readings: Sequence[Reading]) -> float | None:
    read = [reading.r_total for reading in readings if reading.r_total is not None]
    return statistics.mean(read) if read else None


def _violations(readings: Sequence[Reading]) -> float | None:
    found = [reading.scores[Source.RULES].objections for reading in readings]
    read = [len(objections) for objections in found if objections is not None]
    return -statistics.mean(read) if read else None


MEASURES: dict[str, Callable[[Sequence[Reading]], float | None]] = {
    "r_total": _reward,
    "violations": _violations,
}
