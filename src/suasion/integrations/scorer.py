"""A suite for frameworks that ask for one sample at a time: what arrives together is scored together."""

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from suasion.errors import InputError
from suasion.integrations.settings import Paid, RewardSettings, load_settings
from suasion.negotiation.dialogue import Dialogue, parse_dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.saved import load_suite
from suasion.rewards.suite import Reading, RewardSuite

RECENT, FEWEST = 256, 32  # replies over which the share of unread ones is taken, and from how many on
_loading = threading.Lock()


class UnreadError(Exception):
    """A reply can't be paid, or too many could not be read."""


@dataclass(frozen=True, slots=True)
class Payment:
    """What a reply is paid, and everything behind it. `read` is False where the number was declared."""

    value: float
    read: bool
    reading: Reading


def payable(suite: RewardSuite, reading: Reading, paid: Paid) -> float | None:
    """What the reading says the reply is worth, None where that was not read."""
    if paid == "r_total":
        return reading.r_total
    unjudged = suite.judge is not None and reading.e_judge is None
    return None if unjudged and suite.config.missing == "drop" else reading.e_enh


def check_paid(suite: RewardSuite, paid: Paid) -> None:
    """Raises InputError where the suite can never read what is to be paid."""
    if paid == "r_total" and suite.model is None:
        raise InputError(
            "there is no R_total without a reward model: name a run directory (preference), or pay e_enh",
            field="paid",
        )


@dataclass(slots=True)
class _Sample:
    dialogue: Dialogue
    future: "Future[Payment]"


class Scorer:
    """Scores what arrives within `window` seconds by one call of the suite, in a thread of its own.

    Nothing else uses the suite's models meanwhile, whatever thread or event loop the samples come from.
    """

    def __init__(self, suite: RewardSuite, settings: RewardSettings) -> None:
        check_paid(suite, settings.paid)
        self.suite, self.settings = suite, settings
        self._lock = threading.Lock()
        self._waiting: list[_Sample] = []
        self._recent: deque[bool] = deque(maxlen=RECENT)  # whether a part was not read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="suasion-rewards")

    def submit(self, record: str, reply: str, file: str, line: int) -> "Future[Payment]":
        """The reply to a dialogue record (JSON). `file` and `line` name the record where it is broken.

        Raises InputError for a record that is none, or not of the pack. The future raises UnreadError for a
        reply that was not read and has no declared payment, and where too many were not.
        """
        dialogue = parse_dialogue(record, file, line, self.suite.pack.check_brief).with_reply(reply)
        future: Future[Payment] = Future()
        with self._lock:
            self._waiting.append(_Sample(dialogue, future))
            if len(self._waiting) == 1:  # the first one calls the batch, the others join it
                self._thread.submit(self._score_waiting)
        return future

    def _score_waiting(self) -> None:
        time.sleep(self.settings.window)
        with self._lock:
            most = self.settings.batch
            batch, self._waiting = self._waiting[:most], self._waiting[most:]
            if self._waiting:
                self._thread.submit(self._score_waiting)
        wanted = [sample for sample in batch if sample.future.set_running_or_notify_cancel()]
        try:
            readings = self.suite.score([sample.dialogue for sample in wanted])
            paid = [self._pay(one.dialogue.id, read) for one, read in zip(wanted, readings, strict=True)]
        except Exception as error:  # noqa: BLE001 - it belongs to those who asked, not to this thread
            for sample in wanted:
                sample.future.set_exception(error)
            return
        for sample, payment in zip(wanted, paid, strict=True):
            if isinstance(payment, UnreadError):
                sample.future.set_exception(payment)
            else:
                sample.future.set_result(payment)

    def _pay(self, name: str, reading: Reading) -> Payment | UnreadError:
        value = payable(self.suite, reading, self.settings.paid)
        self._recent.append(value is None or (self.suite.judge is not None and reading.e_judge is None))
        share, limit = sum(self._recent) / len(self._recent), self.suite.config.max_unread
        if len(self._recent) >= FEWEST and share > limit:
            return UnreadError(
                f"{share:.0%} of the last {len(self._recent)} replies went unread, "
                f"more than rewards.max_unread ({limit:.0%}); is the judge up?"
            )
        if value is not None:
            return Payment(value, True, reading)
        if self.settings.unread is None:
            told = ", ".join(
                f"{source.value} {score.status.value}" for source, score in reading.scores.items()
            )
            return UnreadError(
                f"the reply to {name!r} has no {self.settings.paid} ({told}); "
                f"to go on without, declare what such a reply is paid: `unread` in the reward settings"
            )
        return Payment(self.settings.unread, False, reading)


def scorer_of(path: str | Path | None = None) -> Scorer:
    """The scorer of a settings file (see `load_settings`), one for all that ask in this process."""
    with _loading:  # a reward model is loaded once, however many ask at the same time
        return _scorer(load_settings(path))


@cache
def _scorer(settings: RewardSettings) -> Scorer:
    return Scorer(suite_of(settings), settings)


def suite_of(settings: RewardSettings) -> RewardSuite:
    """The suite that the settings name. Raises InputError as `load_suite` does."""
    return load_suite(Pack.load(settings.pack), settings.judge, settings.preference)
