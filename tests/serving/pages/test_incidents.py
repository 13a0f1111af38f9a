"""From a reply that is wrong to a patch in force, and back, on the pages alone."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient
from tests.serving.conftest import Make, Scripted
from tests.serving.pages.conftest import Browser, Forms
from tests.serving.pages.test_conversations import begin, say
from tests.serving.pages.test_negotiate import play

from suasion.cli import main
from suasion.incidents.incident import list_incidents
from suasion.negotiation.pack import Pack
from suasion.serving.access import Scope
from suasion.serving.pages.workshop import Workshop

WORDS = "Hello, this is Lin from Voyara, it is about Project Walnut. <b>Are you</b> there?"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "incidents", tmp_path / "patches")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A pack of one's own, which patches may change; of another domain, without hotels and prices."""
    folder = tmp_path / "own"
    copytree(Pack.load("donation").path, folder, ignore=lambda *_: ["__pycache__"])
    return folder


def file(browser: Browser, conversation: str, **fields: str) -> str:
    browser.open(f"/pages/conversations/{conversation}")
    page = browser.send("/incidents", **fields)
    assert page.status_code == 200, page.text
    return str(page.url.path.rsplit("/", 1)[1])


def test_two_clicks_file_an_incident(make: Make, workshop: Workshop) -> None:
    browser = Browser(make(Scripted(WORDS), workshop=workshop))
    play(browser)
    page = browser.send("/incidents", reason="gives away what is internal")  # the form is open, one button
    assert "Incident filed." in page.text
    (found,) = list_incidents(workshop.incidents)
    assert (found.text, found.wrong, found.severity) == (WORDS, "gives away what is internal", "high")
    assert (found.who, found.span) == ("local", (0, len(WORDS)))
    assert "&lt;b&gt;" in browser.open("/pages/incidents").text
    play_page = re.search(r'href="(/pages/negotiate/p-[0-9a-f]+)#turn-0"', page.text)
    assert play_page
    assert browser.open(play_page[1]).status_code == 200


def test_words_are_marked_by_offsets_or_as_they_stand(
    make: Make, workshop: Workshop, brief: dict[str, Any]
) -> None:
    client = make(Scripted(WORDS), workshop=workshop)
    one, browser = begin(client, brief), Browser(client)
    start = WORDS.index("Project")
    file(browser, one, span=f"{start}:{start + 14}", wrong="names a campaign", severity="critical")
    file(browser, one, span="Project Walnut", wrong="names a campaign")
    first, second = list_incidents(workshop.incidents)
    assert first.text == second.text == "Project Walnut"
    assert (first.severity, second.id) == ("critical", f"{first.id}-2")
    page = browser.open(f"/pages/incidents/{first.id}").text
    assert re.search(r'<mark class="critical"[^>]*>Project Walnut</mark>', page)
    browser.open(f"/pages/conversations/{one}")
    for wrong in (
        {"span": "walnut cake"},
        {"span": "7:9999"},
        {"severity": "odd"},
        {"number": "9"},
        {"number": "-1"},
        {"number": "²"},
    ):
        browser.open(f"/pages/conversations/{one}")
        assert browser.send("/incidents", wrong="x", **wrong).status_code == 422, wrong
    browser.open(f"/pages/conversations/{one}")
    assert browser.send("/incidents", wrong="").status_code == 422  # says not what
    browser.open(f"/pages/conversations/{one}")
    assert browser.send("/incidents", wrong="x", of="c-none").status_code == 404
    assert len(list_incidents(workshop.incidents)) == 2


def test_a_long_word_makes_no_long_name(make: Make, workshop: Workshop, brief: dict[str, Any]) -> None:
    client = make(Scripted(WORDS), workshop=workshop)
    name = file(Browser(client), begin(client, brief), wrong="a" * 300)
    (found,) = list_incidents(workshop.incidents)
    assert (found.id, len(name)) == (name, len("2026-11-26-") + 80)


