"""A person plays the other side: what is shown, what it scores, and that nobody outside is told."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.serving.conftest import NOW, Make, Scripted
from tests.serving.pages.conftest import Browser
from tests.serving.pages.test_conversations import LEAK

from suasion.negotiation.pack import Pack
from suasion.rewards.score import Evidence, Score, Source, Status
from suasion.rewards.suite import RewardSuite
from suasion.serving import schema
from suasion.serving.access import Scope, create_key
from suasion.serving.contracts import BRIEF_EXAMPLE
from suasion.serving.pages.plays import PlayTurn, add_turns
from suasion.serving.pages.workshop import Workshop
from suasion.serving.records import stamp

HOSTILE = "<script>alert(1)</script>"
OLD = {"source": "agent", "stage": "opening", "latency_ms": 1.0, "guard": [], "ending": None}


def play(browser: Browser) -> str:
    """Begin one about a drawn brief; its id."""
    browser.open("/pages/negotiate?draw=7")
    page = browser.send("/negotiate")
    assert page.status_code == 200
    return str(page.url.path.rsplit("/", 1)[1])


def test_a_negotiation_is_played_to_its_end_and_nobody_is_told(browser: Browser) -> None:
    drawn = browser.open("/pages/negotiate?draw=7").text
    assert drawn == browser.open("/pages/negotiate?draw=7").text
    one = play(browser)
    page = browser.send(f"/{one}", text=f"Yes, that's me. {HOSTILE}", then="say")
    assert "&lt;script&gt;" in page.text
    page = browser.send(f"/{one}", then="silence")
    assert "no answer for 30 minutes" in page.text
    page = browser.send(f"/{one}", text="I want to talk to a real person.", then="say")
    assert "The agent stopped here: handed over" in page.text
    assert page.text.count('class="turn agent"') == 4
    assert page.text.count("This is wrong") == 4
    assert page.text.count('aria-label="scores"') == 4
    assert len(re.findall(r"rules <b>([+−]\d+|0)</b>", page.text)) == 4
    assert "reward model" not in page.text  # the intent agent has none
    store = browser.context.service.store
    assert store.search({}, 10) == []
    assert [row.kind for row in store.events_after(0, 10)] == []
    assert one in browser.open("/pages/negotiate").text


def test_spans_that_rules_object_to_are_marked(make: Make) -> None:
    words = "We promise you at least 40 more bookings."
    browser = Browser(make(Scripted(words)))
    one = play(browser)
    marks = re.findall(
        r'<mark class="(\w+)" title="([^"]+)">([^<]+)</mark>', browser.open(f"/pages/negotiate/{one}").text
    )
    assert marks
    assert all(text in words for _, _, text in marks)


class Liked:
    """A reward model that likes every reply alike."""

    version = "liked"

    def score(self, dialogues: Any) -> list[float]:
        return [1.5] * len(dialogues)


class Judge:
    """Finds two criteria met, one of them in part."""

    version = "judge"

    def __init__(self, points: float = 20.0) -> None:
        self.points = points

    def score(self, dialogues: Any) -> list[Score]:
        found = (
            Evidence("warm", self.points - 5.0, note=f"Is it warm, {HOSTILE}?", probability=0.75),
            Evidence("to-the-point", 5.0),
        )
        return [Score(Source.JUDGE, Status.READ, self.points, found) for _ in dialogues]


def test_a_run_with_rewards_shows_all_of_them(make: Make, hotel: Pack) -> None:
    suite = RewardSuite(hotel, Judge(), Liked())
    browser = Browser(make(workshop=Workshop(suite=lambda: suite)))
    play(browser)
    found = re.findall(r"<li>([a-z ]+) <b>([^<]+)</b>", browser.last.text)
    scores = dict(found)
    assert (scores["judge"], scores["reward model"]) == ("+20", "+1.50")
    rules = float(scores["rules"].replace("−", "-"))
    assert scores["enhancement"] == f"{20 + rules:+.0f}"  # E_enh, what the two make together
    assert scores["total"] == f"{1.5 * (1 + (20 + rules) / 100):+.2f}"  # the paper's R_total


def test_the_judges_criteria_are_shown_and_escaped(make: Make, hotel: Pack) -> None:
    suite = RewardSuite(hotel, Judge(), Liked())
    browser = Browser(make(workshop=Workshop(suite=lambda: suite)))
    play(browser)
    page = browser.last.text
    shown = page[page.index("The judge on 2 criteria") :]
    lines = re.findall(r"<li><b>([^<]+)</b> (.+)</li>", shown)
    question = "Is it warm, &lt;script&gt;alert(1)&lt;/script&gt;?"
    assert lines == [
        ("warm", f'+15, probability 0.75: <span dir="auto">{question}</span>'),
        ("to-the-point", "+5"),
    ]


def test_the_enhancement_is_shown_as_it_is_clipped(make: Make, hotel: Pack) -> None:
    suite = RewardSuite(hotel, Judge(250.0), Liked())
    browser = Browser(make(workshop=Workshop(suite=lambda: suite)))
    play(browser)
    scores = dict(re.findall(r"<li>([a-z ]+) <b>([^<]+)</b>", browser.last.text))
    assert (scores["judge"], scores["enhancement"], scores["total"]) == ("+250", "+100", "+3.00")


def test_a_play_that_was_stored_without_the_enhancement_is_shown(browser: Browser) -> None:
    one, store = play(browser), browser.context.service.store
    with store.engine.connect() as connection:
        score = connection.execute(select(schema.play_turns.c.reply)).scalar_one()["score"]
    values = {key: value for key, value in score.items() if key != "e_enh"} | {"e_judge": 3.0}
    turn = PlayTurn(1, stamp(NOW), "agent", "As before.", reply={**OLD, "score": values})
    add_turns(store, one, [turn])
    page = browser.open(f"/pages/negotiate/{one}").text
    assert (page.count("judge <b>+3</b>"), "enhancement" in page) == (1, False)


def test_a_form_sent_twice_says_it_once(browser: Browser) -> None:
    one = play(browser)
    page = browser.last
    browser.send(f"/{one}", text="Yes, that's me.", then="say")
    browser.last = page
    browser.send(f"/{one}", text="Yes, that's me.", then="say")
    assert browser.last.text.count("that&#39;s me.") == 1


@pytest.mark.parametrize(
    ("brief", "says"),
    [
        ("", "fill it in"),
        ("{", "not JSON"),
        ("[" * 60 + "]" * 60, "deep"),
        ('{"hotel": "a"}', "ticket"),
        ('{"tickets": [{"id": "t1"}]}', "brief.tickets.0"),
        ("x" * 20_001, "20,000"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_brief_that_is_none_is_told_where(browser: Browser, brief: str, says: str) -> None:
    browser.open("/pages/negotiate")
    page = browser.send("/negotiate", brief=brief)
    assert (page.status_code, says in page.text) == (422, True), page.text


def test_a_brief_of_ones_own(browser: Browser, brief: dict[str, Any]) -> None:
    browser.open("/pages/negotiate")
    page = browser.send("/negotiate", brief=json.dumps({**brief, "hotel": f"Hotel {HOSTILE}"}))
    assert (page.status_code, "Hotel &lt;script&gt;" in page.text) == (200, True)


def test_only_operators_see_what_others_play(signed_in: Callable[[Scope], Browser], tmp_path: Path) -> None:
    mine, other, operator = signed_in(Scope.AGENT), signed_in(Scope.AGENT), signed_in(Scope.OPERATOR)
    one = play(mine)
    assert mine.open(f"/pages/negotiate/{one}").status_code == 200
    assert other.open(f"/pages/negotiate/{one}").status_code == 404
    assert one not in other.open("/pages/negotiate").text
    assert operator.open(f"/pages/negotiate/{one}").status_code == 200
    assert operator.open("/pages/negotiate/p-0").status_code == 422


def test_withheld_words_are_for_operators(make: Make) -> None:
    client = make(Scripted(LEAK), needs_keys=True)
    for scope, shown in ((Scope.AGENT, 0), (Scope.OPERATOR, 3)):
        browser = Browser(client)
        browser.open("/pages/sign-in")
        browser.send("/sign-in", key=create_key(browser.context.service.store, scope))
        browser.open("/pages/negotiate")
        browser.send("/negotiate", brief=json.dumps(BRIEF_EXAMPLE))
        assert browser.last.text.count('class="says draft"') == shown
        assert ("My target is" in browser.last.text) == bool(shown)
