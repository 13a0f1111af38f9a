"""When nobody is written to of the agent's own accord: quiet hours, and how much one contact may get."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from suasion.errors import InputError


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` by the clock of `zone`, over midnight where `end` comes first."""

    start: time
    end: time
    zone: ZoneInfo

    def holds(self, now: datetime) -> bool:
        here = now.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= here < self.end
        return here >= self.start or here < self.end


def parse_quiet(text: str, zone: str) -> QuietHours | None:
    """`21:00-08:00`, or "" for none. Raises InputError for what is neither, and for an unknown time zone."""
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"unknown time zone {zone!r}; expected one as Asia/Shanghai", field="--zone"
        ) from None
    if not text:
        return None
    try:
        start, end = (time.fromisoformat(part.strip()) for part in text.split("-"))
    except ValueError:
        raise InputError(f"expected hours as 21:00-08:00, found {text!r}", field="--quiet") from None
    return QuietHours(start, end, where)


@dataclass(frozen=True, slots=True)
class Reach:
    """How often the service writes first.

    `open_at_once`: conversations with one contact that are not over. `begun`: new ones with it in `within`.
    """

    quiet: QuietHours | None = None
    open_at_once: int = 1
    begun: int = 2
    within: timedelta = timedelta(days=7)
    look_again: timedelta = timedelta(minutes=10)  # at a brief that had to wait