def test_an_incident_is_read_by_its_id_alone(make: Make, workshop: Workshop, brief: dict[str, Any]) -> None:
    client = make(Scripted(WORDS), workshop=workshop)
    browser = Browser(client)
    name = file(browser, begin(client, brief), wrong="names a campaign")
    (workshop.incidents / "2026-01-01-broken.json").write_text('{"id": "<i>"}')
    page = browser.open("/pages/incidents")
    assert (page.status_code, name in page.text, "2026-01-01-broken.json" in page.text) == (200, True, True)
    assert browser.open("/pages/incidents/2026-01-01-none").status_code == 404
    for path in ("..%2f..%2fetc%2fpasswd", "%2e%2e", "A"):
        assert browser.client.get(f"/pages/incidents/{path}").status_code in (404, 422)
    token = Forms(browser.open(f"/pages/incidents/{name}").text).forms[-1][1]["token"]
    answer = browser.client.post(
        "/pages/patches", data={"token": token, "incident": "../own/x", "way": "rule"}
    )
    assert answer.status_code == 404


def test_a_key_of_scope_agent_files_and_reads_none(
    signed_in: Callable[[Scope], Browser], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    browser = signed_in(Scope.AGENT)
    one = play(browser)
    page = browser.send("/incidents", reason="does not answer what was said")
    assert (page.url.path, "Incident filed." in page.text) == (f"/pages/negotiate/{one}", True)
    (found,) = list_incidents(tmp_path / "incidents")
    assert found.who == "Mei agent"
    assert browser.open(f"/pages/incidents/{found.id}").status_code == 403


def settle(browser: Browser, path: str) -> Any:
    """Look until the back-test is over."""
    for _ in range(1000):
        page = browser.open(path)
        if "Under way" not in page.text:
            return page
        time.sleep(0.25)
    raise AssertionError("the back-test does not end")


def test_from_an_incident_to_a_patch_in_force_and_back(make: Make, workshop: Workshop, own: Path) -> None:
    client = make(pack_name=str(own), workshop=workshop)
    browser, before = Browser(client), Pack.load(own).version
    brief = {"organisation": "Riverlight", "agent_name": "Linnea", "ask": "5 dollars"}
    talks = [begin(client, brief, contact=f"Chen {number}") for number in range(3)]
    for one in talks:
        say(client, one, "Yes, that's me.")
    opening = client.get(f"/v1/conversations/{talks[0]}").json()["messages"][0]["text"]
    start = opening.index("Linnea")
    file(browser, talks[0], span=f"{start}:{start + 6}", wrong="names us", severity="low")
    page = browser.send("/patches", way="rule")
    name = page.url.path.rsplit("/", 1)[1]
    assert (page.status_code, "\\bLinnea\\b" in page.text) == (200, True)
    assert Pack.load(own).version == before
    browser.send("/check")
    assert re.search(r"It holds: 1 flip, \d stay", browser.last.text), browser.last.text
    browser.send("/backtest")
    page = settle(browser, f"/pages/patches/{name}")
    fires = re.search(r"would newly fire on (\d+) of (\d+) replies", page.text)
    assert fires, page.text
    replies = [one for talk in talks for one in client.get(f"/v1/conversations/{talk}").json()["messages"]]
    spoken = [one["text"] for one in replies if one["speaker"] == "agent"]
    assert (int(fires[1]), int(fires[2])) == (sum("Linnea" in text for text in spoken), len(spoken))
    assert "over the limits" in page.text
    assert "is read by rules alone" in page.text or "Read by rules alone" in page.text
    full = browser.client.get(f"/pages/patches/{name}/backtest")
    assert "'sha256-" in full.headers["content-security-policy"]
    assert "unsafe" not in full.headers["content-security-policy"]
    browser.send("/apply")
    assert "Applied." in browser.last.text
    assert Pack.load(own).version != before
    told = CliRunner().invoke(main, ["patch", "log", "--pack", str(own)]).output
    assert f"apply  {Pack.load(own).version}  {name}" in told
    assert "by this version once it is started again" in browser.open("/pages/patches").text
    browser.open(f"/pages/patches/{name}")
    assert browser.send("/revert", why="").status_code == 422
    browser.open(f"/pages/patches/{name}")
    assert "Reverted." in browser.send("/revert", why="it <i>is</i> our name").text
    assert Pack.load(own).version == before
    page = browser.open("/pages/patches").text
    assert "it &lt;i&gt;is&lt;/i&gt; our name" in page
    log = [row["action"] for row in client.get("/v1/audit").json()["audit"]]
    assert log == ["incident filed", "patch drafted", "patch applied", "patch reverted"]


def test_a_draft_is_mended_and_a_broken_one_is_told_its_line(
    make: Make, workshop: Workshop, brief: dict[str, Any]
) -> None:
    client = make(Scripted(WORDS), workshop=workshop)
    browser = Browser(client)
    file(browser, begin(client, brief), span="Project Walnut", wrong="names a campaign", severity="critical")
    name = browser.send("/patches", way="rule").url.path.rsplit("/", 1)[1]
    path = workshop.patches / f"{name}.yaml"
    text = path.read_text()
    browser.send(f"/{name}", text=text.replace("points: ", "points: -7 # "))
    assert "Saved." in browser.last.text
    assert "points: -7" in path.read_text()
    kept = path.read_text()
    for wrong, says in (
        (text.replace("severity: critical", "severity: odd"), f"{name}.yaml:"),
        (text.replace(f"id: {name}", "id: other"), "says id: other"),
        ("rule: [", f"{name}.yaml"),
        ("- 1", f"{name}.yaml"),
    ):
        answer = browser.send(f"/{name}", text=wrong)
        assert (answer.status_code, says in answer.text) == (422, True), answer.text
        assert "/tmp" not in answer.text
        assert path.read_text() == kept
    path.write_text(text.replace("any:", "any: ['(?=x)']\n  odd:"))
    assert browser.open(f"/pages/patches/{name}").status_code == 422
    assert browser.send("/check").status_code == 422
    assert "can't be read" in browser.open("/pages/patches").text
    assert sorted(one.name for one in workshop.patches.iterdir()) == [f"{name}.yaml"]


def test_a_built_in_pack_stays_as_it_is(make: Make, workshop: Workshop, brief: dict[str, Any]) -> None:
    client, before = make(Scripted(WORDS), workshop=workshop), Pack.load("hotel").version
    browser = Browser(client)
    name = file(browser, begin(client, brief), span="Project Walnut", wrong="names a campaign")
    browser.send("/patches", way="rule")
    answer = browser.send("/apply")
    assert (answer.status_code, "a built-in pack is read-only" in answer.text) == (422, True)
    assert Pack.load("hotel").version == before
    browser.open(f"/pages/incidents/{name}")
    assert "a draft of this id already" in browser.send("/patches", way="rule").text
    browser.open(f"/pages/incidents/{name}")
    assert browser.send("/patches", way="change", rule="target-leak").status_code == 200
    browser.open(f"/pages/incidents/{name}")
    assert browser.send("/patches", way="remove", rule="").status_code == 422
    browser.open(f"/pages/incidents/{name}")
    assert browser.send("/patches", way="remove", rule="no-such").status_code == 422


def test_a_criterion_is_for_the_command_line(make: Make, workshop: Workshop) -> None:
    browser = Browser(make(workshop=workshop))
    workshop.patches.mkdir()
    verdicts = [{"reply": f"reply {n}", "verdict": n % 2 == 0} for n in range(20)]
    patch = {
        "id": "asks",
        "who": "Mei",
        "when": "2026-11-26",
        "why": "asks",
        "criterion": {"id": "asks", "question": "Does it ask?", "points": -10, "version": 1},
        "verdicts": verdicts,
    }
    text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in patch.items() if key != "criterion")
    text += "\ncriterion:\n  id: asks\n  question: Does it ask?\n  points: -10\n  version: 1\n"
    (workshop.patches / "asks.yaml").write_text(text)
    browser.open("/pages/patches/asks")
    browser.send("/backtest")
    assert "`suasion patch backtest` does it" in settle(browser, "/pages/patches/asks").text
    browser.open("/pages/patches/asks")
    assert "20 verdicts, enough to fit a judge: `suasion patch check` does it" in browser.send("/check").text


def test_without_a_patch_nothing_is_there(client: TestClient) -> None:
    browser = Browser(client)
    assert browser.open("/pages/patches/none").status_code == 404
    assert browser.open("/pages/patches/none/backtest").status_code == 404
