"""The demo in a real Chromium: ten items marked by keyboard alone, a difference settled, an arm stopped."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serving.pages import test_browser as journeys
from tests.serving.pages.test_browser import check, opened, see, tab_to
from tests.serving.test_killed import Server

pytestmark = journeys.pytestmark
chromium = journeys.chromium
TITLE = "Demo: two agents, and what was filed"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`suasion demo`, filled before it is served."""
    folder = tmp_path_factory.mktemp("demo")
    command = ("demo", "--output", str(folder / "demo"), "--conversations", "80", "--contacts", "40")
    subprocess.run([sys.executable, "-m", "suasion.cli", *command, "--no-serve"], check=True)
    found = Server("", folder / "log", command=command)
    found.start()
    yield found
    assert found.stop(signal.SIGTERM) in (0, -signal.SIGTERM)


def done(page: Any) -> int:
    return int(page.locator("label[for=progress]").inner_text().split()[0])


def sent(page: Any) -> None:
    """Enter, and the next page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_ten_items_are_marked_by_keyboard_alone(chromium: Any, server: Server) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/review")
        tab_to(page, TITLE)
        sent(page)
        for number in range(10):
            assert done(page) == number
            is_case = page.locator("input[name=grade]").count() > 0
            page.keyboard.press("2")
            if not is_case:
                page.keyboard.press("Shift+Digit3")
                page.keyboard.press("j")
                page.keyboard.press("e")
                assert page.locator("[data-excellent]").first.is_checked()
            sent(page)
        assert done(page) == 10
        with page.expect_navigation():
            page.keyboard.press("u")
        assert (done(page), page.locator("h2 .status").count()) == (9, 0)
        page.keyboard.press("c")
        page.keyboard.type("j5")
        assert page.locator("#comment").input_value() == "j5"
        page.keyboard.press("Escape")
        page.get_by_text("Keys", exact=True).click()
        page.get_by_label("These keys are on").uncheck()
        page.locator("h1").click()
        page.keyboard.press("1")
        assert page.locator("input[type=radio]:checked").count() == 0
        page.reload()  # the browser remembers it
        page.keyboard.press("1")
        assert page.locator("input[type=radio]:checked").count() == 0
        # and without them, as on every page
        page.locator("input[type=radio]").first.focus()
        page.keyboard.press("Space")
        if page.locator("input[name=human_like]").count():
            page.locator("input[name=human_like]").first.focus()
            page.keyboard.press("Space")
        sent(page)
        assert done(page) == 10


def test_a_difference_is_settled(chromium: Any, server: Server) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/review")
        tab_to(page, "Differences")
        sent(page)
        open_ones = page.locator("section.halves").count()
        assert open_ones > 0
        check(page, "settle")
        name = page.locator("section.halves").first.get_attribute("aria-labelledby")
        page.keyboard.press("Control+/")
        page.keyboard.press("3")
        page.keyboard.press("Tab")
        page.keyboard.type("talked it over")
        sent(page)
        assert page.get_by_role("status").inner_text() == "Settled."
        assert page.locator(f"[aria-labelledby={name}]").count() == 0
        assert page.locator("section.halves").count() == open_ones - 1


def test_an_experiment_is_read_and_an_arm_stopped(chromium: Any, server: Server) -> None:
    path = "/pages/experiments/rough-against-intent"
    see(chromium, server, path, "experiment")
    with opened(chromium, server) as page:
        page.goto("/pages/experiments")
        page.get_by_role("link", name="rough-against-intent").click()
        assert page.locator("figure.course").count() == 2
        page.get_by_role("link", name="By city").click()
        check(page, "segments")
        page.get_by_label("Why").fill("it is rough")
        page.get_by_role("button", name="Stop the arm").click()
        assert "no word of this arm leaves" in page.get_by_role("status").inner_text()
        assert page.get_by_text("it is rough").count() == 1
    see(chromium, server, path, "stopped")


@pytest.mark.parametrize("name", ["experiments", "review", "rate", "report"])
def test_the_pages_are_sound_at_both_widths_and_in_both_colours(
    chromium: Any, server: Server, name: str
) -> None:
    with opened(chromium, server) as page:
        page.goto("/pages/review")
        panel = page.get_by_role("link", name=TITLE).get_attribute("href")
    paths = {"rate": panel, "report": f"{panel}/report"}
    see(chromium, server, paths.get(name, f"/pages/{name}"), name)
