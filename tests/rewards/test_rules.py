"""Rules: what they object to in the hotel pack, how a broken file is told, and what holds for any text."""

import time
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.negotiation.pack import Pack
from suasion.rewards.rules import RuleSet
from suasion.rewards.score import Severity, Status

HOTEL = Pack.load("hotel")
RULES = RuleSet.load(HOTEL)
TICKET = {
    "id": "t1",
    "room": "Queen Room",
    "check_in": "2026-12-01",
    "check_out": "2026-12-02",
    "selling_price": 420,
    "commission_rate": 0.15,
    "target_selling_price": 380,
    "competitor_price": {"selling_price": 385, "source": "another platform"},
}
PARTIES = {"hotel": "Sunrise Hotel", "agency": "Voyara", "agent_name": "Lin"}
FACTS = ("The hotel's page had 310 views in the last 7 days.",)
ASKED = (
    "agent",
    "It's about the Queen Room for Dec 1-2, which sells at 420 yuan now. Could you do 380 yuan?",
)


def brief(*more: dict[str, object]) -> Brief:
    return Brief.model_validate(
        PARTIES | {"facts": FACTS, "tickets": [TICKET, *({**TICKET, **one} for one in more)]}
    )


def dialogue(reply: str | None, *turns: tuple[str, str | float], of: Brief | None = None) -> Dialogue:
    made = [
        Turn(speaker="counterpart", silence_minutes=text)
        if isinstance(text, int | float)
        else Turn(speaker=speaker, text=text)
        for speaker, text in turns
    ]
    return Dialogue(id="d", brief=of or brief(), turns=tuple(made), reply=reply)


def hits(reply: str, *turns: tuple[str, str | float]) -> set[str]:
    return {one.name for one in RULES.check(dialogue(reply, *turns)).evidence}


TIMING = {"premature-close", "stage-required-act"}  # of a reply that would do elsewhere


def severe(reply: str, *turns: tuple[str, str | float]) -> set[str]:
    """Hits that are more than a flaw of form."""
    found = RULES.check(dialogue(reply, *turns)).evidence
    return {one.name for one in found if one.severity != Severity.LOW}


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        ("This work order is urgent for us.", "internal-vocabulary"),
        ("Our target price is 380 yuan.", "internal-vocabulary"),
        ("Our limit is 380 yuan.", "target-leak"),
        ("We guarantee you more bookings.", "over-promise"),
        ("You will definitely see more guests.", "over-promise"),
        ("I can't promise much, but I guarantee a full house.", "over-promise"),
        ("Otherwise we will reduce your exposure.", "pressure"),
        ("This is the last chance.", "false-urgency"),
        ("Our CEO demands it.", "false-authority"),
        ("I'm a real person.", "denies-being-ai"),
        ("<think>hm</think> Hello.", "leaked-reasoning"),
        ("As an AI language model, I can't say.", "ai-boilerplate"),
        ("Hello [Hotel Name], this is Lin from Voyara.", "unfilled-placeholder"),
        ('{"reply": "Hello."}', "markup-or-json"),
        ("Thank you for choosing our hotel.", "role-slip"),
        ("Hello 您好, this is Lin from Voyara.", "mixed-language"),
        ("We ask for a selling price of 300 yuan.", "proposal-out-of-bounds"),
        ("It's about the Queen Room for Dec 9-10, now selling at 420 yuan.", "wrong-date"),
        ("It's about the Family Suite for Dec 1-2, now selling at 420 yuan.", "wrong-room"),
        ("", "empty"),
    ],
)
def test_objects(reply: str, rule: str) -> None:
    assert rule in hits(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "I can't guarantee bookings, that would not be honest.",
        "A lower price can make your page easier to choose.",
        "It isn't a promise: guests simply compare prices.",
        "You don't have to decide today, and there is no penalty either way.",
        "I am an AI assistant of Voyara; a real person can take over if you prefer.",
        "No pressure at all.",
        "Would 390 yuan as the selling price be possible? That is 30 yuan less.",
    ],
)
def test_lets_honest_words_pass(reply: str) -> None:
    # In `negotiate`: whether a reply comes at the right time is asked elsewhere.
    assert severe(reply, ASKED, ("counterpart", "Why should I?")) - TIMING == set()


