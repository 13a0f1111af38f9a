"""A reply as its reader sees it: what is invisible is gone, and what looks like a letter is that letter."""

import unicodedata

import re2

# Invisible, though Unicode calls them letters or symbols.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
_EMOJI_STYLE = "\ufe0f"
_HIDDEN = frozenset(("Cf", "Cc", "Cs", "Co", "Cn"))
# Letters of other scripts that no reader tells from Latin ones, after NFKD and without marks.
_LOOKALIKES = str.maketrans(
    "авеёіїјкмнорсѕтухүҺԁԛԝһАВЕЅІЈКМНОРСТУХѴԌԜαβγεηικνορτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡɑⅼƖǃ",
    "abeeiijkmhopcstyxyhdqwhABESIJKMHOPCTYXVGWabyenikvoptuxwABEZHIKMNOPTYXigall!",
)
_SPACED = re2.compile(r"\b(?:[A-Za-z][ .*_\-·]){3,}[A-Za-z]\b")


def cleaned(text: str) -> str:
    """The text without invisible characters: formats, controls, fillers. This is what is sent."""
    kept = []
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if char in "\n\t" or category in ("Zs", "Zl", "Zp"):
            kept.append("\n" if char in "\n\u2028\u2029" else " ")
        elif category not in _HIDDEN and char not in _BLANKS and not _selects_variant(char):
            kept.append(char)
    return "".join(kept).strip()


def skeleton(text: str) -> str:
    """The text as it looks: no marks, look-alikes as Latin letters, digits as 0-9, s-p-a-c-e-d words joined.

    For rules to read, never to be sent.
    """
    plain = "".join(
        str(unicodedata.digit(char)) if unicodedata.category(char) == "Nd" else char
        for char in unicodedata.normalize("NFKD", text)
        if unicodedata.category(char) != "Mn"
    ).translate(_LOOKALIKES)
    parts, last = [], 0
    for match in _SPACED.finditer(plain):
        found = match.group()
        pronoun = "I " if found.startswith("I ") else ""  # "I g u a r..." is two words
        parts += [plain[last : match.start()], pronoun, *filter(str.isalpha, found[len(pronoun) :])]
        last = match.end()
    return "".join((*parts, plain[last:]))


def _selects_variant(char: str) -> bool:
    return char != _EMOJI_STYLE and ("\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef")
