"""What a reply is worth to the rest of its negotiation: a scripted agent goes on from it, many times.

One-step policy improvement by rollouts (Tesauro and Galperin 1996): the replies to one state differ by what
the same agent makes of what they leave.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from suasion.counterpart.manager import Manager
from suasion.counterpart.simulate import MAX_REPLIES, Conversation, finish, play_round
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import Hearing, State

DISCOUNT = 0.85  # of what is won, for each further reply that it takes: every one can spoil it


class Follower(Protocol):
    """An agent that is told where the procedure stands, and need not read it from the dialogue."""

    def go_on(self, state: State, dialogue: Dialogue, seed: int) -> Turn: ...


def prospects(
    one: Conversation, replies: Sequence[str], follower: Follower, copies: int, pack: Pack, hearing: Hearing
) -> list[float]:
    """Share of the tickets that are won after each of the replies, discounted, 0 to 1; `one` stays as it is.

    The mean of `copies` ends, in each of which the counterpart, of the same type and mind, draws anew what is
    left to chance: alike for all replies, so that their difference varies less. Whether it answers at all is
    drawn only where nothing was said to it yet.
    """
    return [
        statistics.mean(_won(one, reply, follower, copy, pack, hearing) for copy in range(copies))
        for reply in replies
    ]


def _won(one: Conversation, reply: str, follower: Follower, copy: int, pack: Pack, hearing: Hearing) -> float:
    if not isinstance(one.counterpart, Manager):
        raise TypeError(f"only a Manager's mind can be set back, this is a {type(one.counterpart).__name__}")
    here = len(one.dialogue.turns)
    seed = f"{one.dialogue.id}:{here}:{copy}"
    fork = replace(one, counterpart=one.counterpart.fork(seed), agreed_at=dict(one.agreed_at))
    play_round(fork, reply, pack, hearing)
    further = 0
    while fork.ending is None and further < MAX_REPLIES:
        following = follower.go_on(fork.state, fork.dialogue, copy * MAX_REPLIES + further)
        play_round(fork, following, pack, hearing)
        further += 1
    outcome = finish(fork, hearing).outcome
    assert outcome is not None
    return statistics.mean(map(float, outcome.successes.values())) * DISCOUNT**further
