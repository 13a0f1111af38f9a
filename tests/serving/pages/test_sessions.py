"""Signing in, forms from elsewhere, and who may open what."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, context_of
from tests.serving.pages.conftest import Browser, Forms, check_page

from suasion.errors import InputError
from suasion.serving.access import Scope, revoke_key
from suasion.serving.pages.navigation import ITEMS
from suasion.serving.pages.sessions import COOKIE, HOURS, SECRET, Session, Signer, signer_of
from suasion.serving.store import Store

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_cookie_is_ours_unchanged_and_fresh() -> None:
    signer, session = Signer("s" * 32), Session.new(NOW, "abc")
    cookie = signer.seal(session)
    assert signer.open(cookie, NOW) == session
    text, _, signature = cookie.partition(".")
    forged = Signer("t" * 32).seal(session)
    other = Signer("s" * 32).seal(Session("abd", session.nonce, session.began)).partition(".")[0]
    for wrong in ("", ".", text, f"{text}.", f"{other}.{signature}", forged, cookie + "é", f"{text}.é"):
        assert signer.open(wrong, NOW) is None, wrong
    assert signer.open(cookie, NOW + timedelta(hours=HOURS)) is None
    assert signer.open(cookie, NOW - timedelta(hours=1)) is None  # from the future
    assert signer.fits(session, signer.token(session))
    assert not signer.fits(Session.new(NOW, "abc"), signer.token(session))
    assert not signer.fits(session, "")


def test_the_secret_is_kept_or_given(url: str) -> None:
    store = Store(url)
    session = Session.new(NOW)
    first, again = signer_of(store, {}), signer_of(store, {})
    given = signer_of(store, {SECRET: "x" * 32})
    assert first.seal(session) == again.seal(session) != given.seal(session)
    with pytest.raises(InputError, match="32 characters"):
        signer_of(store, {SECRET: "short"})
    store.close()


def test_whoever_is_not_signed_in_comes_back_to_where_he_was(make: Make) -> None:
    client = make(needs_keys=True)
    browser = Browser(client)
    page = browser.open("/pages/?a=1")
    assert page.url.path == "/pages/sign-in"
    assert "/pages/?a=1" in page.text
    page = browser.send("/sign-in", key="suasion_0_" + "A" * 43)
    assert (page.status_code, "does not work" in page.text) == (401, True)
    for elsewhere in (
        "https://evil.example/",
        "//evil.example",
        "/pages/\\evil",
        "/pages//evil",
        "/v1/audit",
    ):
        page = client.get("/pages/sign-in", params={"next": elsewhere})
        assert "evil" not in page.text
        assert "audit" not in page.text


def test_signing_in_gives_a_session_of_its_own(signed_in: Callable[[Scope], Browser], url: str) -> None:
    browser = signed_in(Scope.OPERATOR)
    cookies = [one for one in browser.client.cookies.jar if one.name == COOKIE]
    assert [(one.path, one.has_nonstandard_attr("HttpOnly")) for one in cookies] == [("/pages", True)]
    assert browser.last.url.path == f"/pages{ITEMS[0].path}"
    assert "Mei operator" in browser.last.text
    cookie = browser.client.cookies[COOKIE]
    browser.send("/sign-out")
    assert browser.last.url.path == "/pages/sign-in"
    assert browser.client.cookies[COOKIE] != cookie
    store = Store(url)
    with store.engine.connect() as connection:
        actions = [row.action for row in connection.exec_driver_sql("select action from audit order by id")]
    store.close()
    assert actions == ["key created", "signed in"]


def test_the_cookie_of_a_revoked_key_opens_nothing(make: Make, signed_in: Any) -> None:
    browser = signed_in(Scope.ADMIN)
    here = browser.context
    key_id = here.service.store.engine.connect().exec_driver_sql("select id from keys").scalar()
    revoke_key(here.service.store, key_id)
    here.gate._seen.clear()  # ten seconds later
    assert browser.open("/pages/").url.path == "/pages/sign-in"


@pytest.mark.parametrize("way", ["no token", "a token of another session", "another site"])
def test_a_form_from_elsewhere_is_refused(client: TestClient, way: str) -> None:
    browser, other = Browser(client), Browser(client)
    browser.open("/pages/sign-in")
    mine = {"key": "x", "token": token_of(browser)}
    other.open("/pages/sign-in")
    headers = {}
    if way == "no token":
        del mine["token"]
    elif way == "another site":
        headers = {"Sec-Fetch-Site": "cross-site"}
    else:
        mine["token"] = token_of(other)
    answer = browser.client.post("/pages/sign-in", data=mine, headers=headers)
    assert answer.status_code == 403
    assert "not from your session" in answer.text
    check_page(answer)


def token_of(browser: Browser) -> str:
    return Forms(browser.last.text).forms[-1][1]["token"]


def test_bodies_that_are_no_form_are_refused(client: TestClient) -> None:
    for content, status in (
        (b"token=%00", 422),
        (b"token=\xff", 400),
        (b"token=%ff", 400),
        (b"&".join(b"a=1" for _ in range(500)), 400),
        (b"a=" + b"b" * 600_000, 413),
    ):
        answer = client.post("/pages/sign-in", content=content, headers=FORM)
        assert answer.status_code == status, content[:20]
        assert "Traceback" not in answer.text
    assert client.post("/pages/sign-in", json={"key": "x"}).status_code == 415
    assert client.post("/v1/conversations", data={"brief": "x"}).status_code == 415


def test_the_front_door_leads_to_the_pages(client: TestClient) -> None:
    for path in ("/", "/pages", "/pages/"):
        page = client.get(path)
        assert (page.status_code, page.url.path) == (200, "/pages/negotiate"), path


def test_errors_are_pages_and_those_of_the_api_stay_json(client: TestClient) -> None:
    missing = client.get("/pages/nowhere")
    assert (missing.status_code, "This is not here" in missing.text) == (404, True)
    check_page(missing)
    assert client.get("/pages/static/../app.py").status_code == 404
    assert client.get("/v1/nowhere").json() == {"error": "Not Found"}


def test_an_error_of_ours_tells_nothing(client: TestClient, monkeypatch: Any) -> None:
    import suasion.serving.pages.signing_in as page

    def broken(path: str) -> str:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(page, "_own", broken)
    answer = client.get("/pages/sign-in")
    assert answer.status_code == 500
    assert "hunter2" not in answer.text
    assert answer.headers["x-request-id"] in answer.text
    check_page(answer)


def test_static_files_last_and_are_all_there_is(client: TestClient) -> None:
    browser = Browser(client)
    text = browser.open("/pages/sign-in").text
    for name, kind in (
        ("pages.css", "text/css"),
        ("pages.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        at = text.index(f"/pages/static/{name}?v=")
        answer = client.get(text[at : text.index('"', at)])
        assert answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text


def test_too_many_requests_have_to_wait(make: Make) -> None:
    client = make(rate=2)
    assert [client.get("/pages/").status_code for _ in range(6)][-1] == 429
    assert context_of(client).limit.wait("local") > 0
