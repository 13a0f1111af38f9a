"""What the API takes and gives. Unknown keys are refused, texts are bounded."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from suasion.negotiation.brief import Brief

MAX_TEXT = 4000  # characters of one message
MAX_TICKETS, MAX_FACTS = 20, 50

BRIEF_EXAMPLE: dict[str, Any] = {
    "hotel": "Sunrise Hotel",
    "city": "Hangzhou",
    "agency": "Voyara",
    "agent_name": "Lin",
    "facts": ["The hotel's page had 310 views in the last 7 days."],
    "tickets": [
        {
            "id": "t1",
            "room": "Queen Room",
            "check_in": "2026-12-01",
            "check_out": "2026-12-02",
            "currency": "CNY",
            "selling_price": 420,
            "commission_rate": 0.15,
            "target_selling_price": 380,
            "competitor_price": {"selling_price": 385, "source": "another platform"},
        }
    ],
}


def _sayable(text: str) -> str:
    """No NUL, which PostgreSQL can't keep, and no half of a surrogate pair, which UTF-8 can't."""
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("holds a character that is no text (NUL, or half of a surrogate pair)")
    if not text.strip():
        raise ValueError("says nothing; report a silence by /silence")
    return text


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_sayable)]


class _Taken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewConversation(_Taken):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"brief": BRIEF_EXAMPLE, "opening": True}]},
    )

    brief: Brief = Field(description="what the agent may say, with the fields that the pack declares")
    contact: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_sayable)] | None = Field(
        None, description="who is written to; the brief's first declared field where not given"
    )
    opening: bool = Field(True, description="the agent speaks first, and the answer carries its words")
    follow_up: bool = Field(
        False, description="the service reminds by the SOP's timers; else you report silences"
    )


class Said(_Taken):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "No, 400 is the best I can do."}]})

    text: Text = Field(description="what the counterpart wrote")


class Silent(_Taken):
    model_config = ConfigDict(json_schema_extra={"examples": [{"minutes": 45}]})

    minutes: float = Field(
        gt=0, le=525_600, allow_inf_nan=False, description="since the agent's last message"
    )


class OperatorSays(_Taken):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "I have asked my colleagues."}]})

    text: Text = Field(description="sent as it is: a person answers for it")
    give_back: bool = Field(False, description="the agent goes on after it")


class Outbound(_Taken):
    model_config = ConfigDict(json_schema_extra={"examples": [{"briefs": [BRIEF_EXAMPLE]}]})

    briefs: tuple[Brief, ...] = Field(min_length=1, max_length=100)


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True)


class Amount(_Given):
    """Money with its type: `amount` is a selling price, `net` what the counterpart receives of it."""

    amount: float
    currency: str
    kind: Literal["selling"] = "selling"
    net: float


class TicketPrice(_Given):
    ticket: str
    state: Literal["open", "offered", "agreed", "confirmed", "refused"]
    offer: Amount | None = Field(None, description="the counterpart's last price that is not acceptable")
    agreed: Amount | None = Field(None, description="an acceptable price; binding once `confirmed`")


class Objection(_Given):
    rule: str
    severity: str
    note: str = ""


class GuardNote(_Given):
    """A draft that was withheld; its words are in the conversation's record, for operators."""

    source: Literal["agent", "fallback", "nobody"]
    attempt: int
    objections: tuple[Objection, ...] = ()
    failure: str = Field("", description="where the speaker failed instead: the kind of failure")


class Reply(_Given):
    conversation_id: str
    number: int | None = Field(description="place of the reply in the conversation, from 0")
    text: str | None = Field(description="to be sent to the counterpart; null: say nothing")
    source: Literal["agent", "fallback", "operator", "nobody"]
    stage: str = Field(description="stage or side state of the SOP in which the next words stand")
    status: Literal["open", "handed_over", "ended"]
    outcome: str | None = Field(description="why the agent stopped, once it did")
    prices: tuple[TicketPrice, ...]
    guard: tuple[GuardNote, ...] = ()
    run: str
    arm: str
    suite_version: str
    latency_ms: float


class MessageView(_Given):
    number: int
    at: str
    speaker: str
    author: str
    text: str | None
    silence_minutes: float | None
    stage: str | None
    run: str | None
    arm: str | None
    suite_version: str | None
    latency_ms: float | None
    guard: list[dict[str, Any]] | None = Field(None, description="withheld drafts, for operators only")


class Summary(_Given):
    id: str
    at: str
    contact: str
    arm: str
    stage: str
    status: Literal["open", "handed_over", "ended"]
    outcome: str | None
    turns: int
    withheld: int
    changed_at: str


class ConversationView(_Given):
    conversation: Summary
    brief: dict[str, Any]
    messages: tuple[MessageView, ...]
    prices: tuple[TicketPrice, ...]


class Page(_Given):
    conversations: tuple[Summary, ...]
    next: str | None = Field(description="give it as `before` for the next page; null: there is none")


class EventView(_Given):
    id: int
    at: str
    conversation_id: str | None
    kind: str
    data: dict[str, Any]


class EventPage(_Given):
    events: tuple[EventView, ...]
    next: int = Field(description="give it as `after` to go on")


class Queued(_Given):
    queued: int
    refused: int = Field(description="their contact has opted out")


class Problem(_Given):
    """Every error: what was wrong, and where."""

    error: str
    field: str | None = None
