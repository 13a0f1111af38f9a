"""A pack's world is checked before anything is drawn from it."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.cli import main
from suasion.counterpart.briefs import draw_briefs, split_names
from suasion.counterpart.world import load_world
from suasion.errors import InputError
from suasion.language.phrases import load_phrases
from suasion.negotiation.pack import Pack


def changed(tmp_path: Path, old: str, new: str, source: str = "donation") -> Pack:
    folder = Path(shutil.copytree(Pack.load(source).path, tmp_path / "mine"))
    path = folder / "briefs.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return Pack.load(folder)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{slot: cities}", "{slot: towns}", r"briefs\.yaml:\d+: fields\.city: .*no slot 'towns'"),
        ("[first, second]", "[first, third]", r"fields\.organisation: .*no slot 'third'"),
        ("{slot: facts, count", "{slot: fakts, count", r"facts\.slot: .*no slot 'fakts'"),
        ("{slot: cities}", "{slot: cities, say: x}", r"fields\.city: expected one of slot, join and say"),
        ("{slot: cities}", "{}", r"fields\.city: expected one of slot, join and say"),
        ("split_by: organisation", "split_by: goal", r"split_by: expected a field that is drawn"),
        ("split_by: organisation", "split_by: nothing", r"split_by: expected a field that is drawn"),
        ("ask for {ask}", "ask for {sum}", r"fields\.goal: no such field: sum"),
        ("ask for {ask}", "ask for {ask", r"fields\.goal: braces that hold no slot"),
        ("version: 1", "version: 1\ncolour: blue", r"colour: unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says) as caught:
        draw_briefs(changed(tmp_path, old, new), 1, 0)
    assert caught.value.line


def test_a_pack_without_a_world_says_what_it_can_do() -> None:
    with pytest.raises(InputError, match=r"no briefs\.yaml.*it can score, and train with --records"):
        load_world(Pack.load("generic"))


def test_names_may_come_from_one_slot(tmp_path: Path) -> None:
    pack = changed(tmp_path, "{join: [first, second]}", "{slot: first}")
    names = [name for split in ("train", "validation", "test") for name in split_names(pack, split)]
    assert sorted(names) == sorted(load_phrases(pack).file.slots["first"])


def test_two_tickets_and_currencies_are_as_the_pack_says(tmp_path: Path) -> None:
    pack = changed(tmp_path, "two: 0.15", "two: 1.0", source="hotel")
    briefs = draw_briefs(pack, 40, 3)
    assert all(len(brief.tickets) == 2 for brief in briefs)
    assert {ticket.currency for brief in briefs for ticket in brief.tickets} <= {"CNY", "USD", "EUR"}


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("briefs.yaml", "{slot: cities}", "{slot: towns}", "no slot 'towns'"),
        ("counterpart.yaml", "threshold: [0.35, 1.0]", "threshold: [1.0, 0.35]", "a range is written"),
        ("counterpart.yaml", "other: {explain: 0.12}", "other: {explian: 0.12}", "no such act"),
        ("import.yaml", "value: donation_usd", "amount: donation_usd", "unknown key"),
        ("phrases.yaml", "  refuse:\n    plain", "  hesitate:\n    plain", "key given twice"),
        ("phrases.yaml", "  ask_why:\n", "  # ask_why:\n", "no phrases for counterpart.ask_why"),
    ],
)
def test_pack_check_looks_at_the_world_too(file: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(Pack.load("donation").path, tmp_path / "mine"))
    text = (folder / file).read_text("utf-8")
    assert old in text
    changed_text = text.replace(old, new, 1)
    if new.startswith("  # "):  # all of the act goes
        start = text.index(old)
        changed_text = text[:start] + text[text.index("  refuse:", start) :]
    (folder / file).write_text(changed_text, "utf-8")
    result = CliRunner().invoke(main, ["pack", "check", str(folder)])
    assert result.exit_code == 2
    assert says in result.stderr
