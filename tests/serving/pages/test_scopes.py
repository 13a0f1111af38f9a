"""Who may open which page, by the key's scope."""

from collections.abc import Callable

import pytest
from tests.serving.pages.conftest import Browser, Forms, check_page

from suasion.serving.access import Scope
from suasion.serving.pages.navigation import ITEMS

OPERATORS = {Scope.OPERATOR, Scope.ADMIN}
PANEL = "p-0000000000000000"
PAGES = {
    "/negotiate": {Scope.AGENT, *OPERATORS},
    "/conversations": OPERATORS,
    "/inbox": OPERATORS,
    "/incidents": OPERATORS,
    "/patches": OPERATORS,
    "/experiments": OPERATORS,
    "/review": {Scope.RATER, *OPERATORS},
}
POSTS = {
    "/negotiate": {Scope.AGENT, *OPERATORS},
    "/conversations/c-0": OPERATORS,
    "/incidents": {Scope.AGENT, *OPERATORS},
    "/patches": OPERATORS,
    "/patches/a": OPERATORS,
    "/patches/a/check": OPERATORS,
    "/patches/a/backtest": OPERATORS,
    "/patches/a/apply": {Scope.ADMIN},
    "/patches/a/revert": {Scope.ADMIN},
    "/experiments/a": OPERATORS,
    f"/review/{PANEL}": {Scope.RATER},  # who sees the marks of others can't rate blindly
    f"/review/{PANEL}/undo": {Scope.RATER},
    f"/review/{PANEL}/settle": OPERATORS,
}


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_opens_its_pages_and_shows_no_others(
    signed_in: Callable[[Scope], Browser], scope: Scope
) -> None:
    browser = signed_in(scope)
    for path, scopes in PAGES.items():
        page = browser.open(f"/pages{path}")
        assert page.status_code == (200 if scope in scopes else 403), path
        shown = {item.path for item in ITEMS if f'<a href="/pages{item.path}"' in page.text}
        assert shown >= {other for other, those in PAGES.items() if scope in those}
        assert not shown & {other for other, those in PAGES.items() if scope not in those}
    browser.open("/pages/sign-in")
    token = Forms(browser.last.text).forms[-1][1]["token"]
    for path, scopes in POSTS.items():
        answer = browser.client.post(f"/pages{path}", data={"token": token})
        check_page(answer)
        assert (answer.status_code == 403) == (scope not in scopes), (path, answer.status_code)
        without = browser.client.post(f"/pages{path}", data={"text": "x"})
        assert (without.status_code, "not from your session" in without.text) == (403, True)


def test_without_a_session_nothing_opens(signed_in: Callable[[Scope], Browser]) -> None:
    browser = signed_in(Scope.ADMIN)
    browser.client.cookies.clear()
    for path in PAGES:
        assert browser.open(f"/pages{path}").url.path == "/pages/sign-in"
    for path in POSTS:
        assert browser.client.post(f"/pages{path}", data={"token": "x"}).status_code == 403
