"""The service put together from an agent, a pack and a store."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from suasion.agents.guarded import GuardedAgent
from suasion.agents.intent import IntentAgent
from suasion.counterpart.simulate import Agent
from suasion.errors import InputError
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.rewards.score import Severity
from suasion.serving.access import Gate, RateLimit, has_keys
from suasion.serving.batching import Batcher
from suasion.serving.compose import Identity
from suasion.serving.context import Context
from suasion.serving.experiments import NAME
from suasion.serving.metrics import Metrics
from suasion.serving.results import Results
from suasion.serving.roster import Roster, Voice
from suasion.serving.service import Service
from suasion.serving.store import Store

LINGER = 0.01  # of a policy, whose replies take seconds
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Speaker:
    """An agent with its pack, and the run and arm under which its words are stored."""

    agent: Agent
    pack: Pack
    run: str
    arm: str
    linger: float = 0.0  # seconds for which a request waits for others to share its batch


@dataclass(frozen=True, slots=True)
class Limits:
    """`rate`: requests a second of one key, 0 for any; `batch`: dialogues written at once."""

    rate: float = 100.0
    batch: int = 64
    attempts: int = 3
    withhold: Severity = Severity.CRITICAL
    seed: int = 0


def load_speaker(name: str, pack_name: str) -> Speaker:
    """`intent`, the directory of a run, or `NAME=` before either. Raises InputError when it is neither."""
    arm, named, rest = name.partition("=")
    if named and re.fullmatch(NAME, arm):
        return replace(load_speaker(rest, pack_name), arm=arm)
    if name == "intent":
        pack = Pack.load(pack_name)
        return Speaker(IntentAgent(pack), pack, f"intent-{pack.version}", "intent")
    if name.startswith(("http://", "https://")):
        raise InputError("agents at an address are not served yet: give a run directory, or intent", name)
    from suasion.pipeline import load_agent

    agent, config = load_agent(Path(name))
    return Speaker(agent, Pack.load(config.pack), Path(name).resolve().name, "policy", LINGER)


def assemble(
    speaker: Speaker | Sequence[Speaker],
    store: Store,
    needs_keys: bool | None = None,
    limits: Limits = Limits(),
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    rules: RuleSet | None = None,
) -> Context:
    """Everything that the routes need. `needs_keys` None: where the store has any; `rules` None: the pack's.

    Of several speakers the first holds what no experiment draws. Raises InputError when the pack's rules
    can't be loaded, and for speakers of one name or of different packs.
    """
    speakers = [speaker] if isinstance(speaker, Speaker) else list(speaker)
    _check_speakers(speakers)
    metrics = Metrics()
    rules = rules or RuleSet.load(speakers[0].pack)
    roster = Roster(store, {one.arm: _voice(one, rules, limits, metrics) for one in speakers})
    service = Service(store, roster, clock, metrics.replied)
    keys = has_keys(store) if needs_keys is None else needs_keys
    results = Results(store, service.pack, rules)
    return Context(service, Gate(store), RateLimit(limits.rate), metrics, keys, results)


def _check_speakers(speakers: Sequence[Speaker]) -> None:
    arms = [one.arm for one in speakers]
    for arm in arms:
        if arms.count(arm) > 1:
            raise InputError(f"two agents are called {arm!r}: name them, `NAME=RUN`", field="--agent")
    if len({(one.pack.id, one.pack.version) for one in speakers}) > 1:
        raise InputError("the agents are of different packs: one service has one", field="--agent")


def _voice(speaker: Speaker, rules: RuleSet, limits: Limits, metrics: Metrics) -> Voice:
    guard = GuardedAgent(
        speaker.agent, speaker.pack, rules=rules, attempts=limits.attempts, withhold=limits.withhold
    )
    batcher = Batcher(
        guard.answer, limits.seed, limits.batch, linger=speaker.linger, on_batch=metrics.batched
    )
    return Voice(guard, batcher, Identity(speaker.run, speaker.arm, guard.version))


def check_exposure(host: str, store: Store) -> None:
    """Raises InputError for an address beyond loopback while the store has no keys."""
    if host not in LOOPBACK_ADDRESSES and not has_keys(store):
        raise InputError(
            "others than this machine may ask only with keys: make one with "
            "`suasion key create --scope agent --store ...`, or serve on 127.0.0.1",
            host,
            field="--host",
        )
