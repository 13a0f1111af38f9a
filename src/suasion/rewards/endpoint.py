"""One call of an OpenAI-compatible endpoint: attempts, waits, and what came of it."""

import asyncio
import math
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Generic, TypeVar

from openai import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
)
from pydantic import BaseModel, Field

from suasion.config import EndpointConfig
from suasion.rewards.limits import Limits
from suasion.rewards.score import Status

AGAIN, SERVER_ERROR = frozenset({408, 409, 425, 429}), 500  # codes after which it may work again
CUT, FILTERED = "length", "content_filter"  # reasons to stop by which an answer is not whole
REFUSED = frozenset({400, 415, 422, 501})  # what a server may say to a response format that it does not know
OUT_OF_TIME = "the batch's time is over"
LONGEST_WAIT = 8.0
BYTES_PER_TOKEN = 3  # an estimate before the call; corrected by what the endpoint counts
Message = Mapping[str, str]
T = TypeVar("T")


class MalformedError(ValueError):
    """The endpoint's words are no answer to what was asked."""


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    """As much of a chat completion as is read here; the client itself does not validate what it gets."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What is sent, and how the words that come back are read.

    read: takes the words and whether they are whole; it raises ValueError for what is no answer.
    body: further parts of the request. extras: those that a server may not know, then it is asked without.
    """

    messages: Sequence[Message]
    read: Callable[[str, bool], T]
    body: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Call(Generic[T]):
    """What one call gave and cost. `answer` only where `status` is READ; `fault` says why it is not.

    seconds: spent on attempts, without the waits between them.
    """

    status: Status = Status.TIMED_OUT
    answer: T | None = None
    fault: str = OUT_OF_TIME
    attempts: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: it takes longer than a call."""
    return ssl.create_default_context()


class Endpoint:
    """An address with model, key and limits. Whether it takes a question's extras is found out once."""

    def __init__(self, url: str, model: str, key: str, settings: EndpointConfig) -> None:
        self.url, self.model, self.settings = url, model, settings
        self._key = key
        self.limits = Limits(settings.requests_per_minute, settings.tokens_per_minute)
        self.takes_extras = True

    def client(self) -> AsyncOpenAI:
        """For some calls of one event loop."""
        return AsyncOpenAI(
            base_url=self.url,
            api_key=self._key,
            max_retries=0,
            timeout=self.settings.timeout_s,
            http_client=DefaultAsyncHttpxClient(verify=_certificates()),
        )

    async def ask(self, client: AsyncOpenAI, question: Question[T], deadline: float, call: Call[T]) -> None:
        """Ask until there is an answer, or no attempt or time is left; what comes of it is noted in `call`.

        deadline: on the monotonic clock. Raises nothing for what an endpoint does.
        """
        try:
            await self._ask(client, question, deadline, call)
        except asyncio.CancelledError:
            call.status, call.fault = Status.TIMED_OUT, OUT_OF_TIME
            raise

    async def _ask(self, client: AsyncOpenAI, question: Question[T], deadline: float, call: Call[T]) -> None:
        extras, tried = self.takes_extras and bool(question.extras), 0
        while True:
            try:
                call.answer = await self._attempt(client, question, extras, call)
            except Exception as error:  # noqa: BLE001 - a call that failed, however, is recorded as data
                fault = _fault(error)
                call.status, call.fault = fault.status, fault.words
                if extras and fault.code in REFUSED:
                    extras = False
                    continue
                wait = self._backoff(tried) if fault.wait is None else fault.wait
                if not fault.again or tried == self.settings.retries or time.monotonic() + wait >= deadline:
                    return
                tried += 1
                await asyncio.sleep(wait)
            else:
                call.status, call.fault = Status.READ, ""
                self.takes_extras = self.takes_extras and (extras or not question.extras)
                return

    async def _attempt(self, client: AsyncOpenAI, question: Question[T], extras: bool, call: Call[T]) -> T:
        """Raises TimeoutError, ValueError for what is no answer, and whatever the client does."""
        settings, asked = self.settings, question.messages
        body: dict[str, Any] = {"model": self.model, "messages": asked, "max_tokens": settings.max_tokens}
        body |= {**question.body, **(question.extras if extras else {})}
        about = sum(len(one["content"].encode()) for one in asked) / BYTES_PER_TOKEN + settings.max_tokens
        await self.limits.admit(about)
        call.attempts += 1
        started = time.monotonic()
        try:
            async with asyncio.timeout(settings.timeout_s):  # the client's own is of each read alone
                content = await client.post("/chat/completions", cast_to=object, body=body)
        finally:
            call.seconds += time.monotonic() - started
        found = _Completion.model_validate(content)
        if found.usage:
            call.tokens_in += found.usage.prompt_tokens
            call.tokens_out += found.usage.completion_tokens
            self.limits.tokens.correct(found.usage.prompt_tokens + found.usage.completion_tokens - about)
        choice = found.choices[0]
        if choice.finish_reason == FILTERED:
            raise MalformedError(f"stopped by {FILTERED}")
        return question.read(choice.message.content or "", choice.finish_reason != CUT)

    def _backoff(self, tried: int) -> float:
        """Seconds before the next attempt: doubled each time, and never the same for all callers."""
        return min(LONGEST_WAIT, self.settings.backoff_s * 2.0**tried) * random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class _Fault:
    """again: whether another attempt may help, after `wait` seconds where the endpoint says so."""

    status: Status
    words: str
    again: bool = False
    code: int | None = None
    wait: float | None = None


def _fault(error: Exception) -> _Fault:
    if isinstance(error, APIStatusError):
        code = error.status_code
        again = code in AGAIN or code >= SERVER_ERROR
        return _Fault(Status.FAILED, f"HTTP {code}", again, code, _retry_after(error))
    if isinstance(error, APITimeoutError | TimeoutError):
        return _Fault(Status.TIMED_OUT, "time-out", again=True)
    if isinstance(error, APIConnectionError):
        return _Fault(Status.FAILED, "no connection, or a cut one", again=True)
    if not isinstance(error, ValueError | APIResponseValidationError | RecursionError):
        return _Fault(Status.FAILED, type(error).__name__)  # an address that is none, say
    what = str(error) if isinstance(error, MalformedError) else type(error).__name__
    return _Fault(Status.MALFORMED, f"malformed ({what})", again=True, wait=0.0)


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds, from a number or a date; None where there is neither."""
    value = error.response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
