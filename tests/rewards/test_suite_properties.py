"""Whatever the order, the batches and the sources beside it, a reply has the same score."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.data.rubric import load_rubric
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Score, Source, Status, unread
from suasion.rewards.suite import Reading, RewardSuite
from suasion.rewards.verdict import verdict

HOTEL = Pack.load("hotel")
RUBRIC = load_rubric(HOTEL)
REPLIES = [one.dialogue for one in examples_of(synthesize(HOTEL, 4, 3, "test"), HOTEL)][:14]
ALONE = RewardSuite(HOTEL)


class ByLength:
    """A judge and a reward model of the reply's words alone; the judge can't read one in five."""

    version = "length"

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        return [self._read(len(one.reply or "")) for one in dialogues]

    def _read(self, length: int) -> Score:
        if length % 5 == 0:
            return unread(Source.JUDGE, Status.TIMED_OUT)
        return verdict([(length * row) % 7 / 7 for row in range(len(RUBRIC.criteria))], RUBRIC, self.version)


class Likes:
    version = "likes"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        return [len(one.reply or "") % 9 - 4.0 for one in dialogues]


SUITE = RewardSuite(HOTEL, ByLength(), Likes())
WHOLE = dict(zip((one.model_dump_json() for one in REPLIES), SUITE.score(REPLIES), strict=True))


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(len(REPLIES))), st.integers(1, len(REPLIES)))
def test_order_and_batches_change_no_reading(order: list[int], size: int) -> None:
    chosen = [REPLIES[place] for place in order]
    found: list[Reading] = []
    for start in range(0, len(chosen), size):
        found += SUITE.score(chosen[start : start + size])
    assert found == [WHOLE[one.model_dump_json()] for one in chosen]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6))
def test_the_rules_read_what_they_read_alone(replies: list[Dialogue]) -> None:
    for one, other in zip(SUITE.score(replies), ALONE.score(replies), strict=True):
        assert one.scores[Source.RULES] == other.scores[Source.RULES]
        assert (one.stage, one.required_acts) == (other.stage, other.required_acts)


def test_an_unread_judge_leaves_no_total_and_no_zero() -> None:
    unread_ones = [one for one in WHOLE.values() if one.scores[Source.JUDGE].status == Status.TIMED_OUT]
    assert unread_ones
    assert all(one.e_judge is None and one.r_total is None and one.r_model is not None for one in unread_ones)
