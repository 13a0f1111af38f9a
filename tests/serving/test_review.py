"""Review: blind, each rater alone, marks only ever added; agreement and what is to be settled."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DatabaseError
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, Make, context_of

from suasion.cli import main
from suasion.evaluation.bad_cases import load_cases, load_checks
from suasion.evaluation.panel_report import report
from suasion.evaluation.ratings import read_ratings
from suasion.negotiation.dialogue import Dialogue, Turn, write_dialogues
from suasion.negotiation.pack import Pack
from suasion.serving import schema
from suasion.serving.access import Scope, create_key
from suasion.serving.contracts import BRIEF_EXAMPLE
from suasion.serving.panels import Opening, exhibits_of, exhibits_of_cases, find_panel, open_panel

METHODS = ("old", "new")
CASES = Path(__file__).parents[2] / "benchmarks" / "hotel"


def talk(name: str, method: str) -> Dialogue:
    turns = (
        Turn(speaker="agent", text=f"Hello from {len(method)} {name}."),
        Turn(speaker="counterpart", text="Yes?"),
        Turn(speaker="counterpart", silence_minutes=45),
        Turn(speaker="agent", text="Did you see it?"),
    )
    return Dialogue.model_validate({"id": name, "brief": BRIEF_EXAMPLE, "turns": turns})


class Person:
    """Somebody with a key."""

    def __init__(self, client: TestClient, scope: Scope) -> None:
        self.client = client
        self.key = create_key(context_of(client).service.store, scope)
        self.id = self.key.split("_")[1]

    def get(self, path: str) -> Any:
        return self.client.get(f"/v1/panels{path}", headers={"Authorization": f"Bearer {self.key}"})

    def post(self, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.client.post(f"/v1/panels{path}", json=body, headers=headers)

    def rate(self, panel: str, item: str, rating: int, **more: Any) -> Any:
        body = {"human_like": 3, "excellent": [], **more}
        return self.post(f"/{panel}/ratings", item=item, rating=rating, **body)


@pytest.fixture
def client(make: Make) -> TestClient:
    return make(needs_keys=True)


@pytest.fixture
def panel(client: TestClient) -> str:
    methods = {method: [talk(f"t{number}", method) for number in range(6)] for method in METHODS}
    store = context_of(client).service.store
    return open_panel(store, Opening("December", "testers", 7), exhibits_of(methods), NOW).id


@pytest.fixture
def raters(client: TestClient) -> list[Person]:
    return [Person(client, Scope.RATER) for _ in range(2)]


@pytest.fixture
def operator(client: TestClient) -> Person:
    return Person(client, Scope.OPERATOR)


def test_a_rater_goes_through_all_in_an_order_of_his_own(panel: str, raters: list[Person]) -> None:
    orders = []
    for rater in raters:
        order, place = [], rater.get(f"/{panel}/place").json()
        assert (place["done"], place["total"], place["last"]) == (0, 12, None)
        while place["next"]:
            order.append(place["next"]["name"])
            place = rater.rate(panel, order[-1], 4).json()
            assert place["done"] == len(order)
        orders.append(order)
    assert sorted(orders[0]) == sorted(orders[1]) == [f"d{number:02}" for number in range(1, 13)]
    assert orders[0] != orders[1]


def test_what_raters_read_does_not_say_whose_it_is(
    panel: str, raters: list[Person], operator: Person
) -> None:
    seen = "".join(raters[0].get(f"/{panel}/items/d{number:02}").text for number in range(1, 13))
    seen += raters[0].get(f"/{panel}/place").text + raters[0].get("").text
    operator_sees = operator.get(f"/{panel}/queue").text
    for word in ("method", "source", '"t1"', '"old"', '"new"'):
        assert word not in seen + operator_sees
    one = raters[0].get(f"/{panel}/items/d01").json()
    assert [turn["mark"] for turn in one["turns"]] == ["A1", "H1", None, "A2"]
    assert "a selling price of 380 suffices (private)" in one["task"]
    assert "# How to rate" in raters[0].get("/guide").text


def test_raters_never_see_each_others_marks(panel: str, raters: list[Person], operator: Person) -> None:
    first, second = raters
    number = first.rate(panel, "d01", 1, comment="my very own words").json()["mark"]
    for path in ("", f"/{panel}/place", f"/{panel}/items/d01"):
        answer = second.get(path)
        assert (answer.status_code, "very own" in answer.text, first.id in answer.text) == (200, False, False)
    assert second.get(f"/{panel}/items/d01").json()["given"] is None
    assert second.post(f"/{panel}/undo", mark=number).status_code == 404
    for path in (f"/{panel}/report", f"/{panel}/queue"):
        assert first.get(path).status_code == 403
    assert first.post(f"/{panel}/settle", item="d01", rating=3).status_code == 403
    assert operator.rate(panel, "d01", 5).status_code == 403
    assert operator.get(f"/{panel}/place").status_code == 403
    assert "very own" in first.get(f"/{panel}/items/d01").text


def test_undo_and_resume(panel: str, raters: list[Person], operator: Person) -> None:
    rater = raters[0]
    start = rater.get(f"/{panel}/place").json()["next"]["name"]
    first = rater.rate(panel, start, 2).json()
    again = rater.rate(panel, start, 2).json()  # sent twice
    assert again["mark"] == first["mark"]
    changed = rater.rate(panel, start, 5, excellent=[2, 2, 1]).json()
    assert (changed["done"], changed["next"]["name"] != start) == (1, True)
    assert rater.get(f"/{panel}/items/{start}").json()["given"]["excellent"] == [1, 2]
    undone = rater.post(f"/{panel}/undo", mark=changed["last"]).json()
    assert (undone["item"], undone["done"], undone["last"]) == (start, 1, first["mark"])
    assert rater.get(f"/{panel}/items/{start}").json()["given"]["rating"] == 2
    assert rater.post(f"/{panel}/undo", mark=changed["mark"]).json()["done"] == 1  # twice is once
    undone = rater.post(f"/{panel}/undo", mark=undone["last"]).json()
    assert (undone["done"], undone["next"]["name"], undone["last"]) == (0, start, None)
    store = context_of(rater.client).service.store
    with store.engine.connect() as connection:
        kept = connection.execute(select(func.count()).select_from(schema.marks)).scalar_one()
    assert kept == 4  # nothing was removed
    assert operator.get(f"/{panel}/report").json()["ratings"] is None


def test_the_report_is_the_panels_own_and_differences_are_settled(
    panel: str, raters: list[Person], operator: Person, client: TestClient
) -> None:
    store = context_of(client).service.store
    items = find_panel(store, panel).items
    for name, item in items.items():
        better = item.method == "new"
        for rater, shift in zip(raters, (0, 1), strict=True):
            rater.rate(panel, name, 2 + 2 * better + shift, excellent=[1] if better else [])
    apart = next(name for name, item in items.items() if item.method == "old")
    raters[1].rate(panel, apart, 5, comment="fine to me")
    found = operator.get(f"/{panel}/report").json()
    said = found["ratings"]
    assert said["methods"]["old"]["rating"]["estimate"] == 2
    assert said["methods"]["new"]["excellent"]["estimate"] == 1
    assert said["pairs"]["old - new"]["rating"]["estimate"] == -2
    assert 0 < said["agreement"]["rating"]["value"] < 1
    assert said["agreement"]["excellent"]["value"] == 1
    assert (found["open"], said["queue"], said["raters"]) == (1, 1, "testers")

    waiting = operator.get(f"/{panel}/queue").json()["open"]
    assert [one["item"]["name"] for one in waiting] == [apart]
    assert "2 or more apart" in waiting[0]["why"]
    assert sorted(one["rating"] for one in waiting[0]["ratings"]) == [2, 5]
    answer = operator.post(f"/{panel}/settle", item=apart, rating=4, note="talked it over")
    assert (answer.status_code, answer.json()["open"]) == (200, [])
    found = operator.get(f"/{panel}/report").json()
    assert found["ratings"]["methods"]["old"]["rating"]["estimate"] == pytest.approx(2 + 2 / 6)
    assert (found["open"], found["ratings"]["resolved"]) == (0, 1)


def test_the_stores_marks_are_what_the_panels_report_reads(
    panel: str, raters: list[Person], operator: Person, url: str, tmp_path: Path
) -> None:
    for number in range(1, 13):
        raters[0].rate(panel, f"d{number:02}", 1 + number % 5)
    path = tmp_path / "ratings.jsonl"
    words = ["panel", "marks", panel, "--output", str(path), "--store", url]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    live = operator.get(f"/{panel}/report").json()["ratings"]
    assert live == json.loads(json.dumps(report(read_ratings(path), "testers", {}, 7)))


def test_bad_cases_are_graded(
    client: TestClient, raters: list[Person], operator: Person, hotel: Pack
) -> None:
    checks = load_checks(CASES / "checks.yaml")
    cases = load_cases(CASES / "bad_cases.jsonl", hotel, checks)[::8]
    store = context_of(client).service.store
    replies = {case.dialogue.id: case.verdict.bad_reply for case in cases}
    panel = open_panel(store, Opening("cases", "testers"), exhibits_of_cases("old", replies, cases), NOW)
    one = next(iter(panel.items.values()))
    shown = raters[0].get(f"/{panel.id}/items/{one.name}").json()
    assert (shown["kind"], shown["reply"]) == ("case", replies[one.source])
    assert shown["defect"]["severity"] in ("low", "high", "critical")
    assert raters[0].rate(panel.id, one.name, 3).json()["field"] == "item"
    wrong = raters[0].post(f"/{panel.id}/grades", item=one.name, grade="severe")
    assert wrong.status_code == 422  # follows from the defect
    for rater in raters:
        for item in panel.items.values():
            answer = rater.post(f"/{panel.id}/grades", item=item.name, grade="unresolved")
            assert answer.status_code == 200
    graded = operator.get(f"/{panel.id}/report").json()["grades"]
    critical = sum(case.verdict.defect.severity == "critical" for case in cases)
    assert 0 < critical < len(cases)
    assert graded["methods"]["old"]["severe"] == critical
    assert graded["methods"]["old"]["unresolved"] == len(cases) - critical
    assert graded["agreement"]["value"] == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"item": "d01", "rating": 6, "human_like": 3}, 422, "rating"),
        ({"item": "d01", "rating": 0, "human_like": 3}, 422, "rating"),
        ({"item": "d01", "rating": 4.0, "human_like": 3}, 422, "rating"),
        ({"item": "d01", "rating": True, "human_like": 3}, 422, "rating"),
        ({"item": "d01", "rating": 4}, 422, "human_like"),
        ({"item": "d01", "rating": 4, "human_like": 3, "excellent": [3]}, 422, "excellent"),
        ({"item": "d01", "rating": 4, "human_like": 3, "excellent": [0]}, 422, "excellent.0"),
        ({"item": "d01", "rating": 4, "human_like": 3, "comment": "x" * 2001}, 422, "comment"),
        ({"item": "d99", "rating": 4, "human_like": 3}, 404, "item"),
        ({"item": "x", "rating": 4, "human_like": 3}, 422, "item"),
        ({"item": "d01", "rating": 4, "human_like": 3, "ratng": 1}, 422, "ratng"),
    ],
    ids=str,
)
def test_what_is_no_rating_is_refused_and_not_kept(
    body: dict[str, Any], status: int, field: str, panel: str, raters: list[Person]
) -> None:
    answer = raters[0].post(f"/{panel}/ratings", **body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert raters[0].get(f"/{panel}/place").json()["done"] == 0


def test_a_panel_of_what_was_held(client: TestClient, operator: Person, raters: list[Person]) -> None:
    agent = {"Authorization": f"Bearer {create_key(context_of(client).service.store, Scope.AGENT)}"}
    for number in range(4):
        brief = {**BRIEF_EXAMPLE, "hotel": f"Hotel {number}"}
        one = client.post("/v1/conversations", json={"brief": brief}, headers=agent).json()
        if number:
            words = {"text": "Please never write to us again."}
            path = f"/v1/conversations/{one['conversation_id']}/messages"
            client.post(path, json=words, headers=agent)
    body = {"title": "held", "raters": "testers", "arms": ["intent"], "each": 4}
    assert operator.post("", **body).json()["field"] == "each"  # one is not over
    opened = operator.post("", **{**body, "each": 2}).json()
    assert (opened["items"], opened["done"]) == (2, 0)
    shown = raters[0].get(f"/{opened['id']}/place").json()["next"]
    assert "never write" in json.dumps(shown["turns"])
    assert raters[0].post("", **body).status_code == 403


def test_no_mark_can_be_changed(panel: str, raters: list[Person], client: TestClient) -> None:
    raters[0].rate(panel, "d01", 4)
    store = context_of(client).service.store
    for table in (schema.panels, schema.panel_items, schema.marks):
        with pytest.raises(DatabaseError, match="append-only"):
            store.writer.run(lambda connection, table=table: connection.execute(delete(table)))
    with pytest.raises(DatabaseError, match="append-only"):
        store.writer.run(lambda one: one.execute(update(schema.marks).values(rater="me")))


def test_a_panel_is_opened_from_files(tmp_path: Path, url: str, make: Make) -> None:
    words = ["panel", "open", "--title", "December", "--raters", "testers", "--store", url]
    for method in METHODS:
        path = tmp_path / f"{method}.jsonl"
        write_dialogues(path, [talk(f"t{number}", method) for number in range(4)])
        words += ["--method", f"{method}={path}"]
    graded = tmp_path / "graded.json"
    cases = [json.loads(line) for line in (CASES / "bad_cases.jsonl").read_text("utf-8").splitlines()]
    replies = {one["id"]: {"reply": f"Sorry about {one['id']}."} for one in cases}
    graded.write_text(json.dumps({"replies": replies}), encoding="utf-8")
    alone = CliRunner().invoke(main, [*words, "--replies", f"new={graded}"])
    assert (alone.exit_code, "--cases" in alone.stderr) == (2, True)
    words += ["--sample", "3", "--cases", str(CASES / "bad_cases.jsonl"), "--replies", f"new={graded}"]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    store = context_of(make()).service.store
    items = find_panel(store, told.output.split()[1].rstrip(":")).items.values()
    assert sum(item.kind == "dialogue" for item in items) == 6
    graded_items = [item for item in items if item.kind == "case"]
    assert {item.source for item in graded_items} == {one["id"] for one in cases}
    assert all(item.dialogue.reply == f"Sorry about {item.source}." for item in graded_items)
    graded.write_text(json.dumps({"replies": {}}), encoding="utf-8")
    lacks = CliRunner().invoke(main, words)
    assert (lacks.exit_code, "no reply to case" in lacks.stderr) == (2, True)
