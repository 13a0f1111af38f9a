"""RJ behind an OpenAI-compatible endpoint: a probability per criterion, from the cache or by a call."""

import asyncio
import hashlib
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from suasion.config import RemoteJudgeConfig, check_address
from suasion.data.rubric import Criterion, Rubric
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.policy.home import home
from suasion.rewards.endpoint import Call, Endpoint
from suasion.rewards.judge_cache import JudgeCache
from suasion.rewards.judge_prompt import SAMPLING, SYSTEM, key, material, questions_about
from suasion.rewards.judge_report import CriterionCost, JudgeReport
from suasion.rewards.score import Score, Status
from suasion.rewards.verdict import verdict

UNNAMED = "default"
BATCH = 32  # replies for which `budget_s` is meant
SHARE = 16  # connections of one client
APART_S = 0.0015  # between the first calls: as a crowd they would wait for each other ever after
_Call = Call[list[float]]


def connect(url: str, rubric: Rubric, settings: RemoteJudgeConfig) -> "RemoteJudge":
    """The judge at an address, its key and model from $SUASION_JUDGE_KEY and $SUASION_JUDGE_MODEL.

    Raises InputError for what is no address or may hold a secret, and for a cache that is none.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError("a judge is none, local, or an address that starts with http:// or https://")
    try:
        check_address(url)
    except ValueError as error:
        raise InputError(str(error)) from None
    model = os.environ.get("SUASION_JUDGE_MODEL", UNNAMED)
    key = os.environ.get("SUASION_JUDGE_KEY", "none")
    return RemoteJudge(url, model, rubric, key, settings, _cache(model, settings))


def _cache(model: str, settings: RemoteJudgeConfig) -> JudgeCache | None:
    if settings.cache == "none" or (settings.cache == "auto" and model == UNNAMED):
        return None
    path = home() / "judge.sqlite" if settings.cache == "auto" else Path(settings.cache)
    return JudgeCache(path, settings.cache_answers)


@dataclass(frozen=True, slots=True)
class _Question:
    """One criterion about one reply; what is the same for two replies is asked once."""

    key: bytes
    found: str
    criterion: Criterion


class RemoteJudge:
    """Reads a reply when all criteria were answered. A fault becomes a status, never a number.

    `report`: what the last batch cost.
    """

    def __init__(
        self,
        url: str,
        model: str,
        rubric: Rubric,
        key: str,
        settings: RemoteJudgeConfig | None = None,
        cache: JudgeCache | None = None,
    ) -> None:
        self.url, self.model, self.rubric, self.cache = url.rstrip("/"), model, rubric, cache
        self.settings = settings or RemoteJudgeConfig()
        self.endpoint = Endpoint(self.url, model, key, self.settings)
        self.report = JudgeReport()

    @property
    def version(self) -> str:
        parts = (self.url, self.model, SYSTEM, str(SAMPLING), self.settings.ask)
        asked = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        return f"{self.model}:{asked}:{self.rubric.version}"  # an address may be nobody's business

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        return self.begin(dialogues).result()

    def begin(self, dialogues: Sequence[Dialogue]) -> Future[list[Score]]:
        """Ask in a thread of its own; also where an event loop runs already."""
        pool = ThreadPoolExecutor(1, "judge")
        future = pool.submit(lambda: asyncio.run(self._score(dialogues)))
        pool.shutdown(wait=False)
        return future

    async def _score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        start = time.monotonic()
        rows = [self._questions(dialogue) for dialogue in dialogues]
        questions = {question.key: question for row in rows for question in row}
        known = self.cache.get(list(questions)) if self.cache else {}
        missing = [question for question in questions.values() if question.key not in known]
        calls = await self._ask_all(self._share_out(missing), -(-len(dialogues) // BATCH))
        told = {
            question.key: answer
            for asked, call in calls
            if call.status == Status.READ
            for question, answer in zip(asked, call.answer or (), strict=True)
        }
        if self.cache:
            self.cache.put(told)
        status = {question.key: call.status for asked, call in calls for question in asked}
        cached = [question.criterion.id for question in questions.values() if question.key in known]
        self.report = _report(cached, calls, start)
        known |= told
        return [self._verdict(row, known, status) for row in rows]

    def _questions(self, dialogue: Dialogue) -> list[_Question]:
        found = material(dialogue)
        return [
            _Question(key(self.url, self.model, self.settings.ask, found, criterion), found, criterion)
            for criterion in self.rubric.criteria
        ]

    def _share_out(self, questions: Sequence[_Question]) -> list[list[_Question]]:
        """The questions of each call."""
        if self.settings.ask == "criterion":
            return [[question] for question in questions]
        calls: dict[str, list[_Question]] = {}
        for question in questions:
            calls.setdefault(question.found, []).append(question)
        return list(calls.values())

    async def _ask_all(
        self, calls: Sequence[list[_Question]], batches: int
    ) -> list[tuple[list[_Question], _Call]]:
        """Every call's outcome, within the batches' time; what is not answered by then is timed out."""
        if not calls:
            return []
        made = [(asked, _Call()) for asked in calls]
        budget = self.settings.budget_s * batches
        deadline = time.monotonic() + budget
        left = iter(made)

        async def work(number: int) -> None:
            await asyncio.sleep(number * APART_S)
            for asked, call in left:  # shared: each takes the next one when it is done
                about = questions_about(asked[0].found, [one.criterion.question for one in asked])
                await self.endpoint.ask(clients[number % len(clients)], about, deadline, call)

        async with AsyncExitStack() as stack:
            # a client's pool looks at all of its connections before each call
            clients = [
                await stack.enter_async_context(self.endpoint.client())
                for _ in range(-(-min(len(made), self.settings.concurrency) // SHARE))
            ]
            count = min(len(made), self.settings.concurrency)
            workers = [asyncio.create_task(work(number)) for number in range(count)]
            done, late = await asyncio.wait(workers, timeout=budget)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for worker in done:
                worker.result()  # a mistake of ours is no fault of the endpoint
        return made

    def _verdict(
        self, row: Sequence[_Question], known: Mapping[bytes, float], status: Mapping[bytes, Status]
    ) -> Score:
        """Whole, or with the status of the first criterion that has no answer."""
        missing = [status[question.key] for question in row if question.key not in known]
        answers = [known.get(question.key) for question in row]
        return verdict(answers, self.rubric, self.version, missing=(missing or [Status.UNREAD])[0])


def _report(
    cached: Sequence[str], calls: Sequence[tuple[list[_Question], _Call]], start: float
) -> JudgeReport:
    """`cached`: the criterion of each answer that was known."""
    costs = {name: CriterionCost(cached=count) for name, count in Counter(cached).items()}
    for asked, call in calls:
        for question in asked:
            name, read = question.criterion.id, call.status == Status.READ
            costs[name] = costs.get(name, CriterionCost()).plus(
                CriterionCost(
                    answered=int(read),
                    unread=int(not read),
                    tokens_in=call.tokens_in / len(asked),
                    tokens_out=call.tokens_out / len(asked),
                    seconds=call.seconds,
                )
            )
    return JudgeReport(
        calls=sum(call.attempts for _, call in calls),
        retries=sum(max(0, call.attempts - 1) for _, call in calls),
        seconds=time.monotonic() - start,
        faults=Counter(call.fault for _, call in calls if call.fault),
        criteria=costs,
    )
