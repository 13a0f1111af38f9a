"""Forms and addresses that nobody should send: always a page, never an error of ours."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serving.conftest import Make, Scripted
from tests.serving.pages.conftest import Browser, Forms, check_page
from tests.serving.pages.test_conversations import HOSTILE, begin
from tests.serving.pages.test_negotiate import play

from suasion.incidents.incident import list_incidents
from suasion.serving.pages.workshop import Workshop

FIELDS = ["text", "brief", "of", "number", "span", "severity", "wrong", "reason", "incident", "way", "rule"]
FIELDS += ["why", "then", "turns", "once", "key", "next"]
words = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            HOSTILE,
            "0:1",
            "1:0",
            "²",
            "٣",
            "-1",
            "9" * 400,
            "a" * 300,
            "../../etc/passwd",
            "' OR 1=1 --",
            "id: a\nrule: &a [*a]",
            "{}",
            '{"tickets": [null]}',
            "\ud7ff\U0010ffff",
            "{{ 7 * 7 }}",
            "%00",
            "\r\nSet-Cookie: a=b",
        ]
    ),
)


@pytest.fixture
def hostile(make: Make, brief: dict[str, Any], tmp_path: Path) -> tuple[Browser, str, list[str]]:
    """A browser, its form's token, and every address that takes a form."""
    workshop = Workshop(tmp_path / "incidents", tmp_path / "patches")
    client = make(Scripted(f"Hello {HOSTILE}"), workshop=workshop)
    browser, one = Browser(client), begin(client, {**brief, "hotel": HOSTILE})
    played = play(browser)
    browser.send("/incidents", reason=HOSTILE)
    (incident,) = list_incidents(workshop.incidents)
    browser.send("/patches", way="rule")
    patch = browser.last.url.path
    token = Forms(browser.last.text).forms[-1][1]["token"]
    paths = [
        "/pages/sign-in",
        "/pages/negotiate",
        f"/pages/negotiate/{played}",
        f"/pages/conversations/{one}",
    ]
    paths += [
        "/pages/incidents",
        "/pages/patches",
        patch,
        f"{patch}/check",
        f"{patch}/apply",
        f"{patch}/revert",
    ]
    for path in (f"/pages/incidents/{incident.id}", patch, "/pages/patches", "/pages/incidents"):
        assert browser.open(path).status_code == 200
    return browser, token, paths


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_form_is_an_error_of_ours(hostile: tuple[Browser, str, list[str]], data: st.DataObject) -> None:
    browser, token, paths = hostile
    path = data.draw(st.sampled_from(paths))
    fields = data.draw(st.dictionaries(st.sampled_from(FIELDS), words, max_size=8))
    of = data.draw(st.sampled_from(["", paths[2].rsplit("/", 1)[1], paths[3].rsplit("/", 1)[1]]))
    sent = {"of": of, **fields, "token": token} if of else {**fields, "token": token}
    encoded = {name: value.encode("utf-8", "surrogatepass") for name, value in sent.items()}
    answer = browser.client.post(path, data=encoded)
    assert answer.status_code < 500, (path, sent)
    check_page(answer)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_address_is_an_error_of_ours(hostile: tuple[Browser, str, list[str]], data: st.DataObject) -> None:
    browser, _, _ = hostile
    page = data.draw(
        st.sampled_from(["conversations", "inbox", "negotiate", "incidents", "patches", "sign-in"])
    )
    names = ["contact", "status", "stage", "rule", "arm", "outcome", "before", "draw", "next", "note"]
    asked = data.draw(st.dictionaries(st.sampled_from(names), words, max_size=4))
    below = data.draw(
        st.one_of(st.just(""), st.text("abc-./%\x00 é", max_size=12).map(lambda one: f"/{one}"))
    )
    answer = browser.client.get(
        f"/pages/{page}{below}".replace("%", "%25").replace("\x00", "%00"), params=asked
    )
    assert answer.status_code < 500, (page, below, asked)
    check_page(answer)
