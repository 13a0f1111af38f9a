"""Who speaks: the agents of a service, and which of them a contact's conversation is held by."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from suasion.agents.guarded import GuardedAgent
from suasion.errors import InputError
from suasion.serving.batching import Batcher
from suasion.serving.compose import Identity
from suasion.serving.experiments import Course, Experiment, draw, substitutes
from suasion.serving.records import Enrolment
from suasion.serving.store import Store
from suasion.serving.trials import assigned_arm, courses, last_change

SECONDS = 1.0  # after which the store is asked again whether another process changed an experiment


@dataclass(frozen=True, slots=True)
class Voice:
    """One agent behind its guard, with the queue before it."""

    guard: GuardedAgent
    batcher: Batcher
    identity: Identity


class Roster:
    """For one pack. `voices` by name; the first speaks where no experiment says otherwise."""

    def __init__(
        self, store: Store, voices: Mapping[str, Voice], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.voices, self.default = dict(voices), next(iter(voices))
        self._store, self._clock = store, clock
        self._pack = self.voices[self.default].guard.pack.id
        self._courses: dict[str, Course] = {}
        self._last, self._until = -1, 0.0

    async def look(self) -> None:
        """See what was changed, by this process or, up to a second later, by another."""
        if self._clock() >= self._until:
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """The same at once, in whichever thread."""
        newest = last_change(self._store)
        if newest != self._last:
            found = {one.experiment.id: one for one in courses(self._store) if one.pack == self._pack}
            self._courses, self._last = found, newest
        self._until = self._clock() + SECONDS

    @property
    def course(self) -> Course | None:
        """The experiment that began last, running or over."""
        return next(reversed(self._courses.values()), None)

    def check_has(self, experiment: Experiment, file: str) -> None:
        """Raises InputError where the experiment of this file has an arm whose agent is not here."""
        for index, arm in enumerate(experiment.arms):
            if arm.agent not in self.voices:
                told = f"no agent {arm.agent!r}: give `--agent {arm.agent}=RUN`; here are "
                raise InputError(told + ", ".join(self.voices), file, field=f"arms.{index}.agent")

    def check_arms(self) -> None:
        """Raises InputError where the experiment that runs has an arm whose agent is not here."""
        self.refresh()
        course = self.course
        if course is None or course.ended:
            return
        for arm in course.shares:
            if arm not in self.voices:
                name = course.experiment.id
                raise InputError(
                    f"experiment {name!r} runs and needs agent {arm!r}: give `--agent {arm}=RUN`, or end it "
                    f"(`suasion experiment end {name}`); here are {', '.join(self.voices)}",
                    field="--agent",
                )

    def choose(self, contact_key: str, now: datetime) -> tuple[str, Enrolment | None]:
        """Who holds a new conversation with this contact, and in which experiment. Reads the store.

        A contact that was drawn stays in its arm, whatever the shares are by now. One whose arm was stopped
        goes on with a substitute, in no experiment: it has met both agents.
        """
        course = self.course
        if course is None or not course.runs(now):
            return self._allowed(self.default, None), None
        name = course.experiment.id
        arm = assigned_arm(self._store, name, contact_key)
        if arm is None:
            arm = draw(course.experiment.salt, contact_key, course.shares)
        speaks = self._allowed(arm, None)
        return speaks, Enrolment(name, arm, course.last) if speaks == arm else None

    def speaker(self, name: str, enrolment: Enrolment | None) -> Voice:
        """Whose words a conversation of this agent is gone on with: its own, unless its arm was stopped."""
        return self.voices[self._allowed(name, enrolment)]

    def close(self) -> None:
        for voice in self.voices.values():
            voice.batcher.close()

    @property
    def alive(self) -> bool:
        return all(voice.batcher.alive for voice in self.voices.values())

    def _allowed(self, name: str, enrolment: Enrolment | None) -> str:
        course = self.course
        of_talk = None if enrolment is None else self._courses.get(enrolment.experiment_id)
        stopped = {arm for one in (course, of_talk) if one is not None for arm in one.stopped}
        for other in (name, *substitutes(of_talk or course, self.default, list(self.voices))):
            if other in self.voices and other not in stopped:
                return other
        return self.default  # every agent here was stopped in some experiment: the operator named this one
