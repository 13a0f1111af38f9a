"""What an experiment says so far: its log from the store, read by the one statistics of evaluation/ab.py.

That needs scipy and statsmodels, of the extra `train`: a service without experiments goes without them.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from suasion.evaluation.ab_log import Conversation
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.serving import schema
from suasion.serving.experiments import Course
from suasion.serving.records import Talk, contact_key, stamp
from suasion.serving.store import Store
from suasion.serving.transcripts import record_of
from suasion.serving.trials import assignments

LOOKS = 20
KEPT_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Reading:
    """An experiment's result at one time.

    analysis: as `suasion ab analyze` writes it, None while an arm has no settled conversation; looks: by arm,
    the running result, `until` the beginning of its last conversation; waiting: conversations that are too
    young to count.
    """

    split: dict[str, Any]
    analysis: dict[str, Any] | None
    looks: dict[str, list[dict[str, Any]]]
    settled: dict[str, int]
    waiting: int


class Results:
    """For one store and pack. A conversation is read again only after it has changed. Safe for threads."""

    def __init__(self, store: Store, pack: Pack, rules: RuleSet) -> None:
        self._store, self._pack = store, pack
        self._rules = frozenset(rule.id for rule in rules.rules)
        self._lines: dict[str, tuple[str, Conversation]] = {}
        self._gate = threading.Lock()

    def log(self, course: Course, now: datetime) -> list[Conversation]:
        """A line for each conversation that began at least `settle_hours` ago, in order of their beginning.

        So long each had, whichever way it went: an arm that ends sooner is not read sooner. A line says where
        the conversation stands now. `arm` is what its hotel was drawn into, whoever spoke later.
        """
        names: dict[str, str] = {}  # of a hotel, as it was first spelt
        with self._gate:
            return [
                self._line(row, names.setdefault(row.contact_key, row.contact))
                for row in self._enrolled(course, _settled_by(course, now))
            ]

    def read(self, course: Course, now: datetime, segment: str | None = None) -> Reading:
        """Raises InputError for a segment that no conversation's brief has."""
        from suasion.evaluation.ab import analyse_log, split_of
        from suasion.evaluation.experiment import looks

        log = self.log(course, now)
        experiment = course.experiment
        counts = {arm: sum(one.arm == arm for one in log) for arm in experiment.shares}
        shares = self.meant(course, log)
        control = experiment.control
        complete = bool(log) and all(counts.values()) and all(shares.values())
        split = split_of(log, shares) if log and len(shares) > 1 else None
        return Reading(
            split={}
            if split is None
            else {
                "hotels": split.hotels,
                "meant": shares,
                "p_value": split.p_value,
                "mixed": list(split.mixed),
                "sound": split.sound,
            },
            analysis=analyse_log(log, control, shares, segment) if complete else None,
            looks={
                arm: _dated(looks(log, LOOKS, control, arm), log)
                for arm in experiment.shares
                if arm != control and counts[arm] and counts[control]
            },
            settled=counts,
            waiting=len(self._enrolled(course, stamp(now))) - len(log),
        )

    def meant(self, course: Course, log: Sequence[Conversation]) -> dict[str, float]:
        """How many hotels each arm should have got: the shares that held when each of them was drawn."""
        hotels = {contact_key(one.hotel) for one in log}
        meant = dict.fromkeys(course.experiment.shares, 0.0)
        for row in assignments(self._store, course.experiment.id):
            if row.contact_key in hotels:
                shares = course.shares_at(row.change_id)
                for arm, share in shares.items():
                    meant[arm] += share / sum(shares.values())
        return {arm: round(share, 6) for arm, share in meant.items() if share > 0}

    def _enrolled(self, course: Course, until: str) -> list[Row[Any]]:
        table, talks, standings = schema.enrolments, schema.conversations, schema.standings
        query = (
            select(
                table.c.conversation_id,
                table.c.arm,
                talks.c.contact,
                talks.c.contact_key,
                standings.c.at,
                standings.c.turns,
            )
            .join(talks, talks.c.id == table.c.conversation_id)
            .join(standings, standings.c.conversation_id == table.c.conversation_id)
            .where(table.c.experiment_id == course.experiment.id, talks.c.at <= until)
            .order_by(talks.c.at, talks.c.id)
        )
        with self._store.engine.connect() as connection:
            return list(connection.execute(query))

    def _line(self, row: Row[Any], hotel: str) -> Conversation:
        version = f"{row.at} {row.turns}"
        known = self._lines.get(row.conversation_id)
        if known is not None and known[0] == version:
            return known[1]
        from suasion.evaluation.experiment import line_of

        talk = self._store.load(row.conversation_id)
        assert talk is not None  # its enrolment names it, and nothing is ever removed
        line = line_of(
            record_of(talk, self._pack),
            hotel,
            row.arm,
            *self._broken(talk),
            begun=talk.conversation.at,
            conversation=talk.conversation.id,
        )
        if len(self._lines) >= KEPT_LINES:
            self._lines.clear()
        self._lines[row.conversation_id] = version, line
        return line

    def _broken(self, talk: Talk) -> tuple[int, int]:
        """Rules that the agents broke in what was sent, as the guard saw it then, and their replies."""
        replies = [one for one in talk.messages if one.suite_version]
        sent = [note for one in replies for note in one.guard or () if note["kind"] == "sent"]
        return sum(note["rule"] in self._rules for note in sent), len(replies)


def _settled_by(course: Course, now: datetime) -> str:
    return stamp(now - timedelta(hours=course.experiment.settle_hours))


def _dated(found: list[dict[str, Any]], log: Sequence[Conversation]) -> list[dict[str, Any]]:
    return [row | {"until": log[row["conversations"] - 1].segment("begun")} for row in found]


def harmed(course: Course, log: Sequence[Conversation]) -> Mapping[str, str]:
    """Arms that go on and are worse than the control at this look, each with the measure that says so.

    By the always-valid interval: it may be looked at as often as one likes.
    """
    from suasion.evaluation.ab import compare

    found: dict[str, str] = {}
    control, names = course.experiment.control, course.experiment.stop.harm
    for arm in course.shares:
        compared = {} if arm == control or not names else compare(log, control, arm, names)
        for name, one in compared.items():
            high = one.difference.always.high
            if high is not None and high < 0:
                found.setdefault(arm, name)
    return found
