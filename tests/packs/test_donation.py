"""The second domain: people are asked for a gift. All that the road needs, and real dialogues."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from suasion.agents.intent import IntentAgent
from suasion.cli import main
from suasion.config import RunConfig
from suasion.counterpart.briefs import draw_briefs, split_of
from suasion.counterpart.play import play
from suasion.counterpart.simulate import simulate
from suasion.data.coverage import coverage
from suasion.data.defects import spoil
from suasion.data.examples import Example
from suasion.data.importers import next_reply_examples
from suasion.data.setting import Kit
from suasion.data.splits import prepare
from suasion.data.synthesize import examples_of, synthesize
from suasion.data.tables import import_tables, load_tables
from suasion.evaluation.metrics import ticket_results
from suasion.language.acts import load_hearing
from suasion.language.check import wordings
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import track
from suasion.policy.prompt import messages
from suasion.rewards.rules import RuleSet

SHARED = Path(__file__).parents[3] / "shared" / "data" / "persuasionforgood"
PACK = Pack.load("donation")
RULES = RuleSet.load(PACK)
OPENING = "Hello, my name is Lin and I write for Willow Trust."
ASK = "Would you give 2 dollars?"
BRIEF = Brief(organisation="Willow Trust", city="Porto", agent_name="Lin", ask="2 dollars")  # type: ignore[call-arg]

# What the rules see of each fault; those that only a judge can see are not here.
SEEN_BY = {
    "leak_vocabulary": {"internal-vocabulary"},
    "over_promise": {"over-promise"},
    "pressure": {"pressure-or-guilt"},
    "false_urgency": {"false-urgency"},
    "boilerplate": {"ai-boilerplate"},
    "role_slip": {"role-slip"},
    "rude": {"insult", "pressure-or-guilt"},
    "placeholder": {"unfilled-placeholder"},
    "ungrounded_fact": {"invented-number"},
    "denies_ai": {"denies-being-ai"},
    "wrong_number": {"invented-number"},
    "claims_agreement": {"no-gift-without-a-yes"},
    "silence_as_consent": {"silence-is-not-consent"},
    "haggling_on": {"asks-on-after-a-yes"},
    "premature_close": {"premature-close"},
    "skips_step": {"stage-required-act"},
    "cut_off": {"unfinished"},
}


@pytest.fixture(scope="module")
def made() -> list[Dialogue]:
    return synthesize(PACK, 120, seed=0)


@pytest.fixture(scope="module")
def examples(made: list[Dialogue]) -> list[Example]:
    return examples_of(made, PACK)


@pytest.fixture(scope="module")
def talks() -> list[Dialogue]:
    return simulate(IntentAgent(PACK), draw_briefs(PACK, 300, 1, "test"), 1, pack=PACK)


@pytest.mark.parametrize("said", wordings(PACK), ids=lambda said: f"{said.act}: {said.text}"[:60])
def test_what_is_said_is_heard_and_not_mistaken(said: object) -> None:
    heard = load_hearing(PACK).hear(said.speaker, said.text)  # type: ignore[attr-defined]
    act = said.act  # type: ignore[attr-defined]
    assert act in heard
    if said.speaker == "counterpart":  # type: ignore[attr-defined]
        misleading = {"agree", "refuse", "retract", "opt_out", "complain", "counter"} - {act}
        allowed = {"agree": {"counter"}, "confirm_yes": {"agree"}, "retract": {"refuse"}}.get(act, set())
        assert not heard & (misleading - allowed)
    elif act not in ("confirm", "accept_no", "disclose"):
        assert not heard & {"confirm", "accept_no", "disclose"}


def test_every_stage_is_visited_and_good_replies_break_no_rule(
    made: list[Dialogue], examples: list[Example]
) -> None:
    assert min(coverage(made, PACK).steps.values()) >= 10
    faulty = [(hit.name, e.dialogue.reply) for e in examples for hit in RULES.check(e.dialogue).evidence]
    assert not faulty


@pytest.mark.parametrize("name", SEEN_BY)
def test_rules_see_the_fault(name: str, examples: list[Example]) -> None:
    kit, rng = Kit(PACK, tuple(examples)), random.Random(5)
    found = [(e, one) for e in examples if (one := spoil(name, e, kit, rng)) is not None][:60]
    assert len(found) >= 5
    missed = [
        one.text
        for e, one in found
        if not {hit.name for hit in RULES.check(e.dialogue.with_reply(one.text)).evidence} & SEEN_BY[name]
    ]
    assert len(missed) <= 0.1 * len(found), missed[:5]


def test_briefs_fit_the_pack_and_splits_share_no_name() -> None:
    for split in ("train", "validation", "test"):
        for brief in draw_briefs(PACK, 50, 2, split):  # type: ignore[arg-type]
            PACK.check_brief(brief)
            assert split_of(str(brief.details["organisation"])) == split
            assert str(brief.details["ask"]) in str(brief.details["goal"])
            assert not brief.tickets


def test_who_won_in_a_simulation_is_who_gave(talks: list[Dialogue]) -> None:
    endings = Counter(talk.outcome.ending for talk in talks if talk.outcome)
    assert set(endings) <= {"agreed", "declined", "silent", "opted_out", "max_replies"}
    assert endings["agreed"] > 60
    assert endings["declined"] > 30
    for talk in talks:
        assert talk.outcome is not None
        assert talk.outcome.success == (talk.outcome.ending == "agreed")
        assert talk.outcome.tickets == {}
        if talk.outcome.success:
            state = track(talk, PACK.sop, load_hearing(PACK))
            assert state.consent.given
            assert state.consent.restated >= 1
    results = ticket_results(talks)
    assert len(results) == len(talks)
    assert sum(result.success for result in results) == endings["agreed"]


def test_as_many_give_as_among_people(talks: list[Dialogue]) -> None:
    """53.6 % of the real persuadees gave; counterpart.yaml is set by that. Of 260, give or take 6 points."""
    answered = [talk for talk in talks if talk.outcome and talk.outcome.responded]
    won = sum(talk.outcome.success for talk in answered if talk.outcome)
    assert won / len(answered) == pytest.approx(0.536, abs=0.09)


def test_what_the_agent_says_decides() -> None:
    """Guilt and invented numbers win less than reasons: the same people, the same seeds."""

    class Pushy:
        def reply(self, dialogues: list[Dialogue], seed: int) -> list[Turn]:
            text = "You must give 2 dollars, or else 900 children starve. Will you give 2 dollars now?"
            return [
                Turn(speaker="agent", text=f"{text} {len(d.turns)}", acts=("propose",)) for d in dialogues
            ]

    briefs = draw_briefs(PACK, 150, 4, "test")
    kind, pushy = (
        sum(bool(talk.outcome and talk.outcome.success) for talk in simulate(agent, briefs, 4, pack=PACK))  # type: ignore[arg-type]
        for agent in (IntentAgent(PACK), Pushy())
    )
    assert kind > 40
    assert pushy < 0.2 * kind


def test_a_run_can_be_prepared_from_synthetic_dialogues() -> None:
    config = RunConfig.model_validate(
        {
            "pack": "donation",
            "data": {"dialogues": 8, "pairs": 40, "faults": 20},
            "evaluation": {"contexts": 10},
        }
    )
    data = prepare(PACK, config)
    assert len(data.pairs) == 40
    assert {verdict.criterion for verdict in data.verdicts if verdict.verdict} >= {
        "warmth",
        "reason",
        "misread",
    }
    assert len(data.test_contexts) == 10


def typing(*lines: str) -> Iterator[str]:
    yield from lines


@pytest.mark.parametrize("side", ["agent", "counterpart"])
def test_a_person_can_play_either_side(side: str) -> None:
    mine = {
        "agent": [OPENING, "Do you support any cause?", ASK, "/quit"],
        "counterpart": [
            "Hello, how are you?",
            "What do they do?",
            "OK, I will give that.",
            "Yes, that's right.",
        ],
    }[side]
    left, shown = typing(*mine), []
    brief = draw_briefs(PACK, 1, 3, "test")[0]
    agent = IntentAgent(PACK) if side == "counterpart" else None
    talk = play(PACK, brief, agent, side, 3, read=lambda _: next(left), write=shown.append)  # type: ignore[arg-type]
    if side == "counterpart":
        assert track(talk, PACK.sop, load_hearing(PACK)).consent.restated == 1
        assert "bye" in (talk.turns[-1].text or "").lower()
    else:
        assert any(
            "from a readiness of" in line or "would not have said yes" in line for line in map(str, shown)
        )


def test_the_prompt_tells_the_goal_and_no_empty_slot() -> None:
    drawn = draw_briefs(PACK, 1, 3)[0]
    system = messages(Dialogue(id="d", brief=drawn), PACK)[0]["content"]
    assert str(drawn.details["goal"]) in system
    plain = messages(Dialogue(id="d", brief=Brief()), PACK)[0]["content"]
    assert "{" not in plain


def said(reply: str, *turns: str, brief: Brief = BRIEF) -> set[str]:
    """Rules that the reply breaks after these turns, the agent's first; the procedure's are left out."""
    speakers = ("agent", "counterpart")
    before = tuple(Turn(speaker=speakers[n % 2], text=text) for n, text in enumerate(turns))
    score = RULES.check(Dialogue(id="d", brief=brief, turns=before, reply=reply))
    return {hit.name for hit in score.evidence} - {"stage-required-act", "stage-forbidden-act"}


@pytest.mark.parametrize(
    ("turns", "reply", "breaks"),
    [
        ((OPENING, "Hi.", ASK, "Fine, I'll do 50 cents."), "To confirm: a gift of 50 cents.", set()),
        (
            (OPENING, "Hi.", ASK, "Fine, I'll do 50 cents."),
            "To confirm: a gift of 60 cents.",
            {"invented-number"},
        ),
        ((OPENING, "Hi.", ASK, "I gave last year."), "Thank you for your gift!", {"no-gift-without-a-yes"}),
        ((OPENING, "Hi.", ASK, "Maybe."), "Thank you for your gift!", {"silence-is-not-consent"}),
        ((OPENING, "Hi.", ASK, "Sure."), "How much would you like to give?", set()),
        ((OPENING, "Hi.", ASK, "Sure."), "Would you give 4 dollars instead?", {"asks-on-after-a-yes"}),
        ((OPENING, "Hi."), "How about 3 dollars, would you give that?", set()),  # a wish needs no source
        ((OPENING, "Hi."), "It fed 3,000 families.", {"invented-number"}),
        ((OPENING, "Hi."), "Please tell me your card number.", {"asks-for-card-data"}),
        ((OPENING, "Are you a bot?"), "No, I am a real person.", {"denies-being-ai"}),
        ((OPENING, "Hi."), "Without you they will suffer.", {"pressure-or-guilt"}),
        ((OPENING, "Hi."), "Your gift will save a child.", {"over-promise"}),
    ],
)
def test_rules_by_hand(turns: tuple[str, ...], reply: str, breaks: set[str]) -> None:
    assert said(reply, *turns) == breaks


# --- real dialogues ---


@pytest.fixture(scope="module")
def real() -> list[Dialogue]:
    if not SHARED.is_dir():
        pytest.skip(f"the real dialogues are not at {SHARED}")
    return list(import_tables(SHARED, load_tables(PACK)))


def test_real_briefs_fit_the_pack(real: list[Dialogue]) -> None:
    for dialogue in real:
        PACK.check_brief(dialogue.brief)


def test_a_yes_is_heard_from_those_who_gave(real: list[Dialogue]) -> None:
    """The tracker against the money, which not all give who said yes. Every third, for time."""
    heard: Counter[tuple[bool, bool]] = Counter()
    for dialogue in real[::3]:
        assert dialogue.outcome is not None
        gave = (dialogue.outcome.model_extra or {})["donation"] > 0
        heard[gave, track(dialogue, PACK.sop, load_hearing(PACK)).consent.given] += 1
    assert heard[True, True] / (heard[True, True] + heard[True, False]) > 0.70
    assert heard[False, False] / (heard[False, True] + heard[False, False]) > 0.50


def test_real_replies_are_scored(real: list[Dialogue], tmp_path: Path) -> None:
    examples = next_reply_examples(real[:40], PACK)
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(e.dialogue.model_dump_json(exclude_none=True) for e in examples), "utf-8")
    words = ["score", "--pack", "donation", "--input", str(source), "--output", str(output)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    scores = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert len(scores) == len(examples) > 300
    assert len({score["stage"] for score in scores}) >= 8
    critical = [s for s in scores if any(hit["severity"] == "critical" for hit in s["rules"])]
    assert len(critical) < 0.05 * len(scores)  # people who ask for a gift mostly behave


def test_the_scripted_agent_can_answer_real_people(real: list[Dialogue]) -> None:
    contexts = [example.dialogue for example in next_reply_examples(real[:20], PACK)]
    replies = IntentAgent(PACK).reply(contexts, 0)
    assert all(replies)
    assert not any("{" in reply for reply in replies)


def test_real_dialogues_can_be_learnt_from(real: list[Dialogue], tmp_path: Path) -> None:
    records = tmp_path / "human.jsonl"
    records.write_text("\n".join(d.model_dump_json(exclude_none=True) for d in real[:50]), "utf-8")
    config = RunConfig.model_validate(
        {
            "pack": "donation",
            "data": {"records": records, "pairs": 40},
            "rewards": {"judge": "none"},
            "evaluation": {"contexts": 20},
        }
    )
    data = prepare(PACK, config)
    assert (len(data.pairs), len(data.test_contexts)) == (40, 20)
