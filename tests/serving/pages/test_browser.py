"""The pages in a real Chromium: journeys by pointer and by keyboard, axe-core, no word to anybody outside.

Needs the package playwright, a chromium on the path, and axe-core's axe.min.js ($AXE). With $SHOTS, a folder,
the pages are photographed into it.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.serving.test_killed import Server, post

from suasion.negotiation.pack import Pack
from suasion.serving.contracts import BRIEF_EXAMPLE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE, SHOTS = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js")), os.environ.get("SHOTS")
WIDTHS = (390, 1440)
PATIENCE = 120_000  # milliseconds, for a machine that has other things to do
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
HOTELS = ("Moonlight Inn", "Lakeside <b>Lodge</b>", "Harbour House", "Old Town Rooms", "Riverside Suites")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core: `npm install axe-core`, or $AXE=axe.min.js"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`suasion serve` with a pack of its own and a few conversations."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(Pack.load("hotel").path, folder / "own", ignore=lambda *_: ["__pycache__"])
    places = ("--incidents", str(folder / "incidents"), "--patches", str(folder / "patches"))
    found = Server(f"sqlite:///{folder}/s.db", folder / "log", "--pack", str(folder / "own"), *places)
    found.start()
    for number, hotel in enumerate(HOTELS):
        new = {"brief": {**BRIEF_EXAMPLE, "hotel": hotel}}
        one = post(found, "/v1/conversations", new, f"new-{number}")["conversation_id"]
        said = ("Yes, that's me.", "ok 380", "Yes, right.")[: number + 1]
        if number in (0, 4):
            said = ("Yes, that's me.", "I want to talk to a real person.", "Is anybody there?")
        for place, text in enumerate(said):
            post(found, f"/v1/conversations/{one}/messages", {"text": text}, f"{number}-{place}")
    yield found
    assert found.stop(signal.SIGTERM) in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Any, server: Server, width: int = 1440, scheme: str = "light") -> Iterator[Any]:
    """A page of a new browser; whatever it says to the console or asks elsewhere is an error."""
    address = f"http://127.0.0.1:{server.port}"
    context = chromium.new_context(
        base_url=address, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    context.set_default_timeout(PATIENCE)
    page, said = context.new_page(), []
    bad = ("error", "warning")
    page.on("console", lambda one: said.append(f"{one.text} at {page.url}") if one.type in bad else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(address) else said.append(asked.url))
    yield page
    context.close()
    assert said == []


def check(page: Any, name: str) -> None:
    """No serious fault by axe, nothing wider than the page; photographed where that is asked for."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # by the debugger: the page's policy stays as it is
    options = {"runOnly": {"type": "tag", "values": [*LEVELS, "best-practice"]}}
    found = page.evaluate("options => axe.run(document, options)", options)
    faults = [
        (one["id"], one["impact"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical") or set(one["tags"]) & set(LEVELS)
    ]
    assert faults == [], (page.url, faults)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, (page.url, page.viewport_size, wide)
    if SHOTS:
        size = page.viewport_size
        page.screenshot(path=str(Path(SHOTS) / f"{name}-{size['width']}.png"), clip=_clip(page, size))


def _clip(page: Any, size: dict[str, int]) -> dict[str, int]:
    tall = page.evaluate("document.documentElement.scrollHeight")
    return {"x": 0, "y": 0, "width": size["width"], "height": min(tall, 900)}


def see(chromium: Any, server: Server, path: str, name: str) -> None:
    """A page at both widths and in both colours."""
    for width in WIDTHS:
        for scheme in ("dark", "light"):
            with opened(chromium, server, width, scheme) as page:
                assert page.goto(path).ok, path
                check(page, name)


def test_a_negotiation_and_an_incident_in_two_clicks(chromium: Any, server: Server) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/negotiate?draw=7")
        page.get_by_role("button", name="Begin").click()
        page.wait_for_function("document.activeElement.id === 'text'")
        page.keyboard.type("Yes, that's me. What is it about?")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#turn-2")
        assert page.locator(".turn.agent [aria-label=scores]").count() == 2
        played = page.url.split("#")[0]
        page.get_by_text("This is wrong").last.click()
        check(page, "negotiate")
        page.get_by_role("button", name="promises what nobody can promise").last.click()
        page.wait_for_url("**/pages/incidents/*")
        assert page.get_by_role("status").inner_text() == "Incident filed."
    see(chromium, server, played, "play")


def test_words_selected_in_a_reply_are_those_that_are_wrong(chromium: Any, server: Server) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/negotiate?draw=7")
        page.get_by_role("button", name="Begin").click()
        page.wait_for_selector("#turn-0")
        page.get_by_text("This is wrong").click()
        page.get_by_text("In your words").click()
        text = page.locator("[data-reply='0']").inner_text()
        start = text.index(" ") + 1
        page.evaluate(
            """([start, end]) => {
                const words = document.querySelector("[data-reply='0']").firstChild;
                document.getSelection().setBaseAndExtent(words, start, words, end);
            }""",
            [start, start + 8],
        )
        page.wait_for_function("document.querySelector('[name=span]').value !== ''")
        assert page.locator("[name=span]").last.input_value() == f"{start}:{start + 8}"
        page.locator("[name=wrong]").fill("is not our tone")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pages/incidents/*")
        assert page.locator("mark").inner_text() == text[start : start + 8]


def test_a_hand_over_is_taken_and_handed_back_by_keyboard_alone(chromium: Any, server: Server) -> None:
    with opened(chromium, server, WIDTHS[0]) as page:
        page.goto("/pages/inbox")
        check(page, "inbox")
        tab_to(page, "Moonlight Inn")
        page.keyboard.press("Enter")
        page.wait_for_selector("#text")
        page.keyboard.press("Control+/")  # to the field
        page.keyboard.type("Mei here. I have asked my colleagues.")
        check(page, "takeover")
        tab_to(page, "Send and hand back to the agent")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=status]")
        assert "Mei here." in page.locator(".turn").last.inner_text()
        page.goto("/pages/inbox")
        assert page.get_by_role("link", name="Riverside Suites").is_visible()
        assert not page.get_by_role("link", name="Moonlight Inn").is_visible()


def tab_to(page: Any, text: str) -> None:
    """Press Tab until what has the focus says this; the focus has to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", text
            return
    raise AssertionError(f"Tab does not reach {text!r}")


def test_a_patch_from_its_draft_to_the_log(chromium: Any, server: Server) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/conversations?status=ended")
        page.get_by_role("link", name="Harbour House").click()
        page.get_by_text("This is wrong").first.click()
        page.get_by_text("In your words").first.click()
        page.get_by_label("The words that are wrong").first.fill("Voyara")
        page.get_by_label("What is wrong").first.fill("gives away what is internal")
        page.get_by_role("button", name="File it").first.click()
        page.get_by_role("button", name="A new rule of these words").click()
        incident = page.get_by_role("link", name="gives-away").get_attribute("href")
        patch = page.url.split("?")[0]
        page.get_by_role("button", name="Check").click()
        assert "It holds: 1 flip" in page.get_by_role("status").first.inner_text()
        page.get_by_role("button", name="Back-test").click()
        page.wait_for_selector("text=would newly fire on")  # it looks again by itself
        check(page, "patch")
        page.get_by_role("button", name="Apply").click()
        assert "Applied." in page.get_by_role("status").inner_text()
        page.get_by_label("Why it is taken back").fill("it is our name")
        page.get_by_role("button", name="Revert").click()
        assert "Reverted." in page.get_by_role("status").inner_text()
    for path, name in ((incident, "incident"), (patch, "patch"), ("/pages/patches", "patches")):
        see(chromium, server, path, name)
    with opened(chromium, server) as page:
        page.goto(f"{patch}/backtest")
        assert page.locator("h1").inner_text().startswith("add-gives-away")
        colour = page.evaluate("getComputedStyle(document.querySelector('mark')).backgroundColor")
        assert colour != "rgba(0, 0, 0, 0)"  # its style is let in


@pytest.mark.parametrize("name", ["negotiate", "conversations", "inbox", "incidents", "patches", "sign-in"])
def test_every_page_is_sound_at_both_widths_and_in_both_colours(
    chromium: Any, server: Server, name: str
) -> None:
    see(chromium, server, f"/pages/{name}", name if name != "negotiate" else "brief")


def test_the_first_conversation(chromium: Any, server: Server) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/conversations")
        path = page.get_by_role("link", name="Old Town Rooms").get_attribute("href")
    see(chromium, server, path, "conversation")
