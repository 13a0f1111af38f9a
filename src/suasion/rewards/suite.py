"""The one place where the rewards meet: asks each source, decides what a missing part means, combines."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from suasion.config import RewardsConfig
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.locale import locales_version
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track
from suasion.rewards.enhance import enhance
from suasion.rewards.judge_report import JudgeReport
from suasion.rewards.rules import RuleSet
from suasion.rewards.score import Score, Severity, Source, Status, unread


class Judge(Protocol):
    """Anything that reads E_judge for the reply of each dialogue."""

    @property
    def version(self) -> str: ...

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]: ...


@runtime_checkable
class DistantJudge(Judge, Protocol):
    """A judge that answers from elsewhere, while we do something else, and at a price."""

    report: JudgeReport  # of the last batch

    def begin(self, dialogues: Sequence[Dialogue]) -> "Future[list[Score]]": ...


@runtime_checkable
class Local(Protocol):
    """Anything that reads by a model here, in passes of so many padded tokens at most."""

    budget: int


class Preference(Protocol):
    """Anything that reads a calibrated R_model for the reply of each dialogue."""

    @property
    def version(self) -> str: ...

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]: ...


def is_breach(rules: Score) -> bool:
    """Whether what the rules found is of critical severity, in part."""
    return any(hit.severity == Severity.CRITICAL for hit in rules.evidence)


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that the suite says of one reply. None is `not read`, with the reason in `scores`."""

    stage: str
    scores: dict[Source, Score]
    e_enh: float | None
    r_total: float | None
    required_acts: bool
    suite_version: str
    pack_version: str  # by which the history of the pack finds the files again

    @property
    def r_model(self) -> float | None:
        return self.scores[Source.MODEL].value

    @property
    def e_judge(self) -> float | None:
        return self.scores[Source.JUDGE].value

    @property
    def e_func(self) -> float | None:
        return self.scores[Source.RULES].value

    @property
    def breach(self) -> bool:
        """Whether a rule of critical severity was broken."""
        return is_breach(self.scores[Source.RULES])

    def as_json(self, record_id: str) -> dict[str, Any]:
        """One line of `suasion score`."""
        rules = self.scores[Source.RULES].evidence
        return {
            "id": record_id,
            "rules": [
                {"rule": e.name, "severity": e.severity, "points": e.points, "span": e.span, "text": e.text}
                | ({"note": e.note} if e.severity is None and e.note else {})  # of code that is not ours
                for e in rules
            ],
            "criteria": {e.name: e.probability for e in self.scores[Source.JUDGE].evidence},
            "e_func": self.e_func,
            "e_judge": self.e_judge,
            "e_enh": self.e_enh,
            "r_model": self.r_model,
            "r_total": self.r_total,
            "status": {source.value: score.status.value for source, score in self.scores.items()},
            "stage": self.stage,
            "suite_version": self.suite_version,
            "pack_version": self.pack_version,
        }


class RewardSuite:
    """RM + RJ + RF over a pack, with a version that changes with any of their data: pack, words, weights."""

    def __init__(
        self,
        pack: Pack,
        judge: Judge | None = None,
        model: Preference | None = None,
        config: RewardsConfig | None = None,
    ) -> None:
        self.pack, self.judge, self.model = pack, judge, model
        self.config = config or RewardsConfig()
        self.pack_version = pack.version
        self.rules = RuleSet.load(pack)
        self.hearing = load_hearing(pack)
        parts = [
            self.pack_version,
            self.rules.version,  # code of one's own that the pack names
            locales_version(),
            judge.version if judge else "",
            model.version if model else "",
            self.config.model_dump_json(exclude={"remote"}),  # what of it matters is in the judge's version
        ]
        self.version = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    def score(self, dialogues: Sequence[Dialogue]) -> list[Reading]:
        """Read every reply by every source that the suite has."""
        return self.begin(dialogues)()

    @property
    def sources(self) -> tuple[Source, ...]:
        """Those that are asked; the rules always are."""
        parts = {Source.MODEL: self.model, Source.JUDGE: self.judge, Source.RULES: self.rules}
        return tuple(source for source, part in parts.items() if part is not None)

    def judge_report(self) -> JudgeReport | None:
        """What the last batch cost; None for a judge that costs nothing."""
        return self.judge.report if isinstance(self.judge, DistantJudge) else None

    def read_within(self, tokens: int) -> None:
        """From now on reward model and local judge read at most so many padded tokens at once."""
        for part in (self.model, self.judge):
            if isinstance(part, Local):
                part.budget = tokens

    def begin(self, dialogues: Sequence[Dialogue]) -> Callable[[], list[Reading]]:
        """Ask a judge that answers from elsewhere; what is returned reads the rest and waits for it."""
        asked = self.judge.begin(dialogues) if isinstance(self.judge, DistantJudge) else None

        def finish() -> list[Reading]:
            preferred = self.model.score(dialogues) if self.model else [None] * len(dialogues)
            if asked:
                judged = asked.result()
            elif self.judge:
                judged = self.judge.score(dialogues)
            else:
                judged = [unread(Source.JUDGE)] * len(dialogues)
            return [self._read(d, j, m) for d, j, m in zip(dialogues, judged, preferred, strict=True)]

        return finish

    def _read(self, dialogue: Dialogue, judged: Score, preferred: float | None) -> Reading:
        state = track(dialogue, self.pack.sop, self.hearing)
        model = unread(Source.MODEL) if preferred is None else Score(Source.MODEL, Status.READ, preferred)
        scores = {Source.MODEL: model, Source.JUDGE: judged, Source.RULES: self.rules.check(dialogue, state)}
        stage = self.pack.sop.step_of(state)
        said = self.hearing.hear("agent", dialogue.reply or "")
        any_of = not stage.requires_any or bool(said & set(stage.requires_any))
        rules = scores[Source.RULES]
        e_enh, total = self.combine(preferred, judged.value, rules.value, is_breach(rules))
        complete = set(stage.requires) <= said and any_of
        return Reading(stage.id, scores, e_enh, total, complete, self.version, self.pack_version)

    def combine(
        self, r_model: float | None, e_judge: float | None, e_func: float | None, breach: bool = False
    ) -> tuple[float | None, float | None]:
        """E_enh and R_total. Without R_model no total; unread parts are neutral or drop the reply."""
        parts = [part for part in (e_judge, e_func) if part is not None]
        n = self.config.n
        e_enh = max(-n, min(n, sum(parts))) if parts else None
        unread_part = (self.judge is not None and e_judge is None) or e_func is None
        dropped = self.config.missing == "drop" and unread_part
        if r_model is None or dropped:
            return e_enh, None
        return e_enh, enhance(r_model, e_judge, e_func, n, self.config.operator, breach)
