"""The pages of experiments: what they show, and that an arm is stopped from them."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Make, Scripted
from tests.serving.experiments.conftest import DEFINITION, begin, hotel_of, say
from tests.serving.pages.conftest import Browser

from suasion.agents.intent import IntentAgent
from suasion.negotiation.pack import Pack
from suasion.serving.pages.experiments import row
from suasion.serving.pages.intervals import HEIGHT, LEFT, RIGHT, TOP, WIDTH, course


@pytest.fixture
def client(make: Make, hotel: Pack) -> TestClient:
    made = make({"intent": IntentAgent(hotel), "new": Scripted("Hello there.")})
    body = {**DEFINITION, "segments": ["city"], "stop": {"days": 30, "harm": []}}
    assert made.post("/v1/experiments", json=body).status_code == 201
    return made


def fill(client: TestClient, brief: dict[str, Any], hotels: int) -> None:
    for number in range(hotels):
        for arm in ("intent", "new"):
            one = begin(client, {**brief, "city": f"city {number % 2}"}, hotel_of(arm, number))
            if number % 3 != (arm == "new"):
                say(client, one, "ok 380")


def test_an_experiment_is_read_and_an_arm_stopped(client: TestClient, brief: dict[str, Any]) -> None:
    fill(client, brief, 12)
    browser = Browser(client)
    page = browser.open("/pages/experiments")
    assert (page.status_code, "trial" in page.text, "running" in page.text) == (200, True, True)
    page = browser.open("/pages/experiments/trial?segment=city")
    text = page.text
    assert text.count("<svg") == 2
    assert "95\N{NO-BREAK SPACE}% interval" in text or "95 % interval" in text
    assert "new against intent" in text
    assert "city 1" in text
    assert "not sound" not in text
    page = browser.send("/experiments/trial", arm="new", reason="<b>mumbles</b>", then="stop")
    assert "no word of this arm leaves" in page.text
    assert "&lt;b&gt;mumbles&lt;/b&gt;" in page.text
    assert "<b>mumbles" not in page.text
    assert begin(client, brief, hotel_of("new", 0))["arm"] == "intent"
    assert "Stop an arm" not in page.text  # one arm is left, and the experiment has ended


def test_why_has_to_be_said(client: TestClient) -> None:
    browser = Browser(client)
    page = browser.open("/pages/experiments/trial")
    assert "Nothing to compare yet" in page.text
    page = browser.send("/experiments/trial", arm="new", reason="  ", then="stop")
    assert (page.status_code, "reason: is empty" in page.text) == (422, True)
    assert browser.open("/pages/experiments/none").status_code == 404
    page = browser.open("/pages/experiments/trial")
    page = browser.send("/experiments/trial", reason="decided", then="end")
    assert "nobody is drawn any more" in page.text


def test_a_split_that_is_not_sound_warns(client: TestClient, brief: dict[str, Any]) -> None:
    begin(client, brief, hotel_of("new"))
    for number in range(16):
        begin(client, brief, hotel_of("intent", number))
    page = Browser(client).open("/pages/experiments/trial")
    assert 'role="alert">The split is not sound' in page.text


def look(size: int, estimate: float, half: float, wide: float) -> dict[str, Any]:
    ends = {"estimate": estimate, "low": estimate - half, "high": estimate + half}
    always = {"estimate": estimate, "low": estimate - wide, "high": estimate + wide}
    return {
        "conversations": size,
        "until": f"2026-11-{size:02}T00:00:00Z",
        "success": {**ends, "always": always},
    }


def test_a_course_by_hand() -> None:
    looks = [look(5, 0.0, 0.5, 3.0), look(10, 0.1, 0.2, 0.3), look(15, 0.1, 0.1, 0.2)]
    drawn = course("success", looks, "success")
    assert drawn is not None
    assert [x for x, _ in drawn.dots] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    # the later looks span -0.2 to 0.4, with 6 % of it on both sides: 0 lies (0.4 + 0.036) / 0.672 down
    plot = HEIGHT - TOP - 30
    assert drawn.zero == pytest.approx(TOP + 0.436 / 0.672 * plot, abs=0.1)
    points = [tuple(map(float, point.split(","))) for point in drawn.always.split()]
    assert points[0] == (LEFT, TOP)  # what lies outside is drawn at the edge
    assert len(points) == 6
    assert "+10.0 points, 95 % interval 0.0 to +20.0" in drawn.summary.replace("+0.0", "0.0")
    assert course("success", looks[:2], "success") is None
    assert course("response", looks, "response") is None


@pytest.mark.parametrize(
    ("name", "low", "high", "better"),
    [
        ("success", 0.01, 0.2, True),
        ("success", -0.2, -0.01, False),
        ("success", -0.2, 0.1, None),
        ("violations", 0.5, 2.0, False),
        ("violations", -2.0, -0.5, True),
    ],
)
def test_what_is_better(name: str, low: float, high: float, better: bool | None) -> None:
    ends = {"estimate": (low + high) / 2, "low": low, "high": high}
    one = {
        "control": 0.2,
        "treated": 0.3,
        "difference": {"interval": ends, "always": ends, "p_value": 0.0002},
    }
    found = row(name, one)
    assert (found.better, found.p_value) == (better, "< 0.001")
    assert re.fullmatch(r"[+−]\d+\.\d to [+−]\d+\.\d", found.always)
