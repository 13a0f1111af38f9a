"""A language model behind an OpenAI-compatible endpoint that words what a simulated counterpart says."""

import asyncio
import os
import time
from collections.abc import Sequence

from suasion.config import VoiceConfig, check_address
from suasion.counterpart.voice import Completion, Message, Voice
from suasion.errors import InputError
from suasion.language.acts import load_hearing
from suasion.language.phrases import load_phrases
from suasion.negotiation.pack import Pack
from suasion.rewards.endpoint import Call, Endpoint, MalformedError, Question

UNNAMED = "default"


class RemoteModel:
    """Writes one text a call; threads may share it. A fault becomes words about it, never a text."""

    def __init__(self, url: str, name: str, key: str, settings: VoiceConfig | None = None) -> None:
        self.name, self.settings = name, settings or VoiceConfig()
        self._endpoint = Endpoint(url.rstrip("/"), name, key, self.settings)

    def complete(self, messages: Sequence[Message], seed: int) -> Completion:
        """The next message, or why there is none. Only for threads in which no event loop runs."""
        call = asyncio.run(self._complete(messages, seed))
        return Completion(fault=call.fault) if call.answer is None else call.answer

    async def _complete(self, messages: Sequence[Message], seed: int) -> Call[Completion]:
        settings, call = self.settings, Call[Completion]()
        question = Question(messages, _read, {"temperature": settings.temperature}, {"seed": seed})
        deadline = time.monotonic() + settings.timeout_s * (1 + settings.retries)
        async with self._endpoint.client() as client:
            await self._endpoint.ask(client, question, deadline, call)
        return call


def voice_at(url: str, pack: Pack, model: str | None = None, settings: VoiceConfig | None = None) -> Voice:
    """What speaks for the pack's counterparts by the model at an address.

    The key is $SUASION_COUNTERPART_KEY's, the model's name $SUASION_COUNTERPART_MODEL's where none is given.
    Raises InputError for what is no address, or may hold a secret.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError(
            "a counterpart's address starts with http:// or https://"
        )  # what is given may hold a key
    try:
        check_address(url, "counterpart")
    except ValueError as error:
        raise InputError(str(error)) from None
    settings = settings or VoiceConfig()
    name = model or os.environ.get("SUASION_COUNTERPART_MODEL", UNNAMED)
    key = os.environ.get("SUASION_COUNTERPART_KEY", "none")
    remote = RemoteModel(url, name, key, settings)
    book, hearing = load_phrases(pack), load_hearing(pack)
    return Voice(remote, pack.manifest.title, book, hearing, settings.tries, settings.concurrency)


def _read(words: str, whole: bool) -> Completion:
    if not words.strip():
        raise MalformedError("empty")
    return Completion(words, cut=not whole)
