"""The evaluation counterpart: other words and ears than training's, and draws within its spread."""

import re
from pathlib import Path

import pytest

from suasion.agents.intent import IntentAgent
from suasion.counterpart.briefs import draw_briefs
from suasion.errors import InputError
from suasion.evaluation.bad_cases import load_checks
from suasion.evaluation.counterpart import World, draw_coefficients, load_world
from suasion.evaluation.sop_check import check_sop
from suasion.language.phrases import load_phrases
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack

HOTEL = Path(__file__).parents[2] / "benchmarks" / "hotel"


@pytest.fixture(scope="module")
def pack() -> Pack:
    return Pack.load("hotel")


@pytest.fixture(scope="module")
def world(pack: Pack) -> World:
    return load_world(HOTEL / "counterpart.yaml", load_checks(HOTEL / "checks.yaml"), pack)


@pytest.fixture(scope="module")
def talks(world: World, pack: Pack) -> list[Dialogue]:
    return world.hold(IntentAgent(pack), draw_briefs(pack, 60, 5, "test"), 5)


def test_no_sentence_and_no_family_is_the_packs(world: World, pack: Pack) -> None:
    own, theirs = world.ears.book.file.counterpart, load_phrases(pack).file.counterpart
    for act, families in own.items():
        assert not families.keys() & theirs[act].keys()
        said = {text for family in theirs[act].values() for text in family}
        assert not said & {text for family in families.values() for text in family}


def test_its_own_sentences_are_heard_as_what_they_are(world: World, talks: list[Dialogue]) -> None:
    """Each act of the record is heard in the words that were said for it, and nothing else is."""
    heard = 0
    for talk in talks:
        assert talk.outcome is not None
        acts = iter((talk.outcome.model_extra or {})["counterpart_acts"])
        for turn in talk.turns:
            if turn.speaker == "counterpart":
                act = next(acts)
                if turn.text is not None:
                    assert world.hearing.hear("counterpart", turn.text) == {act}, turn.text
                    heard += 1
    assert heard > 50


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Would 410 a night be thinkable for you?", "propose"),
        ("What is the lowest figure that you could live with?", "ask_best"),
        ("So that's 410 yuan for the Twin from 3 to 5 May.", "confirm"),
        ("I can imagine that it's a hard season.", "empathise"),
        ("On another site the same room goes for 399.", "evidence"),
        ("Who decides about the rates in your house?", "ask_handler"),
    ],
)
def test_the_second_reader_hears_acts(world: World, text: str, act: str) -> None:
    assert act in world.hearing.hear("agent", text)


@pytest.mark.parametrize(
    "text", ["A lower price makes it easier for guests.", "Please note that guests compare."]
)
def test_a_reason_is_no_confirmation(world: World, text: str) -> None:
    """Else every agent that says so is taken to claim an agreement."""
    assert "confirm" not in world.hearing.hear("agent", text)


def test_both_outcomes_come_up(talks: list[Dialogue]) -> None:
    answered = [talk for talk in talks if talk.outcome and talk.outcome.responded]
    assert (
        0 < sum(bool(talk.outcome and talk.outcome.success) for talk in answered) < len(answered) < len(talks)
    )


def test_draws_are_seeded_and_stay_within_the_spread(world: World) -> None:
    base = world.ears.coefficients
    one, same, other = (draw_coefficients(base, world.spread, seed) for seed in ("a", "a", "b"))
    assert one == same != other
    assert 0 < one.population.no_reply[0] <= one.population.no_reply[1] <= 1
    assert 1 <= one.population.patience[0] <= one.population.patience[1]
    assert (
        2.7182818**-world.spread.give
        <= one.give.evidence / base.give.evidence
        <= 2.7182818**world.spread.give
    )
    assert (one.opener.reasoned > 1) == (base.opener.reasoned > 1)
    assert (one.opener.harsh < 1) == (base.opener.harsh < 1)
    assert one.habits.away_minutes == base.habits.away_minutes
    assert one.mood.pressure < 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  greet: [greets]", "  greet: [waves]", "no move 'waves'"),
        ("  greet: [greets]\n", "", "are to be read, and no others: greet"),
        ("Would 300 work?", "Hello there", "must not be heard in"),
    ],
)
def test_a_broken_file_is_named(old: str, new: str, says: str, pack: Pack, tmp_path: Path) -> None:
    text = (HOTEL / "counterpart.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "counterpart.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(says)):
        load_world(tmp_path / "counterpart.yaml", load_checks(HOTEL / "checks.yaml"), pack)


def test_what_an_agent_says_of_its_acts_is_not_believed(world: World, pack: Pack) -> None:
    """The procedure is checked on what is heard: a rude line that calls itself an introduction is none."""
    brief = draw_briefs(pack, 1, 0, "test")[0]
    good = Turn(speaker="agent", text="Hello, this is Nina from Tripleaf. Who decides about your rates?")
    bad = Turn(speaker="agent", text="Lower it.", acts=("greet", "introduce", "ask_handler"))
    kept = [
        check_sop(Dialogue(id="d", brief=brief, turns=(turn,)), pack.sop, world.hearing).kept
        for turn in (good, bad)
    ]
    assert kept == [1, 0]


def test_the_intent_driven_agent_keeps_to_the_procedure_and_a_parrot_does_not(
    world: World, talks: list[Dialogue], pack: Pack
) -> None:
    def share(held: list[Dialogue]) -> float:
        found = [
            check_sop(one, pack.sop, world.hearing, (one.outcome.model_extra or {})["counterpart_acts"])
            for one in held
            if one.outcome
        ]
        return sum(one.kept for one in found) / sum(one.replies for one in found)

    class Parrot:
        def reply(self, dialogues: list[Dialogue], seed: int) -> list[str]:
            return ["Could you do a selling price of 300 yuan?" for _ in dialogues]

    parrots = world.hold(Parrot(), [talk.brief for talk in talks[:20]], 5)
    assert share(parrots) < 0.5 < 0.75 < share(talks)
