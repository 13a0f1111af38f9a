"""What a form of a page sent: fields as text, checked for what no text may hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.requests import Request

from suasion.serving.asked import RefusedError

MAX_FIELDS = 400


@dataclass(frozen=True, slots=True)
class Form:
    """Fields by name; one that was sent several times has several values."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        """The first value, without space around it."""
        found = self.fields.get(name)
        return found[0].strip() if found else default

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self.fields.get(name, ()))

    def text(self, name: str, longest: int = 4000) -> str:
        """The value of a field that must be filled in. Raises RefusedError (422) naming it."""
        found = self.get(name)
        if not found:
            raise RefusedError(422, "is empty: fill it in", name)
        if len(found) > longest:
            raise RefusedError(422, f"at most {longest:,} characters are taken, found {len(found):,}", name)
        return found


async def read_form(request: Request) -> Form:
    """The body as a form. Raises RefusedError (400) for what is none."""
    raw = await request.body()
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:  # UnicodeDecodeError is one
        raise RefusedError(400, "the form can't be read") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise RefusedError(422, "holds a character that is no text (NUL)", name.replace("\x00", "")[:80])
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))  # as browsers send lines
    return Form(fields)
