"""The one error that bad input gets: which file, line and field, what was found, what to do."""

import json
import re
from dataclasses import dataclass


@dataclass(slots=True)
class InputError(Exception):
    """Something a person wrote can't be used; names the place so that it can be mended."""

    message: str
    file: str | None = None
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (place, self.field, self.message) if part)


def json_fault(error: Exception) -> str:
    """What is wrong with one line of JSON: the parser's own line number says nothing beside the file's."""
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON: {error.msg} at character {error.pos + 1}"
    return "not valid JSON: " + re.sub(r" at line 1 column (\d+)$", r" at byte \1", str(error))
