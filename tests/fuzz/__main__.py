"""Coverage-guided fuzzing of what reads strangers' text: `make fuzz`, or `python tests/fuzz TARGET`.

A target may answer with `InputError`, which is told to people; anything else that it raises is a crash, and
libFuzzer leaves its input in the current folder (crash-*). Further arguments go to libFuzzer.
"""

import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris
from yaml import safe_dump

with atheris.instrument_imports(include=["suasion"]):
    from suasion.counterpart.coefficients import load_ears
    from suasion.data.rubric import load_rubric
    from suasion.errors import InputError
    from suasion.language.check import check_phrases
    from suasion.language.phrases import load_phrases
    from suasion.negotiation.dialogue import parse_dialogue
    from suasion.negotiation.locale import LocaleError, load_locale, parse_locale
    from suasion.negotiation.pack import Intents, Manifest, Pack
    from suasion.negotiation.prices import find_dates, find_prices
    from suasion.negotiation.sop import load_sop
    from suasion.rewards import rule_file
    from suasion.rewards.rules import RuleSet
    from suasion.yaml_files import Loc, YamlFile, parse_yaml, read_yaml

ROOT = Path(__file__).parents[2]
PACK = Pack.load("hotel")
ACTS = [f"{intent.speaker}.{intent.id}" for intent in PACK.intents.intents]
MODELS = {"pack.yaml": Manifest, "intents.yaml": Intents}
COPY = Pack.load(shutil.copytree(PACK.path, Path(tempfile.mkdtemp()) / "copy"))  # to write files into
LOADERS = (load_phrases, load_rubric, load_ears)  # what they read once they keep


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


def rules(data: bytes) -> None:
    """And with those that are read later. Code that rules name is not loaded: any module might be hit on."""
    _load("rules.yaml", data, RuleSet.load)


def phrases(data: bytes) -> None:
    _load("phrases.yaml", data, check_phrases)


def counterpart(data: bytes) -> None:
    _load("counterpart.yaml", data, load_ears)


def rubric(data: bytes) -> None:
    _load("rubric.yaml", data, load_rubric)


def _load(name: str, data: bytes, load: Callable[[Pack], object]) -> None:
    """Load the pack's copy with these bytes as one of its files."""
    (COPY.path / name).write_bytes(data)
    for loader in LOADERS:
        loader.cache_clear()
    try:
        load(COPY)
    except InputError as error:
        assert_named(error.file is not None and Path(error.file).parent == COPY.path, error)


def _refuse(name: str, group: str, file: YamlFile, loc: Loc) -> object:
    raise file.error("no code is loaded here", loc)


rule_file.load_named = _refuse


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


def _one_rule_each() -> list[bytes]:
    content = read_yaml(PACK.path / "rules.yaml").content
    return [safe_dump(content | {"rules": [rule]}).encode() for rule in content["rules"]]


def _one_act_each() -> list[bytes]:
    content = read_yaml(PACK.path / "phrases.yaml").content
    few = {key: content[key] for key in ("version", "held_out", "money")}
    return [
        safe_dump(few | {"agent": {}, "counterpart": {}, speaker: {act: families}}).encode()
        for speaker in ("agent", "counterpart")
        for act, families in content[speaker].items()
    ]


SEEDS: dict[Callable[[bytes], None], Callable[[], list[bytes]]] = {
    prices: lambda: [bytes(range(256))],
    dialogue: lambda: (ROOT / "examples" / "replies.jsonl").read_bytes().splitlines(),
    yaml: lambda: [
        bytes([k]) + (PACK.path / name).read_bytes() for k, name in enumerate((*MODELS, "sop.yaml"))
    ],
    rules: _one_rule_each,
    phrases: _one_act_each,
    counterpart: lambda: [(PACK.path / "counterpart.yaml").read_bytes()],
    rubric: lambda: [(PACK.path / "rubric.yaml").read_bytes()],
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
