"""Coverage-guided fuzzing of what reads strangers' text: `make fuzz`, or `python tests/fuzz TARGET`.

A target may answer with `InputError`, which is told to people; anything else that it raises is a crash, and
libFuzzer leaves its input in the current folder (crash-*). Further arguments go to libFuzzer.
"""

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["suasion"]):
    from suasion.errors import InputError
    from suasion.negotiation.dialogue import parse_dialogue
    from suasion.negotiation.locale import LocaleError, load_locale, parse_locale
    from suasion.negotiation.pack import Intents, Manifest, Pack
    from suasion.negotiation.prices import find_dates, find_prices
    from suasion.negotiation.sop import load_sop
    from suasion.yaml_files import parse_yaml

ROOT = Path(__file__).parents[2]
PACK = Pack.load("hotel")
ACTS = [f"{intent.speaker}.{intent.id}" for intent in PACK.intents.intents]
MODELS = {"pack.yaml": Manifest, "intents.yaml": Intents}


def prices(data: bytes) -> None:
    """No text makes the readers fail, and each mention is what stands at its span."""
    text = _words(data)
    for locale in (None, "en", "zh"):
        for mention in find_prices(text, locale=locale):
            start, end = mention.span
            assert 0 <= start < end <= len(text), mention
            assert mention.text == text[start:end], mention
            assert math.isfinite(mention.amount), mention
        find_dates(text, locale)


def dialogue(data: bytes) -> None:
    """A line of JSONL is a dialogue, or its fault is named with file and line."""
    try:
        parse_dialogue(data.decode("utf-8", "replace"), "d.jsonl", 7, PACK.check_brief)
    except InputError as error:
        assert_named(error.file == "d.jsonl" and error.line == 7, error)


def yaml(data: bytes) -> None:
    """So it is with the files of a pack: the first byte says which."""
    name = ("pack.yaml", "intents.yaml", "sop.yaml")[data[0] % 3] if data else "pack.yaml"
    try:
        file = parse_yaml(data[1:].decode("utf-8", "replace"), Path(name))
        _ = load_sop(file, ACTS) if name == "sop.yaml" else file.parse(MODELS[name])
    except InputError as error:
        assert_named(error.file == name, error)


def locale(data: bytes) -> None:
    try:
        parse_locale(data.decode("utf-8", "replace"), "l.yaml")
    except LocaleError:
        return


def assert_named(named: bool, error: InputError) -> None:
    """An assertion of its own: within `except` the linter takes one for a mistake."""
    assert named, error


def _words(data: bytes) -> str:
    """Words that the readers know and characters of all kinds, in any order."""
    read = atheris.FuzzedDataProvider(data)
    pieces = []
    while read.remaining_bytes():
        if read.ConsumeBool():
            pieces.append(WORDS[read.ConsumeIntInRange(0, len(WORDS) - 1)])
        else:
            pieces.append(read.ConsumeUnicode(3))
    return "".join(pieces)


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [text for part in inside for text in _strings(part)]


WORDS = sorted({word for name in ("en", "zh") for word in _strings(load_locale(name).model_dump())})
WORDS += [
    " ",
    ", ",
    ". ",
    "? ",
    "380",
    "1,280",
    "1.5k",
    "¥",
    "$",
    "%",
    "12:30",
    "2026-12-01",
    "三百八",
    "九折",
]
SEEDS: dict[Callable[[bytes], None], Callable[[], list[bytes]]] = {
    prices: lambda: [bytes(range(256))],
    dialogue: lambda: (ROOT / "examples" / "replies.jsonl").read_bytes().splitlines(),
    yaml: lambda: [
        bytes([k]) + (PACK.path / name).read_bytes() for k, name in enumerate((*MODELS, "sop.yaml"))
    ],
    locale: lambda: [
        (ROOT / "src" / "suasion" / "locales" / f"{name}.yaml").read_bytes() for name in ("en", "zh")
    ],
}


def main() -> None:
    targets = {target.__name__: target for target in SEEDS}
    if len(sys.argv) < 2 or sys.argv[1] not in targets:
        sys.exit(f"usage: python tests/fuzz {'|'.join(targets)} [libFuzzer's options]")
    target = targets[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[target]()):
            (Path(folder) / str(number)).write_bytes(seed)
        # libFuzzer ends the process itself: with 0 when its time is over, with another code at a crash
        atheris.Setup([sys.argv[0], *sys.argv[2:], folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
