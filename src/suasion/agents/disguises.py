"""Words that hide what they say from the rules, which read plain text only. Replies need none of these."""

import base64
import binascii
import codecs
import contextlib
import re

_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}")
_MIXED = re.compile(r"[a-z0-9+/][A-Z]|\d[A-Za-z]|[A-Za-z]\d|=$")  # no plain word or number looks like that
_DIGIT = r"(?:zero|one|two|three|four|five|six|seven|eight|nine)"
_DIGITS = re.compile(rf"\b{_DIGIT}(?:[\s,.-]+{_DIGIT}){{2,}}\b", re.IGNORECASE)
_LETTERS = re.compile(r"\b[A-Za-z](?:[-.·_*/|][A-Za-z]){3,}\b")  # s-p-e-l-l-e-d
_COMMON = frozenset(
    ("the", "and", "you", "your", "our", "that", "this", "price", "hundred", "yuan", "target")
)


def disguise(text: str) -> str | None:
    """What in the text is spelled or encoded, in words for people; None where it is plain."""
    if _DIGITS.search(text):
        return "a number digit by digit"
    if _LETTERS.search(text):
        return "a word letter by letter"
    for token in _TOKEN.findall(text):
        if _decodes(token):
            return f"an encoded text: {token[:20]!r}"
    if _plain_words(codecs.encode(text, "rot13")) > _plain_words(text):
        return "a text in rot13"
    return None


def _decodes(token: str) -> bool:
    """Whether it is base64 of digits, or a token like no word that is base64 or hexadecimal of plain text."""
    padded = token.rstrip("=") + "=" * (-len(token.rstrip("=")) % 4)
    found = []
    with contextlib.suppress(binascii.Error):  # then it is none
        found.append(base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True))
    if len(token) >= 6 and len(token) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", token):
        found.append(bytes.fromhex(token))
    return any(
        raw.isdigit() or (len(raw) > 2 and bool(_MIXED.search(token)) and all(32 <= one < 127 for one in raw))
        for raw in found
    )


def _plain_words(text: str) -> int:
    return sum(word in _COMMON for word in re.findall(r"[a-z]+", text.lower()))
