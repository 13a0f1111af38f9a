"""One sample at a time, from threads or coroutines: scored together, and as the suite scores them."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as some

from suasion.config import RewardsConfig
from suasion.errors import InputError
from suasion.integrations.scorer import FEWEST, Payment, Scorer, UnreadError, scorer_of
from suasion.integrations.settings import VARIABLE, RewardSettings, load_settings
from suasion.negotiation.dialogue import Dialogue, dump_dialogue
from suasion.negotiation.pack import Pack
from suasion.rewards.score import Score, Source, Status, unread
from suasion.rewards.suite import RewardSuite


class Lengthy:
    """R_model: words of the reply; notes which thread asked, and how many replies at once."""

    version = "long"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.sizes, self.threads = seconds, list[int](), set[str]()

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        self.sizes.append(len(dialogues))
        self.threads.add(threading.current_thread().name)
        time.sleep(self.seconds)
        return [float(len((dialogue.reply or "").split())) for dialogue in dialogues]


class Deaf:
    """A judge that has no reading of a reply that says goodbye."""

    version = "deaf"

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        return [
            unread(Source.JUDGE, Status.TIMED_OUT)
            if "oodbye" in (dialogue.reply or "")
            else Score(Source.JUDGE, Status.READ, 5.0)
            for dialogue in dialogues
        ]


class Broken:
    version = "broken"

    def score(self, dialogues: Sequence[Dialogue]) -> list[float]:
        raise RuntimeError("the model is gone")


def asked(scorer: Scorer, dialogues: Sequence[Dialogue]) -> list[Payment]:
    """All at the same time, by coroutines."""

    async def every() -> list[Payment]:
        futures = [
            scorer.submit(dump_dialogue(one), one.reply or "", "row", i) for i, one in enumerate(dialogues)
        ]
        return await asyncio.gather(*map(asyncio.wrap_future, futures))

    return asyncio.run(every())


def test_what_arrives_together_is_scored_together(hotel: Pack, dialogues: list[Dialogue]) -> None:
    model = Lengthy()
    suite = RewardSuite(hotel, None, model)
    together = asked(Scorer(suite, RewardSettings(window=0.2)), dialogues)
    assert model.sizes == [len(dialogues)]
    alone = [suite.score([dialogue])[0] for dialogue in dialogues]
    assert [one.reading for one in together] == alone
    assert [one.value for one in together] == [reading.r_total for reading in alone]


def test_a_batch_has_its_limit_and_none_is_lost(hotel: Pack, dialogues: list[Dialogue]) -> None:
    model = Lengthy()
    many = [dialogues[0].with_reply("word " * count) for count in range(1, 11)]
    paid = asked(Scorer(RewardSuite(hotel, None, model), RewardSettings(window=0.1, batch=4)), many)
    assert model.sizes == [4, 4, 2]
    assert [one.reading.r_model for one in paid] == [float(count) for count in range(1, 11)]


def test_the_event_loop_goes_on_while_the_suite_reads(hotel: Pack, dialogues: list[Dialogue]) -> None:
    scorer = Scorer(RewardSuite(hotel, None, Lengthy(seconds=0.5)), RewardSettings(window=0))

    async def beats() -> int:
        future = asyncio.wrap_future(scorer.submit(dump_dialogue(dialogues[0]), "Hello.", "row", 1))
        count = 0
        while not future.done():
            await asyncio.sleep(0.01)
            count += 1
        return count

    assert asyncio.run(beats()) > 10


def test_threads_share_batches_and_one_thread_reads(hotel: Pack, dialogues: list[Dialogue]) -> None:
    model = Lengthy(seconds=0.05)
    scorer = Scorer(RewardSuite(hotel, None, model), RewardSettings(window=0.05))
    many = [dialogues[0].with_reply("word " * count) for count in range(1, 31)]
    with ThreadPoolExecutor(15) as threads:
        paid = list(
            threads.map(lambda one: scorer.submit(dump_dialogue(one), one.reply, "row", 1).result(), many)
        )
    assert [one.reading.r_model for one in paid] == [float(count) for count in range(1, 31)]
    assert len(model.threads) == 1
    assert len(model.sizes) < 10


@tried(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=some.permutations(range(8)), batch=some.integers(1, 8))
def test_order_and_batch_change_no_number(
    hotel: Pack, dialogues: list[Dialogue], order: list[int], batch: int
) -> None:
    suite = RewardSuite(hotel, Deaf(), Lengthy(), RewardsConfig(missing="neutral"))
    pool = [*dialogues, *(one.with_reply(f"{one.reply} Indeed.") for one in dialogues)]
    paid = asked(Scorer(suite, RewardSettings(window=0.002, batch=batch)), [pool[place] for place in order])
    assert [one.reading for one in paid] == [suite.score([pool[place]])[0] for place in order]


def test_one_who_gives_up_costs_the_others_nothing(hotel: Pack, dialogues: list[Dialogue]) -> None:
    model = Lengthy()
    scorer = Scorer(RewardSuite(hotel, None, model), RewardSettings(window=0.2))
    futures = [scorer.submit(dump_dialogue(one), "Hello there.", "row", 1) for one in dialogues]
    assert futures[1].cancel()
    assert [future.result().reading.r_model for future in (futures[0], *futures[2:])] == [2.0] * 3
    assert model.sizes == [3]


def test_a_fault_of_the_suite_reaches_all_who_asked(hotel: Pack, dialogues: list[Dialogue]) -> None:
    scorer = Scorer(RewardSuite(hotel, None, Broken()), RewardSettings(window=0.05))
    futures = [scorer.submit(dump_dialogue(one), "Hello.", "row", 1) for one in dialogues]
    for future in futures:
        with pytest.raises(RuntimeError, match="the model is gone"):
            future.result(timeout=10)


@pytest.mark.parametrize("paid", ["r_total", "e_enh"])
def test_an_unread_reply_raises_or_is_paid_what_was_declared(
    hotel: Pack, dialogues: list[Dialogue], paid: str
) -> None:
    suite = RewardSuite(hotel, Deaf(), Lengthy(), RewardsConfig(missing="drop"))
    strict, lenient = (
        Scorer(suite, RewardSettings.model_validate({"paid": paid, "unread": declared}))
        for declared in (None, -0.5)
    )
    record = dump_dialogue(dialogues[0])
    with pytest.raises(UnreadError, match=rf"'d0' has no {paid} \(model read, judge timed_out, rules read\)"):
        strict.submit(record, "Goodbye.", "row", 1).result()
    payment = lenient.submit(record, "Goodbye.", "row", 1).result()
    assert (payment.value, payment.read, payment.reading.r_total) == (-0.5, False, None)
    assert lenient.submit(record, "Hello.", "row", 1).result().read


def test_too_many_unread_stop_the_run_whatever_was_declared(hotel: Pack, dialogues: list[Dialogue]) -> None:
    """Also where an unread judge is neutral: then the run would train on the reward model alone."""
    suite = RewardSuite(hotel, Deaf(), Lengthy(), RewardsConfig(missing="neutral", max_unread=0.4))
    scorer = Scorer(suite, RewardSettings(unread=0.0, window=0))
    record = dump_dialogue(dialogues[0])
    for place in range(FEWEST):
        said = "Hello." if place < FEWEST // 2 else "Goodbye."
        if place == FEWEST - 1:
            with pytest.raises(UnreadError, match="50% of the last 32 replies went unread, more than"):
                scorer.submit(record, said, "row", 1).result()
        else:
            scorer.submit(record, said, "row", 1).result()


def test_no_total_without_a_reward_model(hotel: Pack, dialogues: list[Dialogue]) -> None:
    with pytest.raises(InputError, match="no R_total without a reward model"):
        Scorer(RewardSuite(hotel), RewardSettings())
    payment = Scorer(RewardSuite(hotel), RewardSettings(paid="e_enh")).submit(
        dump_dialogue(dialogues[0]), "We guarantee you more bookings.", "row", 1
    )
    assert payment.result().value == payment.result().reading.e_enh
    assert payment.result().value < 0


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("{not json", r"labels:7: not valid JSON"),
        ('{"id": "x"}', r"labels:7: brief: required, but missing"),
        ("[]", r"labels:7: a record is a JSON object"),
    ],
)
def test_a_broken_record_is_one_error_with_its_row(hotel: Pack, record: str, told: str) -> None:
    scorer = Scorer(RewardSuite(hotel, None, Lengthy()), RewardSettings())
    with pytest.raises(InputError, match=told):
        scorer.submit(record, "Hello.", "labels", 7)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "can't be read"),
        ("{", "Invalid JSON"),
        ('{"packs": "hotel"}', "packs: unknown key"),
        ('{"unread": NaN}', "unread"),
        ('{"paid": "r_model"}', "paid"),
    ],
)
def test_settings_are_checked(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "reward.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told) as found:
        load_settings(path)
    assert found.value.file == str(path)


def test_the_environment_names_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(InputError, match="suasion export"):
        load_settings()
    path = tmp_path / "reward.json"
    path.write_text('{"window": 0.5}', encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(path))
    assert load_settings() == RewardSettings(window=0.5)


def test_a_run_is_loaded_once_and_read_as_suasion_score_reads_it(
    settings: Path,
    run_folder: Path,
    replies: list[Dialogue],
    score_lines: Callable[..., list[dict[str, object]]],
) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(scorer_of, [settings] * 4))
    assert len(found) == 1
    paid = asked(found.pop(), replies)
    expected = score_lines(replies, run_folder)
    assert len({line["r_total"] for line in expected}) > len(replies) // 2
    for line, payment in zip(expected, paid, strict=True):
        assert payment.value == pytest.approx(line["r_total"], abs=1e-6)
        assert payment.reading.suite_version == line["suite_version"]
