"""What a row is paid with: the suite with some of its rewards left out, or another operator."""

import hashlib
from collections.abc import Sequence
from typing import cast

from suasion.bench.rows import Row
from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.reward_model import RewardModel
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite


class Uncalibrated:
    """R_model as it was fitted: zero and unit are what pairs made them."""

    def __init__(self, model: RewardModel) -> None:
        self.model = model

    @property
    def version(self) -> str:
        return f"uncalibrated:{self.model.version}"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return self.model.raw(dialogues)


class Payment(RewardSuite):
    """A suite that does not pay for the rewards in `without`; what they read is still noted."""

    def __init__(self, suite: RewardSuite, row: Row) -> None:
        judge = None if Source.JUDGE in row.without else suite.judge
        model = suite.model if row.calibrated else Uncalibrated(cast(RewardModel, suite.model))
        super().__init__(suite.pack, judge, model, suite.config.model_copy(update=dict(row.rewards)))
        self.without = row.without
        if row.without:
            named = ",".join(sorted(source.value for source in row.without))
            self.version = hashlib.sha256(f"{self.version}:{named}".encode()).hexdigest()[:12]

    def combine(
        self, r_model: float | None, e_judge: float | None, e_func: float | None, breach: bool = False
    ) -> tuple[float | None, float | None]:
        """As the suite's; without RM the total is E / n, clipped as in the enhancement."""
        if Source.RULES in self.without:
            e_func, breach = 0.0, False
        e_enh, total = super().combine(r_model, e_judge, e_func, breach)
        if Source.MODEL in self.without and total is not None:
            return e_enh, (e_enh or 0.0) / self.config.n
        return e_enh, total
