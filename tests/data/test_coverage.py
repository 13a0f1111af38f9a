"""What dialogues cover of the procedure: counted by their words, and what is missing said by name."""

from pathlib import Path

from click.testing import CliRunner

from suasion.cli import main
from suasion.data.coverage import coverage
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.transitions import Transition, transitions

HELLO = "Hello, this is Lin from Voyara."
CASE = "The Deluxe King, Dec 1-2, sells at 420 yuan now."
ASK = "Could you do a selling price of 380 yuan?"
NOTED = "Thank you! Noted: Deluxe King, Dec 1-2, 380 yuan selling price."
SAID = [
    ("agent", HELLO),
    ("counterpart", "yes, I do prices"),
    ("agent", CASE),
    ("counterpart", None),
    ("agent", ASK),
    ("counterpart", "ok, 380 is fine"),
    ("agent", NOTED),
]
BRIEF = {
    "hotel": "Sunrise Hotel",
    "agency": "Voyara",
    "agent_name": "Lin",
    "tickets": [
        {
            "id": "t1",
            "room": "Deluxe King",
            "check_in": "2026-12-01",
            "check_out": "2026-12-02",
            "selling_price": 420,
            "target_selling_price": 380,
            "commission_rate": 0.15,
        }
    ],
}


def talk() -> Dialogue:
    turns = [
        Turn(speaker=speaker, text=text)  # type: ignore[arg-type]
        if text
        else Turn(speaker="counterpart", silence_minutes=45)
        for speaker, text in SAID
    ]
    return Dialogue.model_validate({"id": "d", "brief": BRIEF, "turns": turns})


def test_one_dialogue_by_hand(pack: Pack) -> None:
    covered = coverage([talk()], pack)
    assert {step: count for step, count in covered.steps.items() if count} == {
        "open": 1,
        "present": 1,
        "silence": 1,
        "confirm": 1,
    }
    made = {(one.source, one.on, one.to): count for one, count in covered.transitions.items() if count}
    assert made == {
        ("open", "agent.introduce", "present"): 1,
        ("present", "agent.state_case", "persuade"): 1,
        ("persuade", "agent.propose", "negotiate"): 1,
        ("silence", "back", "negotiate"): 1,
        ("negotiate", "price.acceptable", "confirm"): 1,
        ("confirm", "tickets.done", "close"): 1,
    }


def test_the_acts_that_turns_carry_are_not_believed(pack: Pack) -> None:
    dialogue = talk()
    lied = tuple(turn.model_copy(update={"acts": ("bye",)}) for turn in dialogue.turns)
    assert coverage([dialogue.model_copy(update={"turns": lied})], pack) == coverage([dialogue], pack)


def test_what_was_never_covered_is_named(pack: Pack) -> None:
    lines = list(coverage([talk(), talk()], pack).lines())
    assert lines[0].startswith("replies: open 2, present 2, persuade 0,")
    assert lines[1] == f"transitions: 6 of {len(list(transitions(pack.sop)))} made"
    assert lines[2].startswith("  never replied in: persuade, negotiate, close, decline, upset,")
    assert "  never confirm → present on ticket.next" in lines
    assert "  never negotiate → decline on max_attempts" in lines
    assert "  never silence → open, present, persuade, confirm on back" in lines
    assert not any("open → present on agent.introduce" in line for line in lines)


def test_recoveries_are_covered_and_no_more_is_missed_than_is_known(
    pack: Pack, dialogues: list[Dialogue]
) -> None:
    made = coverage(dialogues, pack).transitions
    assert made[Transition("close", "price.withdrawn", "negotiate")]
    assert made[Transition("confirm", "ticket.next", "present")]
    assert made[Transition("negotiate", "max_attempts", "decline")]
    stages = {stage.id for stage in pack.sop.stages}
    missed = {(one.source, one.on) for one, count in made.items() if not count and one.source in stages}
    assert missed <= {
        ("open", "counterpart.opt_out"),
        ("open", "agent.state_case"),  # the expert says who it is first
        ("present", "price.withdrawn"),
        ("present", "price.acceptable"),
        ("persuade", "price.withdrawn"),
        ("persuade", "price.offer"),
        ("confirm", "price.withdrawn"),  # the manager does so when the price was restated, in `close`
        ("close", "price.acceptable"),
        ("decline", "price.acceptable"),
    }


def test_synthesize_says_what_it_covers(tmp_path: Path) -> None:
    output = tmp_path / "dialogues.jsonl"
    result = CliRunner().invoke(main, ["data", "synthesize", "--count", "3", "--output", str(output)])
    assert result.exit_code == 0
    said = result.stdout.splitlines()
    assert said[0].startswith("3 dialogues in ")
    assert said[1].startswith("replies: open ")
    assert said[2].startswith("transitions: ")
