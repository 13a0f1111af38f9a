"""Pages of a real service: signing in, forms as a browser sends them, and what a page holds."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, context_of

from suasion.serving.access import Scope, create_key

ADDRESSES = {"src", "href", "action", "formaction", "srcset", "poster", "data"}


class Forms(HTMLParser):
    """The forms of a page: their addresses with the fields that are filled in already."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._area: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.forms.append((values.get("action") or "", {}))
        elif tag == "input" and self.forms and values.get("name"):
            if values.get("type") in ("radio", "checkbox") and "checked" not in values:
                return
            self.forms[-1][1][str(values["name"])] = values.get("value") or ""
        elif tag == "textarea" and self.forms:
            self._area = str(values.get("name"))
            self.forms[-1][1][self._area] = ""

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1][1][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None


class Browser:
    """A client that keeps cookies and sends forms as they stand on a page."""

    def __init__(self, client: TestClient) -> None:
        self.client = TestClient(client.app, raise_server_exceptions=False, follow_redirects=True)
        self.client.portal = client.portal  # the loop in which the service lives
        self.context = context_of(client)
        self.last: Any = None

    def open(self, path: str) -> Any:
        self.last = self.client.get(path)
        check_page(self.last)
        return self.last

    def send(self, action: str, **fields: str) -> Any:
        """Fill in the form of the last page with that address and send it."""
        found = next((form for form in Forms(self.last.text).forms if form[0].endswith(action)), None)
        assert found is not None, f"no form {action} in {[one[0] for one in Forms(self.last.text).forms]}"
        self.last = self.client.post(found[0], data={**found[1], **fields})
        check_page(self.last)
        return self.last


class Strict(HTMLParser):
    """Fails at code or style in a page, and at an address that is not below /pages."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert tag not in ("style", "iframe", "object", "embed", "base", "img"), tag
        if tag == "script":
            assert str(values.get("src")).startswith(
                ("/pages/static/pages.js?", "/pages/static/review.js?")
            ), values
        for name, value in attrs:
            assert not name.startswith("on"), (tag, attrs)
            assert name != "style", (tag, attrs)
            if name in ADDRESSES:
                assert str(value).startswith(("/pages/", "#")), (tag, attrs)
                assert not str(value).startswith("//"), (tag, attrs)


def check_page(response: Any) -> None:
    """What holds for every page: a strict policy, nothing from elsewhere, no code or style in it."""
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cache-control"] == "no-store"
    Strict().feed(response.text)
    assert "Traceback" not in response.text


@pytest.fixture
def browser(client: TestClient) -> Browser:
    """On loopback, without keys."""
    return Browser(client)


@pytest.fixture
def signed_in(make: Make) -> Callable[[Scope], Browser]:
    """Browsers of a service that needs keys."""
    client = make(needs_keys=True)

    def sign_in(scope: Scope) -> Browser:
        browser = Browser(client)
        browser.open("/pages/sign-in")
        key = create_key(context_of(client).service.store, scope, f"Mei {scope.value}")
        answer = browser.send("/sign-in", key=key)
        assert answer.status_code == 200
        return browser

    return sign_in
