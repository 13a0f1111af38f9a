"""Which of the given contexts a step answers."""

import random
from collections.abc import Sequence
from typing import Literal

from suasion.data.synthesize import without_acts
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track


class ContextPool:
    """Contexts to draw from: each SOP stage as often as the others (`stage`), or as they come (`uniform`).

    special: contexts that make up `share` of every draw (rounded, one at least), as far as there are some.
    """

    def __init__(
        self,
        contexts: Sequence[Dialogue],
        pack: Pack,
        draw: Literal["stage", "uniform"],
        special: Sequence[Dialogue] = (),
        share: float = 0.0,
    ) -> None:
        hearing = load_hearing(pack)
        self._special, self._share = list(special), share
        self._groups: dict[str, list[Dialogue]] = {}
        for context in contexts:
            stage = ""
            if draw == "stage":
                stage = pack.sop.step_of(track(without_acts(context), pack.sop, hearing)).id
            self._groups.setdefault(stage, []).append(context)

    def draw(self, count: int, rng: random.Random) -> list[Dialogue]:
        """`count` different contexts, or all where there are fewer."""
        wanted = min(len(self._special), max(1, round(self._share * count))) if self._share and count else 0
        return [*rng.sample(self._special, wanted), *self._ordinary(count - wanted, rng)]

    def _ordinary(self, count: int, rng: random.Random) -> list[Dialogue]:
        left = {stage: rng.sample(group, len(group)) for stage, group in sorted(self._groups.items())}
        chosen: list[Dialogue] = []
        while left and len(chosen) < count:
            for stage in rng.sample(list(left), len(left)):
                if len(chosen) < count:
                    chosen.append(left[stage].pop())
                if not left[stage]:
                    del left[stage]
        return chosen
