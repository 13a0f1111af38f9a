"""Bodies of requests, looked at before anything reads them: JSON in UTF-8, not too deep, all of it text."""

import json
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24


@dataclass(frozen=True, slots=True)
class Fault:
    status: int
    message: str
    field: str | None = None


def fault_of(raw: bytes) -> Fault | None:
    """What is wrong with a body, None where nothing is."""
    try:
        content = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        return Fault(400, f"not UTF-8 at byte {error.start}")
    except RecursionError:
        return Fault(400, f"nested more than {MAX_DEPTH} deep")
    except json.JSONDecodeError as error:
        return Fault(400, f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except _TwiceError as error:
        return Fault(400, f"a key stands twice: {str(error)[:80]!r}")
    except ValueError:  # a number of thousands of digits
        return Fault(400, "not JSON: a number is too long")
    return _walk(content)


class _TwiceError(Exception):
    """One key twice in an object: readers differ in which of the two counts."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in found if names.count(name) > 1))
    return found


def _walk(content: Any) -> Fault | None:
    """Level by level: no recursion that a body could exhaust."""
    level, depth = [("", content)], 0
    while level:
        if depth > MAX_DEPTH:
            return Fault(400, f"nested more than {MAX_DEPTH} deep")
        below: list[tuple[str, Any]] = []
        for where, part in level:
            if isinstance(part, str) and not _is_text(part):
                return Fault(422, "holds a character that is no text (NUL, or half of a pair)", where or None)
            if isinstance(part, dict):
                if not all(map(_is_text, part)):
                    return Fault(422, "a key holds a character that is no text", where or None)
                below += [(f"{where}.{key[:80]}".lstrip("."), value) for key, value in part.items()]
            elif isinstance(part, list):
                below += [(f"{where}.{index}".lstrip("."), value) for index, value in enumerate(part)]
        level, depth = below, depth + 1
    return None


def _is_text(text: str) -> bool:
    """Neither a NUL, which PostgreSQL can't keep, nor half of a surrogate pair, which UTF-8 can't."""
    return (text.isascii() and "\x00" not in text) or _encodes(text)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
