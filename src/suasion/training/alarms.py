"""Signs that training goes wrong, read off the records of its steps."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from suasion.config import AlarmsConfig

Records = Sequence[dict[str, Any]]
WINDOW = 4  # steps that are averaged: one step's replies alone say little


def alarms(records: Records, config: AlarmsConfig) -> dict[str, str]:
    """What is wrong after the last of the records, by alarm: a sentence with its figures each."""
    if config.action == "off" or len(records) < 2 * WINDOW:
        return {}
    found = {name: look(records, config) for name, look in ALARMS.items()}
    return {name: text for name, text in found.items() if text}


def told(records: Records) -> list[str]:
    """Every alarm of a run once, as it first rang."""
    first: dict[str, str] = {}
    for number, record in enumerate(records, start=1):
        for name, text in record.get("alarms", {}).items():
            first.setdefault(name, f"after step {number}: {name}: {text}")
    return list(first.values())


def _mean(records: Records, key: str) -> float | None:
    """Mean of the steps that have the number."""
    values = [record[key] for record in records if record.get(key) is not None]
    return statistics.mean(values) if values else None


def _then_and_now(records: Records, key: str) -> tuple[float, float] | None:
    """The first steps in which the policy learns, and the last ones."""
    learned = [record for record in records if record.get("policy_loss") is not None]
    if len(learned) < 2 * WINDOW:
        return None
    then, now = _mean(learned[:WINDOW], key), _mean(learned[-WINDOW:], key)
    return None if then is None or now is None else (then, now)


def _parted(records: Records, config: AlarmsConfig) -> str | None:
    """The reward in training rises while a check on held-out contexts falls: it is being hacked."""
    checked = [index for index, record in enumerate(records) if record.get("validation") is not None]
    if len(checked) < 2 or checked[-1] != len(records) - 1:
        return None
    best, last = max(checked, key=lambda index: records[index]["validation"]), checked[-1]
    before, now = (records[max(0, index + 1 - WINDOW) : index + 1] for index in (best, last))
    paid = [_mean(part, "r_total") for part in (before, now)]
    fell = records[best]["validation"] - records[last]["validation"]
    if fell <= config.parted or paid[0] is None or paid[1] is None or paid[1] <= paid[0]:
        return None
    return f"R_total rose from {paid[0]:.2f} to {paid[1]:.2f} while the held-out check fell by {fell:.2f}"


def _dominated(records: Records, config: AlarmsConfig) -> str | None:
    """One of RM, RJ and RF decides alone which reply is better."""
    for source in ("model", "judge", "rules"):
        share = _mean(records[-WINDOW:], f"spread_{source}")
        if share is not None and share > config.component:
            return f"{share:.0%} of what tells replies apart comes from {source} alone"
    return None


def _drifted(records: Records, config: AlarmsConfig) -> str | None:
    """Replies grow or shrink."""
    found = _then_and_now(records, "reply_tokens")
    if found is None or abs(found[1] / max(found[0], 1e-9) - 1) <= config.length:
        return None
    return f"replies had {found[0]:.1f} tokens and have {found[1]:.1f}"


def _collapsed(records: Records, config: AlarmsConfig) -> str | None:
    """The policy becomes sure of everything: it will say one thing."""
    found = _then_and_now(records, "entropy")
    if found is None or found[1] >= config.entropy * found[0]:
        return None
    return f"entropy a token was {found[0]:.2f} and is {found[1]:.2f} nats"


def _ran_away(records: Records, config: AlarmsConfig) -> str | None:
    """The policy leaves the model that it started from, past where the rewards are known to be right."""
    kl = _mean(records[-WINDOW:], "kl")
    if kl is None or kl <= config.kl:
        return None
    return f"KL to SFT is {kl:.1f} nats a reply"


ALARMS: dict[str, Callable[[Records, AlarmsConfig], str | None]] = {
    "held-out-falls": _parted,
    "one-component": _dominated,
    "length-drift": _drifted,
    "entropy-collapse": _collapsed,
    "kl-runaway": _ran_away,
}
