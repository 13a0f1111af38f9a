"""Negotiations as a service holds them, each reply held to the rules before it leaves; what the guard did."""

from collections.abc import Sequence
from dataclasses import dataclass

from suasion.agents.guarded import GuardedAgent, GuardedReply, Source
from suasion.counterpart.simulate import (
    MAX_REPLIES,
    Agent,
    Conversation,
    MakeCounterpart,
    begin,
    finish,
    play_round,
)
from suasion.language.acts import load_hearing
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack


@dataclass(slots=True)
class Guarding:
    """What the guard did in one negotiation.

    withheld: replies that followed a withheld draft; fallbacks: those of them that the fallback wrote;
    failures: drafts that the agent failed to give.
    """

    withheld: int = 0
    fallbacks: int = 0
    failures: int = 0


def under_guard(agent: Agent, pack: Pack, held: bool = True) -> Agent | GuardedAgent:
    """The agent as it is, or held to the pack's rules as a service holds it."""
    return GuardedAgent(agent, pack) if held else agent


def hold_guarded(
    guard: GuardedAgent, briefs: Sequence[Brief], seed: int, numbers: Sequence[int], make: MakeCounterpart
) -> list[tuple[Dialogue, Guarding]]:
    """As `simulate`, with the same dice for a first draft; but what the guard ends is over.

    Its ending may be "handed_over", to a person: that is no failure, and nothing is won by it.
    """
    hearing = load_hearing(guard.pack)
    named = zip(briefs, numbers, strict=True)
    talks = [(begin(brief, seed, number, guard.pack, make), Guarding()) for brief, number in named]
    for number in range(MAX_REPLIES):
        still_open = [talk for talk in talks if talk[0].ending is None]
        if not still_open:
            break
        dialogues, states = [one.dialogue for one, _ in still_open], [one.state for one, _ in still_open]
        answers = guard.answer(dialogues, seed * 1_000 + number, states)
        for (one, noted), answer in zip(still_open, answers, strict=True):
            _note(noted, answer)
            if answer.text is not None:
                play_round(one, answer.text, guard.pack, hearing)
            _end(one, answer)
    return [(finish(one, hearing), noted) for one, noted in talks]


def _note(noted: Guarding, answer: GuardedReply) -> None:
    noted.withheld += bool(answer.events) and answer.text is not None
    noted.fallbacks += answer.source == Source.FALLBACK
    noted.failures += sum(event.text is None and event.source == Source.AGENT for event in answer.events)


def _end(one: Conversation, answer: GuardedReply) -> None:
    """A service sends nothing more after its ending, whatever the other side still answers."""
    if one.ending is None and answer.ending is not None:
        one.ending = str(answer.ending)
