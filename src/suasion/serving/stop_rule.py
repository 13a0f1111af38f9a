"""Experiments end by the rule that was said before they began; an arm that does harm is stopped."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from suasion.evaluation.ab_log import Conversation
from suasion.serving.experiments import ChangeKind, Course
from suasion.serving.logs import LOG
from suasion.serving.results import Results, harmed
from suasion.serving.service import Service
from suasion.serving.trials import Asks, change_experiment


class StopRules:
    """One round after the other, in a running service."""

    def __init__(self, service: Service, results: Results, every_seconds: float = 60.0) -> None:
        self.service, self.results, self.every_seconds = service, results, every_seconds

    async def run(self) -> None:
        """Until cancelled. A round that fails is logged, and the next one tries again."""
        while True:
            try:
                await asyncio.to_thread(self.round)
            except Exception:  # noqa: BLE001 - logged; what was due stays due
                LOG.exception("stop rule failed")
            await asyncio.sleep(self.every_seconds)

    def round(self) -> None:
        """Stop the arms that do harm, then end the experiment where its rule says so."""
        roster, now = self.service.roster, self.service.clock()
        roster.refresh()
        course = roster.course
        if course is None or not course.runs(now):
            return
        log = self.results.log(course, now)
        for arm, measure in harmed(course, log).items():
            asks = Asks(ChangeKind.ARM_STOPPED, f"worse {measure} than the control, at any look", arm)
            course = self._change(course, asks)
        if course.ended is None and (why := self._is_over(course, log)):
            self._change(course, Asks(ChangeKind.ENDED, why))

    def _is_over(self, course: Course, log: Sequence[Conversation]) -> str | None:
        rule, now = course.experiment.stop, self.service.clock()
        if rule.days is not None and now >= course.began + timedelta(days=rule.days):
            return f"{rule.days:g} days"
        smallest = min(sum(one.arm == arm for one in log) for arm in course.shares)
        if rule.conversations is not None and smallest >= rule.conversations:
            return f"{rule.conversations} conversations in each arm"
        return None

    def _change(self, course: Course, asks: Asks) -> Course:
        store, now = self.service.store, self.service.clock()
        changed = change_experiment(store, course.experiment.id, asks, now)
        self.service.roster.refresh()
        return changed
