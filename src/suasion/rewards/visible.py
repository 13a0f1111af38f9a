"""What a judge reads of a text: what a person would see of it, nothing that is there for a machine alone."""

import re
import unicodedata

from suasion.negotiation.dialogue import Dialogue

REPEATS = 3  # how often the same words in a row are read: more say nothing new and push out what was said
_AGAIN = re.compile(rf"(?s)(?<!\S)(\S.{{0,120}}?)(?:\s+\1){{{REPEATS},}}(?!\S)")
_SPACES, _LINES = re.compile(r"[^\S\n]+"), re.compile(r"\s*\n\s*")
_UNSEEN = frozenset({"Cf", "Cc", "Co", "Cn"})  # Unicode's categories: format, control, private, unassigned


def visible(text: str) -> str:
    """The text without characters that nobody sees (zero width, direction, tags, controls), fancy letters
    and digits as plain ones, without padding: runs of white space, and of the same words.

    Nothing that says something is left out, and an ordinary utterance is given back as it is.
    """
    plain = _LINES.sub("\n", _SPACES.sub(" ", "".join(map(_plain, text)))).strip()
    return _AGAIN.sub(lambda found: " ".join([found[1]] * REPEATS), plain)


def as_seen(dialogue: Dialogue) -> Dialogue:
    """The dialogue as a judge reads it."""
    turns = tuple(
        turn if turn.text is None else turn.model_copy(update={"text": visible(turn.text)})
        for turn in dialogue.turns
    )
    return dialogue.model_copy(update={"turns": turns, "reply": visible(dialogue.reply or "")})


def _plain(one: str) -> str:
    if one.isascii():
        return one if one.isprintable() or one.isspace() else ""
    kind = unicodedata.category(one)
    if kind in _UNSEEN:
        return ""
    return unicodedata.normalize("NFKC", one) if kind[0] == "L" or kind == "Nd" else one
