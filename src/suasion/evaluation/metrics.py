"""What is measured: judged replies, negotiations, and what can be read from them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from suasion.negotiation.dialogue import Dialogue
from suasion.rewards.score import Evidence, Severity

AGAIN = "#again-"  # in the id of a context that is answered more than once; what stands before is its own
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class JudgedReply:
    """One reply to a held-out context with every reading of it; None is a reading that failed."""

    dialogue: Dialogue  # the context, with `.reply`
    stage: str
    r_total: float | None
    r_model: float | None
    e_judge: float | None  # points
    e_func: float | None  # points
    evidence: tuple[Evidence, ...]  # the rules' hits, with spans into the reply
    criteria: tuple[Evidence, ...]  # the judge's
    tokens: int
    truncated: bool
    fluency: float | None  # nats: mean log-probability per token under the untouched base model
    required_acts: bool  # the reply contains what its SOP stage requires

    @property
    def text(self) -> str:
        return self.dialogue.reply or ""

    @property
    def violations(self) -> int | None:
        """Rules broken; None where the rules gave no reading."""
        return None if self.e_func is None else sum(hit.points < 0 for hit in self.evidence)

    @property
    def critical(self) -> int | None:
        if self.e_func is None:
            return None
        return sum(hit.points < 0 and hit.severity == Severity.CRITICAL for hit in self.evidence)


@dataclass(frozen=True, slots=True)
class Arm:
    """One agent under test. The i-th replies of all arms answer the same context, the i-th negotiations
    share brief and seed; an arm may have fewer, the first ones.
    """

    name: str  # "base", "sft" or "repo"
    replies: tuple[JudgedReply, ...]
    negotiations: tuple[Dialogue, ...]  # with outcome
    negotiation_violations: tuple[int, ...]  # rules broken by the agent, per negotiation
    negotiation_replies: tuple[int, ...]  # replies that the agent wrote, per negotiation

    def __post_init__(self) -> None:
        sizes = {len(self.negotiations), len(self.negotiation_violations), len(self.negotiation_replies)}
        if len(sizes) > 1:
            raise ValueError(
                f"arm {self.name}: {len(self.negotiations)} negotiations, but "
                f"{len(self.negotiation_violations)} counts of violations and "
                f"{len(self.negotiation_replies)} of replies"
            )


@dataclass(frozen=True, slots=True)
class TicketResult:
    """What became of one price to bring down, or of the consent where there is none."""

    success: bool
    responded: bool
    reduction: float | None  # share of the selling price; 0 where nothing was agreed; None without a price
    negotiation: int


def asked_again(contexts: Sequence[Dialogue], times: int) -> list[Dialogue]:
    """Every context `times`, one round after another, under ids of their own."""
    rounds = (contexts if not k else [_renamed(one, k) for one in contexts] for k in range(times))
    return [one for round_ in rounds for one in round_]


def _renamed(context: Dialogue, number: int) -> Dialogue:
    return context.model_copy(update={"id": f"{context.id}{AGAIN}{number}"})


def count_contexts(replies: Sequence[JudgedReply]) -> int:
    """How many contexts they answer, however often each."""
    return len({reply.dialogue.id.partition(AGAIN)[0] for reply in replies})


def briefs_of(replies: Sequence[JudgedReply]) -> list[str]:
    """What replies are clustered by: contexts of one brief and dialogue are no independent evidence.

    The dialogue is what stands before the # of an id: imported ones may all have the same brief.
    """
    return [r.dialogue.brief.model_dump_json() + r.dialogue.id.partition("#")[0] for r in replies]


def ticket_results(negotiations: Sequence[Dialogue]) -> list[TicketResult]:
    """Every ticket of every negotiation that has an outcome; without tickets, its consent."""
    results = []
    for index, dialogue in enumerate(negotiations):
        outcome = dialogue.outcome
        if outcome is None:
            continue
        if not dialogue.brief.tickets:
            won = [TicketResult(s, outcome.responded, None, index) for s in outcome.successes.values()]
            results.extend(won)
        for ticket in dialogue.brief.tickets:
            agreed = outcome.tickets.get(ticket.id)
            reduction = 0.0 if agreed is None else 1 - agreed / ticket.selling_price
            success = outcome.successes.get(ticket.id, False)
            results.append(TicketResult(success, outcome.responded, reduction, index))
    return results


def bigrams(text: str) -> tuple[tuple[str, str], ...]:
    words = _WORD.findall(text.lower())
    return tuple(pairwise(words))


def distinct_share(replies: Sequence[tuple[tuple[str, str], ...]]) -> float:
    """distinct-2: different word pairs among all word pairs of all replies; 0 where there is none."""
    pairs = [pair for reply in replies for pair in reply]
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def unique_share(texts: Sequence[str]) -> float:
    """Different replies among all replies, spaces and case apart."""
    return len({" ".join(text.lower().split()) for text in texts}) / len(texts) if texts else 0.0


def response_of(dialogue: Dialogue) -> bool | None:
    return dialogue.outcome.responded if dialogue.outcome else None
