"""An OpenAI-compatible way in: the guarded agent for whoever keeps the dialogue himself.

Nothing is kept of it but what the guard withheld.
"""

import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.serving.asked import RefusedError
from suasion.serving.context import ERRORS, ForAgents, Here
from suasion.serving.contracts import BRIEF_EXAMPLE, GuardNote, NewConversation, Text
from suasion.serving.service import Service
from suasion.serving.standing import notes_of
from suasion.yaml_files import describe

routes = APIRouter(prefix="/v1", tags=["openai"], responses=ERRORS)
MAX_MESSAGES = 200


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Strict):
    type: Literal["text"] = "text"
    text: Text


class ChatMessage(_Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=64_000)] | tuple[Part, ...]
    name: str | None = None

    @property
    def words(self) -> str:
        return (
            self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        )


class StreamOptions(_Strict):
    include_usage: bool = False


class ChatRequest(_Strict):
    """What OpenAI's clients send; sampling is the service's own, so those settings change nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "suasion",
                    "brief": BRIEF_EXAMPLE,
                    "messages": [
                        {"role": "assistant", "content": "Hello, this is Lin from Voyara."},
                        {"role": "user", "content": "What is it about?"},
                    ],
                }
            ]
        },
    )

    model: str = Field(max_length=200, description="`suasion`, or whatever your client sends")
    messages: tuple[ChatMessage, ...] = Field(max_length=MAX_MESSAGES)
    brief: Brief | None = Field(
        None, description="what the agent may say; or else the first system message is this brief as JSON"
    )
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, allow_inf_nan=False)
    top_p: float | None = Field(None, allow_inf_nan=False)
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    presence_penalty: float | None = Field(None, allow_inf_nan=False)
    frequency_penalty: float | None = Field(None, allow_inf_nan=False)
    seed: int | None = None
    n: Literal[1] | None = None
    user: str | None = Field(None, max_length=200)


class Choice(BaseModel):
    index: int = 0
    message: dict[str, str | None]
    finish_reason: Literal["stop", "content_filter"]


class Usage(BaseModel):
    """Words, not tokens: the service may have no tokenizer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class About(BaseModel):
    """What the service adds: where the next words stand, why the agent stopped, what was withheld."""

    stage: str
    outcome: str | None
    source: str
    guard: tuple[GuardNote, ...]


class Completion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: Usage
    suasion: About


@routes.post(
    "/chat/completions",
    response_model=Completion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def complete(asked: ChatRequest, here: Here, caller: ForAgents) -> Any:
    """The next words of the agent. Streamed or not, the guard has read them all before the first is sent.

    `user` is the counterpart, `assistant` the agent. `content` is null where nothing is to be said.
    """
    dialogue = _dialogue(asked, here.service)
    reply, _ = await here.service.complete(dialogue)
    words = sum(len(message.words.split()) for message in asked.messages)
    spoken = len(reply.text.split()) if reply.text else 0
    completion = Completion(
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
        model=asked.model,
        choices=(
            Choice(
                message={"role": "assistant", "content": reply.text},
                finish_reason="content_filter" if reply.text is None and reply.events else "stop",
            ),
        ),
        usage=Usage(prompt_tokens=words, completion_tokens=spoken, total_tokens=words + spoken),
        suasion=About(
            stage=reply.state.side or reply.state.stage,
            outcome=reply.ending.value if reply.ending else None,
            source=reply.source.value,
            guard=notes_of(reply),
        ),
    )
    if not asked.stream:
        return completion
    usage = asked.stream_options is not None and asked.stream_options.include_usage
    return StreamingResponse(_stream(completion, usage), media_type="text/event-stream")


@routes.get("/models")
async def models(here: Here, caller: ForAgents) -> dict[str, Any]:
    """The one that speaks."""
    one = {"id": "suasion", "object": "model", "created": 0, "owned_by": here.service.identity.run}
    return {"object": "list", "data": [one]}


def _dialogue(asked: ChatRequest, service: Service) -> Dialogue:
    """The messages as a dialogue. Raises RefusedError (422) where they have no brief that fits."""
    told = [message for message in asked.messages if message.role in ("system", "developer")]
    brief = asked.brief or _brief_of(told[0].words if told else "")
    service.check_brief(NewConversation(brief=brief, contact="somebody"))
    turns = []
    for place, message in enumerate(asked.messages):
        if message in told:
            continue
        text = message.words
        if not text.strip() or len(text) > 4000:
            raise RefusedError(422, "a message has 1 to 4000 characters", f"messages.{place}.content")
        turns.append(Turn(speaker="agent" if message.role == "assistant" else "counterpart", text=text))
    # the same dialogue gets the same dice, unless it is asked twice at once: its id follows from its words
    said = json.dumps([[turn.speaker, turn.text] for turn in turns])
    return Dialogue(id=f"chat-{uuid.uuid5(uuid.NAMESPACE_URL, said).hex}", brief=brief, turns=tuple(turns))


def _brief_of(text: str) -> Brief:
    try:
        return Brief.model_validate_json(text)
    except ValidationError as error:
        fault = describe({**error.errors()[0], "input": None}).removesuffix(" (found None)")
        raise RefusedError(
            422, f"no `brief`, and the first system message is none as JSON: {fault}", "brief"
        ) from None


async def _stream(completion: Completion, usage: bool) -> AsyncIterator[str]:
    """Server-sent events of a reply that is whole already, a word at a time."""
    head = {"id": completion.id, "object": "chat.completion.chunk", "created": completion.created}
    head |= {"model": completion.model}
    choice = completion.choices[0]

    def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return f"data: {json.dumps({**head, 'choices': choices, **more}, ensure_ascii=False)}\n\n"

    yield event({"role": "assistant", "content": ""})
    words = (choice.message["content"] or "").split(" ")
    for place, word in enumerate(words if words != [""] else []):
        yield event({"content": word if place == 0 else f" {word}"})
    yield event({}, choice.finish_reason, suasion=completion.suasion.model_dump(mode="json"))
    if usage:
        last = {**head, "choices": [], "usage": completion.usage.model_dump()}
        yield f"data: {json.dumps(last)}\n\n"
    yield "data: [DONE]\n\n"
