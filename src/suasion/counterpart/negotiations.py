"""Negotiations that a learning agent is in the middle of: it says one reply in each and is answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from suasion.counterpart.briefs import draw_briefs
from suasion.counterpart.rollouts import Follower, prospects
from suasion.counterpart.simulate import MAX_REPLIES, Conversation, begin, managers, play_round
from suasion.language.acts import load_hearing
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack

UNANSWERED = 2  # messages after which one who never answered is left


@dataclass(frozen=True, slots=True)
class Talk:
    """A negotiation as far as it went: which one of the seed's it is, and what the agent said in it."""

    number: int
    said: tuple[str, ...] = ()


class Negotiations:
    """A fixed number of negotiations of the training split; where one ends, the next begins.

    `talks` is the whole of the state: what was said decides what was answered.
    """

    def __init__(self, pack: Pack, count: int, seed: int) -> None:
        self.pack, self.seed = pack, seed
        self._hearing = load_hearing(pack)
        self._make = managers(pack, self._hearing) if count else None  # a pack may have no counterpart
        self.talks: tuple[Talk, ...] = ()
        self._open: list[Conversation] = []
        self.restore([Talk(number) for number in range(count)])

    def contexts(self) -> list[Dialogue]:
        """What the agent has to answer now, one dialogue a negotiation."""
        return [conversation.dialogue for conversation in self._open]

    def prospects(
        self, replies: Sequence[Sequence[str]], follower: Follower, copies: int
    ) -> list[list[float]]:
        """What each of some replies to each negotiation is worth to it (`rollouts.prospects`)."""
        return [
            prospects(one, texts, follower, copies, self.pack, self._hearing)
            for one, texts in zip(self._open, replies, strict=True)
        ]

    def say(self, replies: Sequence[str]) -> None:
        """The agent's reply in each negotiation. Raises ValueError unless there is one for each."""
        if len(replies) != len(self.talks):
            raise ValueError(f"expected {len(self.talks)} replies, found {len(replies)}")
        following = max((talk.number for talk in self.talks), default=-1) + 1
        talks: list[Talk] = []
        for place, (talk, reply) in enumerate(zip(self.talks, replies, strict=True)):
            play_round(self._open[place], reply, self.pack, self._hearing)
            talk = Talk(talk.number, (*talk.said, reply))
            if is_over(self._open[place]) or len(talk.said) == MAX_REPLIES:
                talk, following = Talk(following), following + 1
                self._open[place] = self._begin(talk)
            talks.append(talk)
        self.talks = tuple(talks)

    def restore(self, talks: Sequence[Talk]) -> None:
        """Set back to what was said in each."""
        self.talks = tuple(talks)
        self._open = [self._begin(talk) for talk in talks]

    def _begin(self, talk: Talk) -> Conversation:
        assert self._make is not None
        brief = draw_briefs(self.pack, talk.number + 1, self.seed, "train")[talk.number]
        conversation = begin(brief, self.seed, talk.number, self.pack, self._make)
        for reply in talk.said:
            play_round(conversation, reply, self.pack, self._hearing)
        return conversation


def is_over(one: Conversation) -> bool:
    """Ended, or never answered so far: many never do, and little is learnt from them."""
    return one.ending is not None or (not one.state.responded and one.state.silences >= UNANSWERED)
