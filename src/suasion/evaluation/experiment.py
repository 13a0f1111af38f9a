"""A simulated A/B test: hotels drawn into arms, negotiations held by both agents, and A/A tests beside it."""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from suasion.agents.guarded import GuardedAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.coefficients import load_ears
from suasion.counterpart.hidden_type import draw_type
from suasion.counterpart.manager import Manager
from suasion.counterpart.simulate import Agent, simulate
from suasion.evaluation.ab import MEASURES, Measure, compare, two_proportions
from suasion.evaluation.ab_log import Conversation
from suasion.evaluation.guarded_talks import hold_guarded
from suasion.evaluation.metrics import ticket_results
from suasion.evaluation.statistics import Interval, Rates, exact_interval, rate_difference
from suasion.evaluation.violations import violations
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet

CONTROL, TREATMENT = "control", "treatment"
LOOKED_AT = ("response", "success")
LOOKS = 20  # points of time at which the running result is told
AA_LOOKS = 10
LEVEL = 0.05
KINDS = ("clustered", "two_proportions", "always", "peeking")


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is written to, in order of time: brief and hotel of each conversation."""

    briefs: tuple[Brief, ...]
    hotels: tuple[str, ...]
    seed: int


def plan(pack: Pack, conversations: int, hotels: int, seed: int) -> Plan:
    """Conversations with about `hotels` hotels that no training has seen.

    A hotel is its brief's first two details with a number, since there are fewer names than hotels.
    """
    briefs = tuple(draw_briefs(pack, conversations, seed, "test"))
    places = [", ".join(list(map(str, brief.details.values()))[:2]) for brief in briefs]
    branches = math.ceil(hotels / len(set(places)))
    rng = random.Random(f"{seed}:branch")
    return Plan(briefs, tuple(f"{place} {rng.randrange(branches) + 1}" for place in places), seed)


def draw_arms(hotels: Sequence[str], seed: str) -> dict[str, str]:
    """Each hotel's arm: by a fair coin of its own, so that another hotel more changes nobody else's."""
    return {
        hotel: TREATMENT if random.Random(f"{seed}:{hotel}").random() < 0.5 else CONTROL
        for hotel in dict.fromkeys(hotels)
    }


def hold(
    agent: Agent | GuardedAgent, arm: str, which: Sequence[int], planned: Plan, pack: Pack, rules: RuleSet
) -> tuple[list[Conversation], list[str]]:
    """Let the agent hold the conversations of these numbers. Their lines of the log, and what failed.

    A hotel has its type for all its conversations; the luck of each is its own, and the agent's dice in it.
    A guarded agent's lines say what the guard did.
    """

    def counterpart(brief: Brief, place: str) -> Manager:
        return manager_of(planned, int(place.rpartition(":")[2]), pack)

    briefs = [planned.briefs[number] for number in which]
    if isinstance(agent, GuardedAgent):
        held = hold_guarded(agent, briefs, planned.seed, which, counterpart)
        talks, noted = [talk for talk, _ in held], [asdict(guarding) for _, guarding in held]
    else:
        talks = simulate(agent, briefs, planned.seed, pack=pack, counterpart=counterpart, numbers=which)
        noted = [{} for _ in talks]
    lines = [
        line_of(talk, planned.hotels[number], arm, *violations(talk, rules)).model_copy(update=guarding)
        for number, talk, guarding in zip(which, talks, noted, strict=True)
    ]
    return lines, [one.outcome.ending for one in talks if one.outcome is not None and one.outcome.failed]


def manager_of(planned: Plan, number: int, pack: Pack) -> Manager:
    """The other side of conversation `number`: its hotel's type, and a luck of its own."""
    ears, brief = load_ears(pack), planned.briefs[number]
    temper = random.Random(f"{planned.seed}:type:{planned.hotels[number]}")
    kind = draw_type(brief.tickets, ears.coefficients, temper)
    return Manager(kind, brief, ears, load_hearing(pack), f"{planned.seed}:{number}")


def line_of(
    talk: Dialogue, hotel: str, arm: str, broken: int, replies: int, **more: str | None
) -> Conversation:
    """A dialogue with its outcome as a line of the log. broken: rules, in the agent's `replies`.

    `more` columns stand beside the fields of the brief; one that is None is left out.
    """
    outcome = talk.outcome
    assert outcome is not None  # whoever held it says how it ended
    results = ticket_results([talk])
    reductions = [one.reduction for one in results if one.reduction is not None]
    more = {**talk.brief.details, "ending": outcome.ending, **more}
    if talk.brief.tickets:
        more["currency"] = talk.brief.tickets[0].currency
    return Conversation(
        hotel=hotel,
        arm=arm,
        responded=outcome.responded,
        success=outcome.success,
        tickets=len(results),
        tickets_won=sum(one.success for one in results),
        reduction=round(statistics.mean(reductions), 6) if reductions else None,
        replies=replies,
        violations=broken,
        **{
            name: value
            for name, value in more.items()
            if value is not None and name not in Conversation.model_fields
        },
    )


