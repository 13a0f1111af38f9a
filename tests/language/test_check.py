"""A pack whose phrases can't be said, or are not heard, is refused with the line to mend."""

import shutil
from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.language.check import check_phrases
from suasion.negotiation.pack import Pack


def copy(tmp_path: Path, file: str, old: str, new: str) -> Pack:
    folder = tmp_path / "mine"
    shutil.copytree(Pack.load("hotel").path, folder)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    return Pack.load(folder)


@pytest.mark.parametrize("name", ["hotel", "generic"])
def test_ours_pass(name: str) -> None:
    check_phrases(Pack.load(name))


FAULTS = [
    ("  greet:", "  gret:", r"phrases\.yaml:\d+: agent\.gret: no such act"),
    ('"Hello, {hotel}."', '"Hello, {hotell}."', r"greet\.plain\.2: unknown slot 'hotell'"),
    ("Good [morning|afternoon].", "Good [morning.", r"greet\.plain\.1: a \[ without its \]"),
    ("This is {agent_name} from {agency}.", "It is me.", r"introduce\.plain\.0: 'It is me\.' is not heard"),
    ('"Bye for now."', '"{ bye"', r"braces that hold no slot"),
    ('"Hello, {hotel}."', '"Hello, {hotel.name}."', r"greet\.plain\.2: braces that hold no slot"),
    ('"Hello, {hotel}."', '"Hello, {hotel:>999999999}."', r"greet\.plain\.2: braces that hold no slot"),
    ('"Hello, {hotel}."', '"' + 14 * "[a|b]" + '"', r"greet\.plain\.2: more than 10,000 wordings"),
    ('"Hello, {hotel}."', '"' + 2000 * "[a]" + '"', r"greet\.plain\.2: .* is not heard as greet"),
    ("is at {competitor_price} on", "is at {price} on", r"evidence\.competitor\.0: unknown slot 'price'"),
    ("  default: ", "  other: ", r"phrases\.yaml:6: money: expected a template for each other currency"),
    ("{amount} yuan", "{sum} yuan", r"money: CNY: expected slots {amount} and {currency} in "),
    ("{amount} yuan", "{amount.real} yuan", r"money: expected a plain name"),
]


@pytest.mark.parametrize(("old", "new", "says"), FAULTS)
def test_what_would_fail_later_is_told_now(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_phrases(copy(tmp_path, "phrases.yaml", old, new))


def test_a_move_without_words_is_told(tmp_path: Path) -> None:
    phrases = Pack.load("hotel").file("phrases.yaml").path.read_text("utf-8")
    start, end = phrases.index("  ask_view:"), phrases.index("  follow_up:")
    pack = copy(tmp_path, "phrases.yaml", phrases[start:end], "")
    with pytest.raises(InputError, match=r"sop\.yaml:\d+: .*no phrases for ask_view"):
        check_phrases(pack)