@pytest.mark.parametrize(
    ("reply", "turns", "rule"),
    [
        ("Thank you for agreeing!", [ASKED, ("counterpart", 45.0)], "silence-is-not-consent"),
        ("Noted: 380 yuan.", [ASKED, ("counterpart", "let me think")], "silence-is-not-consent"),
        ("Noted: 380 yuan.", [ASKED, ("counterpart", "too low")], "silence-is-not-consent"),
        ("Noted: 380 yuan.", [ASKED, ("counterpart", "why")], "no-agreement-no-confirmation"),
        ("Noted: 371 yuan.", [ASKED, ("counterpart", "ok 380")], "wrong-confirmation"),
        ("Could you do 370 yuan?", [ASKED, ("counterpart", "ok 375")], "haggling-on"),
        ("Goodbye.", [ASKED, ("counterpart", "why")], "premature-close"),
        (ASKED[1], [ASKED, ("counterpart", "why")], "self-repetition"),
    ],
)
def test_objects_after(reply: str, turns: list[tuple[str, str | float]], rule: str) -> None:
    assert rule in hits(reply, *turns)


def test_a_confirmation_is_due_once() -> None:
    reply = "To confirm: Queen Room, Dec 1-2, selling price 380 yuan."
    agreed = [ASKED, ("counterpart", "ok 380")]
    assert severe(reply, *agreed) == set()
    assert "repeated-confirmation" in severe(reply, *agreed, ("agent", reply), ("counterpart", "yes"))


def test_quoting_excuses_only_the_counterparts_words() -> None:
    asked = ("counterpart", "what is a work order?")
    assert "internal-vocabulary" not in hits('By "work order" do you mean our request?', ASKED, asked)
    assert "internal-vocabulary" in hits('By "work order" I mean our request.', ASKED, ("counterpart", "why"))


def test_the_second_ticket_is_not_forgotten() -> None:
    two = brief({"id": "t2", "room": "Standard Twin"})
    turns = [ASKED, ("counterpart", "ok 380")]
    score = RULES.check(dialogue("Great, thanks. Goodbye and have a good day.", *turns, of=two))
    assert "forgotten-ticket" in {one.name for one in score.evidence}


def test_score_is_the_sum_of_its_evidence() -> None:
    score = RULES.check(dialogue("Our CEO demands it, and we guarantee more bookings"))
    assert score.status == Status.READ
    assert score.value == sum(one.points for one in score.evidence) < 0
    assert score.version == RULES.version


def test_no_reply_is_no_reading() -> None:
    assert RULES.check(dialogue(None)).status == Status.UNREAD


def test_a_pack_without_rules_has_none(tmp_path: Path) -> None:
    folder = copytree(HOTEL.path, tmp_path / "pack")
    (folder / "rules.yaml").unlink()
    rules = RuleSet.load(Pack.load(folder))
    assert rules.rules == ()
    assert rules.check(dialogue("We guarantee it.")).value == 0


def test_generic_rules_know_no_hotel() -> None:
    rules = RuleSet.load(Pack.load("generic"))
    plain = Dialogue(id="d", brief=Brief(), reply="Would you give a little, because every bit helps?")
    assert rules.check(plain).value == 0
    assert rules.check(plain.with_reply("You have no choice!")).value == -50
    text = (rules.pack.path / "rules.yaml").read_text("utf-8").lower()
    assert not [word for word in ("hotel", "yuan", "booking", "room") if word in text]


