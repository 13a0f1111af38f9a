"""What every method is measured with: the locked files, tried on loading; measurements are plain data."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from suasion.bench.preset import Preset
from suasion.counterpart.online import draw_online, read_online
from suasion.counterpart.simulate import Agent, simulate
from suasion.errors import InputError
from suasion.evaluation.bad_cases import as_json, load_cases, load_checks, try_agent
from suasion.evaluation.counterpart import World, load_world
from suasion.evaluation.grading import Checks, faults_of
from suasion.evaluation.lock import NAME, Instrument, instrument, read_lock, sha256
from suasion.evaluation.metrics import ticket_results
from suasion.evaluation.sop_check import check_sop
from suasion.evaluation.violations import prefixes, violations
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.rewards.score import Source
from suasion.rewards.suite import RewardSuite

FILES = ("bad_cases.jsonl", "checks.yaml", "counterpart.yaml", "online.jsonl")
UNSEEN, UNSEEN_COUNT, UNSEEN_SEED = "online-300.jsonl", 300, 11
SEED = 1  # of every measured negotiation: the same counterparts in the same luck for all
DRAWS_SEED = 2026
SHOWN = 2  # negotiations that the JSON has in full: the first ones, never a selection


@dataclass(frozen=True)
class Instruments:
    """The instruments of a benchmark's folder."""

    folder: Path
    pack: Pack

    def locked(self) -> list[Instrument]:
        """What they are. Raises InputError where one is not what LOCK says: nothing is measured then."""
        found = [instrument(self.folder / name) for name in FILES]
        for one in found:
            if one.held != "held":
                raise InputError(
                    "is not what LOCK says: put it back, or change the lock with a reason in CHANGES.md",
                    str(self.folder / one.file),
                )
        return found

    @property
    def lock_hash(self) -> str:
        return sha256(self.folder / NAME)

    @cached_property
    def checks(self) -> Checks:
        return load_checks(self.folder / "checks.yaml")

    @cached_property
    def world(self) -> World:
        return load_world(self.folder / "counterpart.yaml", self.checks, self.pack)

    def unseen(self, work: Path) -> list[Brief]:
        """The 300 unseen briefs, drawn by their seed and compared with the lock."""
        path = work / UNSEEN
        work.mkdir(parents=True, exist_ok=True)
        write_dialogues(path, draw_online(self.pack, UNSEEN_COUNT, UNSEEN_SEED))
        if sha256(path) != read_lock(self.folder / NAME).get(UNSEEN):
            raise InputError(f"the {UNSEEN_COUNT} briefs drawn here are not those of LOCK", str(path))
        return read_online(path, self.pack)[0]

    def measure(self, agent: Agent, preset: Preset, work: Path, seed: int) -> dict[str, Any]:
        """Bad cases, the online set and the evaluation counterpart; dialogues are left in `work`."""
        cases = load_cases(self.folder / "bad_cases.jsonl", self.pack, self.checks)
        results = try_agent(agent, cases, self.checks, self.pack, seed)
        briefs, hidden = read_online(self.folder / "online.jsonl", self.pack)
        online = simulate(agent, briefs[: preset.online], SEED, pack=self.pack, hidden=hidden)
        evaluated = self.world.hold(agent, self.unseen(work)[: preset.evaluated], SEED)
        for name, talks in (("online", online), ("evaluated", evaluated)):
            write_dialogues(work / f"{name}.jsonl", talks)
        return {
            "bad_cases": as_json(results),
            "online": [self._row(talk, exact=False) for talk in online],
            "evaluated": [self._row(talk, exact=True) for talk in evaluated],
            "sop_faults": dict(self._sop_faults(evaluated).most_common(12)),
            "shown": [_shown(talk) for talk in evaluated if talk.outcome and talk.outcome.responded][:SHOWN],
        }

    def held_out(self, agent: Agent, suite: RewardSuite, contexts: Sequence[Dialogue]) -> dict[str, Any]:
        """Replies to held-out contexts as training's rewards see them, and as the independent checks do."""
        said = agent.reply(contexts, SEED)
        spoken = [
            context.with_reply(turn if isinstance(turn, str) else turn.text or "")
            for context, turn in zip(contexts, said, strict=True)
        ]
        rows = []
        for dialogue, reading in zip(spoken, suite.score(spoken), strict=True):
            broken = sum(hit.points < 0 for hit in reading.scores[Source.RULES].evidence)
            numbers = {
                name: _short(getattr(reading, name)) for name in ("r_total", "r_model", "e_judge", "e_func")
            }
            rows.append({**numbers, "rules": broken, "faults": self._faults(dialogue)})
        return {"suite_version": suite.version, "rows": rows}

    def draws(self, agent: Agent, preset: Preset, work: Path) -> list[list[dict[str, Any]]]:
        """The same first briefs negotiated under each draw of the coefficients."""
        briefs = self.unseen(work)[: preset.per_draw]
        return [
            [
                self._row(talk, exact=True)
                for talk in self.world.drawn(number, DRAWS_SEED).hold(agent, briefs, SEED)
            ]
            for number in range(preset.draws)
        ]

    def _row(self, talk: Dialogue, exact: bool) -> dict[str, Any]:
        """One negotiation. exact: the counterpart's acts are known, so that the procedure can be checked."""
        outcome = talk.outcome
        assert outcome is not None  # a simulated dialogue has one
        tickets = ticket_results([talk])
        broken, replies = violations(talk, self._rules)
        row: dict[str, Any] = {
            "answered": int(outcome.responded),
            "won": sum(one.success for one in tickets),
            "tickets": len(tickets),
            "off": _short(statistics.mean(one.reduction or 0.0 for one in tickets)),
            "replies": replies,
            "rules": broken,
            "faults": sum(self._faults(reply) for _, reply in prefixes(talk)),
            "ending": outcome.ending[:40],
        }
        if exact:
            row["sop"] = self._sop(talk).kept
        return row

    def _sop(self, talk: Dialogue) -> Any:
        acts = (talk.outcome.model_extra or {}).get("counterpart_acts") if talk.outcome else None
        return check_sop(talk, self.pack.sop, self.world.hearing, acts)

    def _sop_faults(self, talks: Sequence[Dialogue]) -> Counter[str]:
        total: Counter[str] = Counter()
        for talk in talks:
            total.update(self._sop(talk).faults)
        return total

    def _faults(self, reply: Dialogue) -> int:
        """Faults of severity high or critical by the second rule set."""
        return sum(fault.breaks != "low" for fault in faults_of(reply, self.checks))

    @cached_property
    def _rules(self) -> RuleSet:
        return RuleSet.load(self.pack)


def describe(found: Sequence[Instrument]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(talk: Dialogue) -> list[str]:
    lines = []
    for turn in talk.turns:
        said = turn.text if turn.text is not None else f"(no reply for {turn.silence_minutes:g} minutes)"
        lines.append(f"{'A' if turn.speaker == 'agent' else 'H'}: {said}")
    return lines
