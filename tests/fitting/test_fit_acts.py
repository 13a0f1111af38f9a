"""A trained ear: heard acts that patterns miss, negation told apart, acts below the floor not believed."""

import shutil
from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.fitting.fit_acts import fit_acts, load_utterances, write_acts
from suasion.language.acts import load_hearing, load_patterns
from suasion.language.trained import ActFile, hearing_of
from suasion.negotiation.pack import Pack

LABELLED = Path(__file__).parents[2] / "benchmarks" / "labelled" / "acts.jsonl"
PACK = Pack.load("hotel")


@pytest.fixture(scope="module")
def fitted() -> ActFile:
    return fit_acts(PACK, load_utterances(LABELLED, PACK))


def test_no_voice_is_in_both_splits() -> None:
    voices = {(one.speaker, one.voice, one.split) for one in load_utterances(LABELLED, PACK)}
    assert len({voice[:2] for voice in voices}) == len(voices)


def test_it_hears_more_than_patterns_in_voices_held_out(fitted: ActFile) -> None:
    for part in (fitted.agent, fitted.counterpart):
        better = sum(one.f1 > one.by_patterns for one in part.held_out.values())
        assert better > len(part.acts) / 2


def test_below_the_floor_nothing_is_believed(fitted: ActFile) -> None:
    deaf = hearing_of(load_patterns(PACK), fitted.model_copy(update={"floor": 1.0}))
    hears = hearing_of(load_patterns(PACK), fitted)
    text = "Jonas over at Roomly, from our partner team."
    assert deaf.hear("agent", text) == load_patterns(PACK).hear("agent", text)
    for one in load_utterances(LABELLED, PACK):
        heard, plain = hears.hear(one.speaker, one.text), load_patterns(PACK).hear(one.speaker, one.text)
        assert heard - plain <= fitted.believed(one.speaker)


def test_a_number_that_is_no_price_proposes_nothing(fitted: ActFile) -> None:
    hears = hearing_of(load_patterns(PACK), fitted)
    assert "propose" in hears.hear("agent", "What if we tried 365, just for the week?")
    assert "propose" not in hears.hear("agent", "The dates are the 9th to the 11th.")


def test_a_pack_with_it_uses_it_and_fitting_is_repeatable(fitted: ActFile, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(PACK.path, folder)
    write_acts(fitted, folder / "acts.yaml")
    again = tmp_path / "again.yaml"
    write_acts(fit_acts(PACK, load_utterances(LABELLED, PACK)), again)
    assert (folder / "acts.yaml").read_bytes() == again.read_bytes()
    mine = load_hearing(Pack.load(folder))
    direct = hearing_of(load_patterns(PACK), fitted)
    for one in load_utterances(LABELLED, PACK)[:40]:
        assert mine.hear(one.speaker, one.text) == direct.hear(one.speaker, one.text)
    (folder / "acts.yaml").write_text(again.read_text("utf-8").replace("0:", "99:", 1), "utf-8")
    with pytest.raises(InputError, match=r"acts\.yaml"):
        load_hearing(Pack.load(folder))


def test_an_unknown_act_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "acts.jsonl"
    path.write_text(LABELLED.read_text("utf-8").splitlines()[0].replace("greet", "sing") + "\n", "utf-8")
    with pytest.raises(InputError, match=r"acts\.jsonl:1: no act 'sing'"):
        load_utterances(path, PACK)