RULE = """
  - id: one
    severity: low
    points: -5
    any: ['x']
    hits: ["x"]
    passes: ["y"]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('hits: ["x"]', 'hits: ["z"]', 9, "must object to 'z'"),
        ('passes: ["y"]', 'passes: ["xy"]', 10, "objects to 'x'"),
        ("any: ['x']", "any: ['(?=x)']", 8, "look-around"),
        ("any: ['x']", "any: ['(x']", 8, "RE2 refuses"),
        ("any: ['x']", "check: no_such", 8, "unknown check"),
        ("any: ['x']", "check: too_long", 5, "needs words"),
        ("any: ['x']", "check: too_long\n    with: {word: 3}", 9, "no parameter 'word'"),
        ("any: ['x']", "check: too_long\n    with: {words: many}", 9, "valid integer"),
        ("any: ['x']", "any: ['x']\n    stages: [nowhere]", 9, "unknown stage"),
        ("any: ['x']", "any: ['x']\n    color: red", 9, "unknown key"),
        ("any: ['x']", "any: ['x']\n    check: empty", 5, "needs either"),
        ("points: -5", "points: 5", 7, "less than 0"),
        ('hits: ["x"]', "hits: [{reply: x, brief: {tickets: [{id: t1}]}}]", 9, "required"),
        ('passes: ["y"]', f'passes: ["y"]{RULE}', 11, "rule of this id"),
    ],
)
def test_a_broken_file_names_line_and_rule(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    folder = copytree(HOTEL.path, tmp_path / "pack")
    (folder / "rules.yaml").write_text(
        f"version: 1\nexample_brief: {PARTIES}\n\nrules:{RULE}".replace(old, new, 1)
    )
    with pytest.raises(InputError) as error:
        RuleSet.load(Pack.load(folder))
    assert message in str(error.value)
    assert error.value.file == str(folder / "rules.yaml")
    assert error.value.line == line


TURNS = st.lists(
    st.one_of(
        st.builds(lambda text: Turn(speaker="agent", text=text), st.text(max_size=40)),
        st.builds(lambda text: Turn(speaker="counterpart", text=text), st.text(max_size=40)),
        st.just(Turn(speaker="counterpart", silence_minutes=30)),
        st.sampled_from([Turn(speaker="agent", text=ASKED[1]), Turn(speaker="counterpart", text="ok 380")]),
    ),
    max_size=5,
)
WORDS = st.lists(
    st.sampled_from(
        [
            "380",
            "420",
            "300",
            "9",
            "net",
            "10%",
            "confirm",
            "work",
            "order",
            "?",
            ".",
            ",",
            "’",
            "“",
            "您",
            "agreed",
            "bye",
        ]
    )
)
REPLIES = st.one_of(
    st.text(), st.text(st.characters(categories=["Cs", "Nd", "So", "Po"])), WORDS.map(" ".join)
)


@settings(deadline=None, max_examples=300)
@given(REPLIES, TURNS)
def test_any_text_is_checked_and_spans_lie_in_it(reply: str, turns: list[Turn]) -> None:
    said = Dialogue(id="d", brief=brief(), turns=tuple(turns)).with_reply(reply)
    for one in RULES.check(said).evidence:
        if one.span is not None:
            assert 0 <= one.span[0] <= one.span[1] <= len(reply)
            assert one.text is not None
            assert len(one.text) == one.span[1] - one.span[0]


@settings(deadline=None, max_examples=200)
@given(REPLIES)
def test_the_prefilter_loses_no_hit(reply: str) -> None:
    without = RuleSet(
        RULES.pack, RULES.hearing, RULES.rules, RULES.version, RULES.checks, RULES.breaks, AllMatch()
    )
    said = dialogue("").with_reply(reply)
    assert RULES.check(said) == without.check(said)


class AllMatch:
    def matching(self, text: str) -> frozenset[int]:
        return frozenset(range(len(RULES.rules)))


def test_a_thousand_replies_take_a_moment() -> None:
    turns = [
        ASKED,
        ("counterpart", "Why should I lower the price?"),
        ("agent", "Guests compare prices."),
        ("counterpart", "no"),
    ]
    many = [
        dialogue(f"I see. Could you do {380 + n % 39} yuan? It is {n} of 1000.", *turns) for n in range(1000)
    ]
    began = time.process_time()
    for one in many:
        RULES.check(one)
    assert time.process_time() - began < 5  # the aim is 0.6 ms each; this only catches a blow-up
