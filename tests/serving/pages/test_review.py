"""The pages of review, as a browser without a script sends them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from starlette.testclient import TestClient
from tests.serving.conftest import NOW
from tests.serving.pages.conftest import Browser, Forms
from tests.serving.test_review import CASES, METHODS, talk

from suasion.evaluation.bad_cases import load_cases, load_checks
from suasion.negotiation.pack import Pack
from suasion.serving import schema
from suasion.serving.access import Scope
from suasion.serving.pages.review import anchors
from suasion.serving.panels import Opening, exhibits_of, exhibits_of_cases, open_panel

SignIn = Callable[[Scope], Browser]


def opened(browser: Browser, size: int = 3) -> str:
    methods = {method: [talk(f"t{number}", method) for number in range(size)] for method in METHODS}
    store = browser.context.service.store
    return open_panel(store, Opening("December <1>", "testers", 7), exhibits_of(methods), NOW).id


def rate(browser: Browser, panel: str, rating: int, **more: Any) -> Any:
    fields = {"rating": str(rating), "human_like": "3", **more}
    return browser.send(f"/review/{panel}", **fields)


def item_of(page: Any) -> str:
    found = next(fields["item"] for _, fields in Forms(page.text).forms if "item" in fields)
    return str(found)


def test_a_rater_marks_all_takes_back_and_comes_again(signed_in: SignIn) -> None:
    rater = signed_in(Scope.RATER)
    panel = opened(rater)
    page = rater.open("/pages/review")
    assert ("December &lt;1&gt;" in page.text, "0 of 6" in page.text, "Report" in page.text) == (
        True,
        True,
        False,
    )
    page = rater.open(f"/pages/review/{panel}")
    for word in ('"old"', '"new"', "old-", "new-"):
        assert word not in page.text
    first = item_of(page)
    page = rate(rater, panel, 5, excellent="2", comment="it's <good>")
    assert (item_of(page) != first, "1 of 6 done" in page.text) == (True, True)
    page = rater.send(f"/{panel}/undo")
    assert (item_of(page), "0 of 6 done" in page.text) == (first, True)
    for done in range(1, 7):
        page = rate(rater, panel, 1 + done % 5)
        assert f"{done} of 6 done" in page.text
    assert "All done" in page.text
    page = rater.open(f"/pages/review/{panel}?item={first}")  # looked at again
    assert (item_of(page), 'value="2" data-key="2" required checked' in page.text) == (first, True)
    with rater.context.service.store.engine.connect() as connection:
        kinds = list(connection.execute(select(schema.marks.c.kind).order_by(schema.marks.c.id)).scalars())
    assert kinds == ["rating", "undo", *["rating"] * 6]


def test_what_is_missing_is_told_and_nothing_is_lost(signed_in: SignIn) -> None:
    rater = signed_in(Scope.RATER)
    panel = opened(rater)
    rater.open(f"/pages/review/{panel}")
    page = rater.send(f"/review/{panel}", human_like="4", excellent="1", comment="my words")
    assert (page.status_code, "choose a number from 1 to 5" in page.text) == (422, True)
    assert "my words" in page.text
    assert 'value="4" data-key="Shift+4" required checked' in page.text
    assert "data-excellent checked" in page.text
    page = rate(rater, panel, 3, excellent="99")
    assert (page.status_code, "A1 to A2" in page.text) == (422, True)
    page = rate(rater, panel, 3, excellent="")
    assert page.status_code == 422


def test_raters_do_not_see_each_other_and_operators_do_not_rate(signed_in: SignIn) -> None:
    first, second, operator = (signed_in(scope) for scope in (Scope.RATER, Scope.RATER, Scope.OPERATOR))
    panel = opened(first)
    first.open(f"/pages/review/{panel}")
    name = item_of(first.last)
    rate(first, panel, 1, comment="my very own words")
    for path in ("", f"/{panel}", f"/{panel}?item={name}"):
        page = second.open(f"/pages/review{path}")
        assert (page.status_code, "very own" in page.text) == (200, False)
    for path in ("report", "settle"):
        assert second.open(f"/pages/review/{panel}/{path}").status_code == 403
    assert operator.open(f"/pages/review/{panel}").url.path.endswith("/report")
    token = Forms(operator.last.text).forms[0][1]["token"]
    body = {"token": token, "item": name, "rating": "5", "human_like": "5"}
    assert operator.client.post(f"/pages/review/{panel}", data=body).status_code == 403


def test_differences_are_settled_and_agreement_is_live(signed_in: SignIn) -> None:
    raters, operator = [signed_in(Scope.RATER) for _ in range(2)], signed_in(Scope.OPERATOR)
    panel = opened(operator)
    assert "No rating yet" in operator.open(f"/pages/review/{panel}/report").text
    for rater, shift in zip(raters, (0, 3), strict=True):
        rater.open(f"/pages/review/{panel}")
        while "All done" not in rater.last.text:
            last = item_of(rater.last) == "d1"
            rate(rater, panel, 2 + (shift if last else int(item_of(rater.last) > "d3")), comment="<i>hm</i>")
    page = operator.open(f"/pages/review/{panel}/report")
    assert "ordinal alpha" in page.text
    assert "1 dialogue on which the raters differ" in page.text
    page = operator.open(f"/pages/review/{panel}/settle")
    assert ("d1: ratings 2 or more apart" in page.text, "&lt;i&gt;hm" in page.text) == (True, True)
    for word in ('"old"', '"new"', "old-", "new-"):
        assert word not in page.text
    assert operator.send("/settle", rating="").status_code == 422
    page = operator.send("/settle", rating="4", note="talked")
    assert "Nothing is left to settle" in page.text
    assert "1 settled" in operator.open(f"/pages/review/{panel}/report").text


def test_bad_cases_are_graded(signed_in: SignIn, hotel: Pack) -> None:
    rater, operator = signed_in(Scope.RATER), signed_in(Scope.OPERATOR)
    cases = load_cases(CASES / "bad_cases.jsonl", hotel, load_checks(CASES / "checks.yaml"))[:2]
    replies = {case.dialogue.id: case.verdict.good_reply or "Sorry." for case in cases}
    exhibits = exhibits_of_cases("repo", replies, cases)
    panel = open_panel(rater.context.service.store, Opening("cases", "testers"), exhibits, NOW).id
    page = rater.open(f"/pages/review/{panel}")
    assert ("What went wrong here once" in page.text, "data-excellent" in page.text) == (True, False)
    assert "repo" not in page.text
    rater.send(f"/review/{panel}", grade="clean")
    page = rater.send(f"/review/{panel}", grade="unresolved")
    assert "All done" in page.text
    text = operator.open(f"/pages/review/{panel}/report").text
    assert 'data-label="clean">1<' in text
    assert 'data-label="severe">1<' in text


def test_the_numbers_have_the_guides_words() -> None:
    found = anchors()
    assert sorted(found["rating"]) == [1, 2, 3, 4, 5]
    assert found["rating"][2] == "a mistake that costs the other side's goodwill."
    assert found["human_like"] == {
        5: "a pleasant, attentive person",
        3: "correct but stiff",
        1: "a machine that does not listen",
    }


def test_no_panel_and_no_item(client: TestClient) -> None:
    browser = Browser(client)
    assert "No panel yet" in browser.open("/pages/review").text
    panel = opened(browser)
    assert browser.open(f"/pages/review/{panel}?item=d99").status_code == 404
    assert browser.open("/pages/review/p-0000000000000000").status_code == 404
    assert browser.open(f"/pages/review/{panel}").status_code == 200
