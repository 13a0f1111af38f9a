"""RJ: a language model says yes or no to each criterion; E_judge = sum of points x P(yes)."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from suasion.data.rubric import Rubric
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.contexts import group
from suasion.policy.heads import REPLY, Reader, fingerprint, has_adapter, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.policy.trees import branch
from suasion.rewards.score import Score
from suasion.rewards.verdict import verdict
from suasion.rewards.visible import as_seen
from suasion.running.folder import write_text

NAME = "judge"


class LocalJudge:
    """A role of the backbone fitted on verdicts; every criterion is read off one pass over the reply.

    A small model does not answer a question that it is asked (docs/decisions/0002-teach-within-minutes.md),
    so each criterion has its own row of the head: the log-odds of yes against no.
    """

    def __init__(
        self, backbone: Backbone, pack: Pack, rubric: Rubric, budget: int = 2600, adapter: bool = True
    ) -> None:
        self.backbone, self.pack, self.rubric, self.budget = backbone, pack, rubric, budget
        self.agreement: dict[str, dict[str, float]] = {}
        self.floor = 0.0
        self.role = Reader(backbone, NAME, REPLY, len(rubric.criteria), adapter)

    @property
    def version(self) -> str:
        read = ",".join(sorted(self.trusted))
        return f"local:{self.rubric.version}:{fingerprint(self.role.state())}:{read}"

    @property
    def trusted(self) -> frozenset[str]:
        """Criteria whose agreement with held-out verdicts reaches the floor; all, before any was measured."""
        unmeasured = {"kappa": -math.inf if self.agreement else math.inf}
        return frozenset(
            c.id for c in self.rubric.criteria if self.agreement.get(c.id, unmeasured)["kappa"] >= self.floor
        )

    @property
    def _criteria(self) -> list[str]:
        """What each row of the head reads."""
        return [f"{criterion.id}:{criterion.version}" for criterion in self.rubric.criteria]

    def probabilities(self, dialogues: Sequence[Dialogue]) -> list[list[float]]:
        """P(yes) per criterion for the reply of each dialogue, of which it reads what can be seen."""
        groups = group(self.backbone, self.pack, [as_seen(dialogue) for dialogue in dialogues])
        results: list[list[float]] = [[] for _ in dialogues]
        odds = self.role.read_replies([branch(g.prompt, g.replies) for g in groups], self.budget)
        for found, rows in zip(groups, odds, strict=True):
            for place, row in zip(found.places, torch.sigmoid(rows).tolist(), strict=True):
                results[place] = row
        return results

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        trusted, version = self.trusted, self.version
        return [verdict(row, self.rubric, version, trusted) for row in self.probabilities(dialogues)]

    def save(self, folder: Path) -> None:
        save_tensors(folder / "judge.safetensors", self.role.state())
        content = {"floor": self.floor, "agreement": self.agreement, "criteria": self._criteria}
        write_text(folder / "judge.json", json.dumps(content, indent=1))

    @classmethod
    def load(cls, backbone: Backbone, pack: Pack, rubric: Rubric, folder: Path) -> "LocalJudge":
        """Raises InputError when a file is missing, broken or made for another rubric."""
        path = folder / "judge.json"
        try:
            tensors = load_tensors(folder / "judge.safetensors")
            judge = cls(backbone, pack, rubric, adapter=has_adapter(tensors))
            judge.role.load_state(tensors)
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["criteria"] != judge._criteria:
                raise ValueError(f"it was fitted on {', '.join(content['criteria'])}")
            judge.floor, judge.agreement = float(content["floor"]), dict(content["agreement"])
        except (OSError, ValueError, KeyError, TypeError, InputError) as error:
            raise InputError(f"no judge for this rubric: {error}", str(path)) from None
        return judge
