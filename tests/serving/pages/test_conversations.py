"""Conversations on their pages: search, paging, what the guard saw, and people who write in them."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Clock, Make, Scripted, context_of
from tests.serving.pages.conftest import Browser, Forms

HOSTILE = "<script>alert(1)</script><img src=//evil.example onerror=x>\"'{{7*7}}"
LEAK = "My target is 380 yuan, that is as far as I may go."


def begin(client: TestClient, brief: dict[str, Any], **more: Any) -> str:
    answer = client.post("/v1/conversations", json={"brief": brief, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation_id"])


def say(client: TestClient, one: str, text: str) -> dict[str, Any]:
    return dict(client.post(f"/v1/conversations/{one}/messages", json={"text": text}).json())


def listed(browser: Browser, **search: str) -> list[str]:
    query = "&".join(f"{name}={value}" for name, value in search.items())
    return re.findall(
        r'<th scope="row"><a href="/pages/conversations/([\w-]+)',
        browser.open(f"/pages/conversations?{query}").text,
    )


def test_they_are_found_by_stage_arm_outcome_and_name(
    client: TestClient, brief: dict[str, Any], clock: Clock
) -> None:
    agreed = begin(client, {**brief, "hotel": "Sunrise 100%"})
    for text in ("Yes, that's me.", "ok 380", "Yes, right."):
        say(client, agreed, text)
    clock.pass_minutes(1)
    still = begin(client, {**brief, "hotel": "Moonlight_Inn"})
    browser = Browser(client)
    assert listed(browser) == [still, agreed]
    assert listed(browser, outcome="agreed") == [agreed]
    assert listed(browser, status="open") == [still]
    assert listed(browser, arm="intent") == [still, agreed]
    assert listed(browser, arm="policy") == []
    assert listed(browser, contact="moonl") == [still]
    assert listed(browser, contact="100%25") == [agreed]  # a sign of LIKE is itself
    assert listed(browser, contact="moonlight inn") == []
    stage = client.get(f"/v1/conversations/{still}").json()["conversation"]["stage"]
    assert listed(browser, stage=stage) == [still]
    assert "None like this" in browser.open("/pages/conversations?stage=no-such").text


def test_they_are_found_by_the_rule_that_was_broken(make: Make, brief: dict[str, Any]) -> None:
    client = make(Scripted(LEAK))
    one = begin(client, brief)
    view = client.get(f"/v1/conversations/{one}").json()
    rules = {hit["rule"] for draft in view["messages"][0]["guard"] for hit in draft.get("objections", ())}
    assert rules
    browser = Browser(client)
    for rule in rules:
        assert listed(browser, rule=rule) == [one]
    assert listed(browser, rule="no-such-rule") == []
    assert listed(browser, rule="%25") == []
    page = browser.open(f"/pages/conversations/{one}").text
    assert "3 withheld" in page
    assert re.search(r'says draft"[^>]*>.*<mark class="critical"', page)
    assert view["messages"][0]["suite_version"] in page
    assert "fallback" in page
    say(client, one, 'He wrote "rule": "no-such-rule" to us')  # in anybody's words it is no hit
    assert listed(browser, rule="no-such-rule") == []


def test_pages_go_on_to_the_oldest(client: TestClient, brief: dict[str, Any], clock: Clock) -> None:
    made = []
    for number in range(27):
        clock.pass_minutes(1)
        made.append(begin(client, {**brief, "hotel": f"Hotel {number}"}, opening=False))
    browser = Browser(client)
    first = listed(browser, status="open")
    older = re.search(r'href="(/pages/conversations\?[^"]*before=[^"]*)"', browser.last.text)
    assert older
    browser.open(older[1].replace("&amp;", "&"))
    rest = re.findall(r'<th scope="row"><a href="/pages/conversations/([\w-]+)', browser.last.text)
    assert first + rest == made[::-1]
    assert "Older" not in browser.last.text
    assert 'href="/pages/conversations?status=open"' in browser.last.text


def test_words_of_a_hostile_hotel_are_only_words(make: Make, brief: dict[str, Any]) -> None:
    client = make(Scripted(f"Hello {HOSTILE}"))
    one = begin(client, {**brief, "hotel": HOSTILE, "facts": [HOSTILE]}, contact=HOSTILE)
    say(client, one, HOSTILE)
    say(client, one, "I want to talk to a real person. " + HOSTILE)
    browser = Browser(client)
    for path in (
        "/pages/conversations",
        f"/pages/conversations/{one}",
        "/pages/inbox",
        f"/pages/conversations?contact={HOSTILE}",
    ):
        page = browser.open(path)  # which looks for code and addresses from elsewhere
        assert page.status_code == 200
        assert "<img" not in page.text
        assert "{{7*7}}" in page.text
    assert "&lt;script&gt;alert(1)" in browser.open(f"/pages/conversations/{one}").text


def test_a_person_takes_over_and_hands_back(client: TestClient, brief: dict[str, Any]) -> None:
    one = begin(client, brief)
    say(client, one, "I want to talk to a real person.")
    say(client, one, "Is anybody <there>?")
    browser = Browser(client)
    page = browser.open("/pages/inbox").text
    assert "a person was asked for" in page
    assert "Is anybody &lt;there&gt;?" in page
    browser.open(f"/pages/conversations/{one}")
    page = browser.send(f"/{one}", text="Mei here. How can I help?", then="keep")
    assert "Sent." in page.text
    said = client.get(f"/v1/conversations/{one}").json()
    assert (said["conversation"]["status"], said["messages"][-1]["author"]) == ("handed_over", "operator")
    say(client, one, "Who are you?")
    browser.open(f"/pages/conversations/{one}")
    browser.send(f"/{one}", text="My colleague goes on.", then="back")
    said = client.get(f"/v1/conversations/{one}").json()
    assert said["conversation"]["status"] == "open"
    assert [one["text"] for one in said["messages"] if one["author"] == "operator"] == [
        "Mei here. How can I help?",
        "My colleague goes on.",
    ]
    assert "Nothing waits" in browser.open("/pages/inbox").text


def test_a_form_sent_twice_says_it_once_and_an_old_one_nothing(
    client: TestClient, brief: dict[str, Any]
) -> None:
    one = begin(client, brief)
    browser = Browser(client)
    page = browser.open(f"/pages/conversations/{one}")
    browser.send(f"/{one}", text="Hello again.", then="keep")
    browser.last = page  # back, and sent once more
    browser.send(f"/{one}", text="Hello again.", then="keep")
    texts = [message["text"] for message in client.get(f"/v1/conversations/{one}").json()["messages"]]
    assert texts.count("Hello again.") == 1
    page = browser.open(f"/pages/conversations/{one}")
    say(client, one, "Never mind.")
    answer = browser.send(f"/{one}", text="Shall I ask him?", then="keep")
    assert (answer.status_code, "went on while you wrote" in answer.text) == (409, True)
    assert "Shall I ask him?</textarea>" in answer.text
    assert client.get(f"/v1/conversations/{one}").json()["messages"][-1]["text"] == "Never mind."
    browser.send(f"/{one}", text="Shall I ask him?", then="keep")
    assert client.get(f"/v1/conversations/{one}").json()["messages"][-1]["text"] == "Shall I ask him?"


def test_nobody_writes_to_whom_has_opted_out(client: TestClient, brief: dict[str, Any]) -> None:
    one = begin(client, brief)
    say(client, one, "Stop writing to me. Unsubscribe.")
    browser = Browser(client)
    assert "opted out, for ever" in browser.open(f"/pages/conversations/{one}").text
    assert all(not action.endswith(one) for action, _ in Forms(browser.last.text).forms)


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001])
def test_what_is_no_message_is_refused(client: TestClient, brief: dict[str, Any], text: str) -> None:
    one = begin(client, brief)
    browser = Browser(client)
    browser.open(f"/pages/conversations/{one}")
    assert browser.send(f"/{one}", text=text).status_code == 422
    assert len(client.get(f"/v1/conversations/{one}").json()["messages"]) == 1
    assert context_of(client).service.store.events_after(0, 10)[-1].kind == "started"
    assert browser.open("/pages/conversations/c-nowhere").status_code == 404
    assert browser.open("/pages/conversations/%27%3b--").status_code == 422