def run(
    treatment: Agent | GuardedAgent,
    control: Agent | GuardedAgent,
    planned: Plan,
    pack: Pack,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[list[Conversation], list[str]]:
    """Hold all conversations, each by the agent of its hotel's arm; the log in order of time, what failed."""
    arms, rules = draw_arms(planned.hotels, f"{planned.seed}:arms"), RuleSet.load(pack)
    log: dict[int, Conversation] = {}
    failed: list[str] = []
    for arm, agent in ((CONTROL, control), (TREATMENT, treatment)):
        which = [number for number, hotel in enumerate(planned.hotels) if arms[hotel] == arm]
        tell(f"{arm}: {len(which)} conversations")
        lines, faults = hold(agent, arm, which, planned, pack, rules)
        log |= dict(zip(which, lines, strict=True))
        failed += faults
    return [log[number] for number in sorted(log)], failed


def looks(
    log: Sequence[Conversation], count: int = LOOKS, control: str = CONTROL, treated: str = TREATMENT
) -> list[dict[str, Any]]:
    """The running result at `count` points of time, for response and success: fixed and always-valid.

    A look at which one of the two arms has no conversation yet tells its size only.
    """
    found = []
    for size in _sizes(len(log), count):
        row: dict[str, Any] = {"conversations": size}
        for name, one in compare(log[:size], control, treated, LOOKED_AT).items():
            row[name] = _ends(one.difference.interval) | {"always": _ends(one.difference.always)}
        found.append(row)
    return found


def _ends(one: Interval) -> dict[str, float | None]:
    return {"estimate": one.estimate, "low": one.low, "high": one.high}


def _sizes(total: int, count: int) -> list[int]:
    sizes = sorted({round(total * step / count) for step in range(1, count + 1)} - {0})
    return [size for before, size in pairwise([0, *sizes]) if size > before]


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Shares of A/A tests that find what is not there, with exact intervals; all about 0.05 is right.

    clustered: by the test that `compare` reports; two_proportions: by the plain z-test; always: the
    always-valid interval leaves 0 at any of AA_LOOKS looks, peeking: the fixed one does.
    """

    clustered: Interval
    two_proportions: Interval | None
    always: Interval
    peeking: Interval


def false_alarms(log: Sequence[Conversation], tests: int, seed: int) -> dict[str, FalseAlarms]:
    """Draw the hotels of one agent's conversations into two arms, `tests` times, and compare the arms."""
    sizes = _sizes(len(log), AA_LOOKS)
    sums = {name: [_by_hotel(log[:size], one) for size in sizes] for name, one in MEASURES.items()}
    hits = {name: dict.fromkeys(KINDS, 0) for name, looked in sums.items() if looked[-1]}
    for number in range(tests):
        arms = draw_arms([one.hotel for one in log], f"{seed}:aa:{number}")
        for name, row in hits.items():
            seen = [found for part in sums[name] if (found := _drawn(part, arms)) is not None]
            if not seen:
                continue
            differences = [rate_difference(*found) for found in seen]
            row["clustered"] += _below(differences[-1].p_value)
            row["two_proportions"] += MEASURES[name].binary and _below(two_proportions(*seen[-1]))
            row["always"] += any(_leaves(one.always) for one in differences)
            row["peeking"] += any(_leaves(one.interval) for one in differences)
    return {
        name: FalseAlarms(
            exact_interval(row["clustered"], tests),
            exact_interval(row["two_proportions"], tests) if MEASURES[name].binary else None,
            exact_interval(row["always"], tests),
            exact_interval(row["peeking"], tests),
        )
        for name, row in hits.items()
    }


def _by_hotel(log: Sequence[Conversation], measure: Measure) -> dict[str, tuple[float, float]]:
    """Counts and exposures of each hotel: all that a clustered rate needs, and much shorter than the log."""
    sums: dict[str, tuple[float, float]] = {}
    for one in log:
        cell = measure.of(one)
        if cell is not None:
            count, exposure = sums.get(one.hotel, (0.0, 0.0))
            sums[one.hotel] = count + cell[0], exposure + cell[1]
    return sums


def _drawn(sums: dict[str, tuple[float, float]], arms: dict[str, str]) -> tuple[Rates, Rates] | None:
    """Both arms' rates; None where one has nothing to count."""
    made = []
    for arm in (CONTROL, TREATMENT):
        mine = [(hotel, *cell) for hotel, cell in sums.items() if arms[hotel] == arm]
        if not sum(exposure for _, _, exposure in mine):
            return None
        made.append(Rates([c for _, c, _ in mine], [e for _, _, e in mine], [h for h, _, _ in mine]))
    return made[0], made[1]


def _below(p_value: float | None) -> bool:
    return p_value is not None and p_value < LEVEL


def _leaves(one: Interval) -> bool:
    return one.low is not None and one.high is not None and not one.low <= 0 <= one.high
