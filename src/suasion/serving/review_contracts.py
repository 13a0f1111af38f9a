"""What the API takes and gives about panels of raters."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Score = Annotated[int, Field(ge=1, le=5, strict=True)]


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds a NUL, which is no text")
    return text


Comment = Annotated[str, Field(max_length=2000), AfterValidator(_no_nul)]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_no_nul)]


class _Taken(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewPanel(_Taken):
    """Conversations of the store that are over, the same number of each arm, drawn by seed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "December", "raters": "our trainers", "arms": ["intent", "new"], "each": 15}
            ]
        }
    )

    title: Line
    raters: Line = Field(description="what they are; it stands beside every figure")
    arms: tuple[Line, ...] = Field(min_length=1, max_length=10)
    each: int = Field(ge=1, le=200, description="conversations of each arm")
    seed: int = Field(0, ge=0, le=2**31)


class RatingGiven(_Taken):
    """As the guide says: `rating` of the whole, `human_like`, numbers of the agent's excellent messages."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"item": "d07", "rating": 4, "human_like": 3, "excellent": [2, 5]}]}
    )

    item: str = Field(pattern=r"^d\d{1,8}$")
    rating: Score
    human_like: Score
    excellent: tuple[Annotated[int, Field(ge=1, le=1000, strict=True)], ...] = Field((), max_length=100)
    comment: Comment = ""


class GradeGiven(_Taken):
    """Of a reply to a bad case. `severe` follows from `unresolved` where the defect is critical."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"item": "d08", "grade": "clean"}]})

    item: str = Field(pattern=r"^d\d{1,8}$")
    grade: Literal["clean", "minor", "major", "unresolved"]
    comment: Comment = ""


class Undo(_Taken):
    model_config = ConfigDict(json_schema_extra={"examples": [{"mark": 12}]})

    mark: int = Field(ge=1, le=2**62, description="its number, as it was answered")


class Settle(_Taken):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"item": "d07", "rating": 3, "note": "A4 repeats a number"}]}
    )

    item: str = Field(pattern=r"^d\d{1,8}$")
    rating: Score
    note: Comment = ""


class PanelView(BaseModel):
    id: str
    at: str
    title: str
    raters: str
    items: int
    done: int = Field(description="by you")


class Panels(BaseModel):
    panels: tuple[PanelView, ...]


class TurnView(BaseModel):
    """One turn. `mark`: A1, A2, .. of the agent, H1, H2, .. of the other side; none for a silence."""

    mark: str | None
    text: str | None
    silence_minutes: float | None = None


class ItemView(BaseModel):
    """What a rater sees: no method, no id from elsewhere."""

    name: str
    kind: Literal["dialogue", "case"]
    task: str
    turns: tuple[TurnView, ...]
    reply: str | None = Field(None, description="of a case: what is to be graded")
    defect: dict[str, Any] | None = Field(None, description="of a case: what was wrong with the bad reply")
    given: dict[str, Any] | None = Field(None, description="your mark of it that counts")
    mark: int | None = Field(None, description="its number")


class Place(BaseModel):
    """Where you are. `next` is null once all is done."""

    done: int
    total: int
    next: ItemView | None
    last: int | None = Field(description="the mark that an undo would take back")


class Marked(Place):
    mark: int


class Undone(Place):
    item: str


class QueueView(BaseModel):
    item: ItemView
    why: str
    ratings: tuple[dict[str, Any], ...]


class Queue(BaseModel):
    open: tuple[QueueView, ...]


class Report(BaseModel):
    model_config = ConfigDict(extra="allow")

    items: int
    raters: tuple[str, ...]
    open: int
