"""Whatever the order, the batches and the sources beside it, a reply has the same score."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.config import RemoteJudgeConfig, RewardsConfig
from suasion.data.rubric import Rubric, load_rubric
from suasion.data.synthesize import examples_of, synthesize
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.own import OwnReward
from suasion.rewards.remote_judge import RemoteJudge
from suasion.rewards.score import Evidence, Score, Source, Status, unread
from suasion.rewards.suite import Reading, RewardSuite, is_breach
from suasion.rewards.verdict import verdict

from .judge_server import JudgeServer, fair

HOTEL = Pack.load("hotel")
RUBRIC = load_rubric(HOTEL)
REPLIES = [one.dialogue for one in examples_of(synthesize(HOTEL, 4, 3, "test"), HOTEL)][:14]
WRONG = [
    "We guarantee you more bookings. My target is 380.",
    "Thank you for agreeing! We guarantee you more bookings, or else.",
    "I am not a bot. We guarantee it, we promise it.",
]
REPLIES += [REPLIES[place].with_reply(text) for place, text in enumerate(WRONG)]
ALONE = RewardSuite(HOTEL)
RULES = len(ALONE.rules.rules)


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
PARTS = {
    Source.MODEL: RewardSuite(HOTEL, None, Likes()),
    Source.JUDGE: RewardSuite(HOTEL, ByLength()),
    Source.RULES: ALONE,
}
points = st.floats(-300, 300)


def batches(order: Iterable[int], size: int) -> list[list[Dialogue]]:
    chosen = [REPLIES[place] for place in order]
    return [chosen[start : start + size] for start in range(0, len(chosen), size)]


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(len(REPLIES))), st.integers(1, len(REPLIES)))
def test_order_and_batches_change_no_reading(order: list[int], size: int) -> None:
    found: list[Reading] = []
    for batch in batches(order, size):
        found += SUITE.score(batch)
    assert found == [WHOLE[REPLIES[place].model_dump_json()] for place in order]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6))
def test_the_rules_read_what_they_read_alone(replies: list[Dialogue]) -> None:
    for one, other in zip(SUITE.score(replies), ALONE.score(replies), strict=True):
        assert one.scores[Source.RULES] == other.scores[Source.RULES]
        assert (one.stage, one.required_acts) == (other.stage, other.required_acts)


@settings(deadline=None, max_examples=25)
@given(st.permutations(list(Source)), st.lists(st.sampled_from(REPLIES), min_size=1, max_size=6))
def test_sources_asked_apart_in_any_order_say_the_same(order: list[Source], replies: list[Dialogue]) -> None:
    apart = {source: [one.scores[source] for one in PARTS[source].score(replies)] for source in order}
    for place, reading in enumerate(SUITE.score(replies)):
        scores = {source: found[place] for source, found in apart.items()}
        values = (scores[source].value for source in (Source.MODEL, Source.JUDGE, Source.RULES))
        assert reading.scores == scores
        assert (reading.e_enh, reading.r_total) == SUITE.combine(*values, is_breach(scores[Source.RULES]))


@settings(deadline=None)
@given(st.floats(-5, 5), points, points, st.sampled_from(["paper", "closed-hole", "sum"]), st.booleans())
def test_points_count_alike_from_whichever_source(
    r_model: float, one: float, other: float, operator: str, breach: bool
) -> None:
    suite = RewardSuite(
        HOTEL, ByLength(), Likes(), RewardsConfig.model_validate({"operator": operator, "n": 100})
    )
    assert suite.combine(r_model, one, other, breach) == suite.combine(r_model, other, one, breach)


@contextmanager
def reordered(order: Sequence[int]) -> Iterator[Pack]:
    """The hotel pack with its rules in another order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(copytree(HOTEL.path, Path(folder) / "pack")) / "rules.yaml"
        content = yaml.safe_load(path.read_text("utf-8"))
        content["rules"] = [content["rules"][place] for place in order]
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")
        yield Pack.load(path.parent)


def sorted_out(evidence: Iterable[Evidence]) -> list[Evidence]:
    return sorted(evidence, key=lambda one: (one.name, one.span or (), one.note))


@settings(deadline=None, max_examples=8)
@given(st.permutations(range(RULES)))
def test_the_order_of_the_rules_changes_no_score(order: list[int]) -> None:
    with reordered(order) as pack:
        found = RewardSuite(pack, ByLength(), Likes()).score(REPLIES)
    for one, other in zip(found, WHOLE.values(), strict=True):
        assert (one.e_func, one.e_enh, one.r_total) == (other.e_func, other.e_enh, other.r_total)
        assert one.breach == other.breach
        mine, its = one.scores[Source.RULES].evidence, other.scores[Source.RULES].evidence
        assert sorted_out(mine) == sorted_out(its)


def test_replies_that_break_several_rules_are_among_them() -> None:
    names = [{hit.name for hit in one.scores[Source.RULES].evidence} for one in WHOLE.values()]
    assert sum(len(one) > 1 for one in names) >= 3, "else the order of the rules is not tried"


def long(dialogue: Dialogue) -> Iterator[Evidence]:
    yield Evidence("long", -float(len(dialogue.reply or "")))


def asks(dialogue: Dialogue) -> Iterator[Evidence]:
    for place, sign in enumerate(dialogue.reply or ""):
        if sign == "?":
            yield Evidence("asks", 2.5, span=(place, place + 1), text=sign)


def fails_on_numbers(dialogue: Dialogue) -> Iterator[Evidence]:
    if any(sign.isdigit() for sign in dialogue.reply or ""):
        raise ValueError("a number")
    yield Evidence("words", 1.0)


OWN = [OwnReward(one.__name__, one, "1", False) for one in (long, asks, fails_on_numbers)]
OF_ONES_OWN = replace(ALONE.rules, own=tuple(OWN))


@settings(deadline=None)
@given(st.permutations(OWN), st.sampled_from(REPLIES))
def test_the_order_of_rewards_of_ones_own_changes_no_score(order: list[OwnReward], reply: Dialogue) -> None:
    one, other = replace(OF_ONES_OWN, own=tuple(order)).check(reply), OF_ONES_OWN.check(reply)
    assert (one.status, one.value) == (other.status, other.value), (
        "one that fails leaves no number in any order"
    )
    if one.status == Status.READ:
        assert sorted_out(one.evidence) == sorted_out(other.evidence)


@settings(deadline=None)
@given(st.permutations(range(len(RUBRIC.criteria))), st.data())
def test_the_order_of_the_criteria_changes_no_score(order: list[int], data: st.DataObject) -> None:
    said = data.draw(st.lists(st.none() | st.floats(0, 1), min_size=len(order), max_size=len(order)))
    other_rubric = Rubric(version=1, criteria=tuple(RUBRIC.criteria[place] for place in order))
    one, other = verdict([said[place] for place in order], other_rubric, "v"), verdict(said, RUBRIC, "v")
    assert one.status == other.status
    assert one.value == pytest.approx(other.value)
    assert sorted_out(one.evidence) == sorted_out(other.evidence)


@pytest.fixture(scope="module")
def server() -> Iterator[JudgeServer]:
    running = JudgeServer(fair)
    yield running
    running.stop()


def judged_at(server: JudgeServer, concurrency: int) -> RewardSuite:
    asked = RemoteJudgeConfig(concurrency=concurrency, cache="none")
    return RewardSuite(HOTEL, RemoteJudge(server.url, "m", RUBRIC, "key", asked), Likes())


@pytest.fixture(scope="module")
def one_by_one(server: JudgeServer) -> list[Reading]:
    suite = judged_at(server, 1)
    return [suite.score([reply])[0] for reply in REPLIES]


@settings(deadline=None, max_examples=8)
@given(st.permutations(range(len(REPLIES))), st.integers(4, len(REPLIES)), st.integers(1, 16))
def test_calls_and_batches_in_flight_at_once_change_no_reading(
    server: JudgeServer, one_by_one: list[Reading], order: list[int], size: int, concurrency: int
) -> None:
    suite = judged_at(server, concurrency)
    begun = [suite.begin(batch) for batch in batches(order, size)]
    found = [finish() for finish in reversed(begun)]
    together = [reading for batch in reversed(found) for reading in batch]
    assert together == [one_by_one[place] for place in order]
    assert all(one.e_judge is not None for one in together)


def test_an_unread_judge_leaves_no_total_and_no_zero() -> None:
    unread_ones = [one for one in WHOLE.values() if one.scores[Source.JUDGE].status == Status.TIMED_OUT]
    assert unread_ones
    assert all(one.e_judge is None and one.r_total is None and one.r_model is not None for one in unread_ones)
