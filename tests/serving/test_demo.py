"""The demo: within a minute there is something to look at for every page."""

from pathlib import Path

from click.testing import CliRunner
from starlette.testclient import TestClient

from suasion.cli import main
from suasion.incidents.incident import list_incidents
from suasion.serving.app import create_app
from suasion.serving.assemble import Limits, assemble
from suasion.serving.demo import speakers
from suasion.serving.store import Store


def test_a_demo_has_something_for_every_page(tmp_path: Path) -> None:
    words = [
        "demo",
        "--output",
        str(tmp_path / "demo"),
        "--conversations",
        "28",
        "--contacts",
        "16",
        "--no-serve",
    ]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert "28 simulated conversations" in told.output
    assert list_incidents(tmp_path / "demo" / "incidents")
    store = Store(f"sqlite:///{tmp_path}/demo/suasion.db")
    app = create_app(assemble(speakers(0), store, False, Limits()), None)
    with TestClient(app) as client:
        page = client.get("/v1/conversations", params={"limit": 200}).json()["conversations"]
        assert {one["status"] for one in page} == {"open", "ended", "handed_over"}
        assert {one["arm"] for one in page} == {"intent", "rough"}
        assert any(one["withheld"] for one in page)
        assert client.get("/v1/inbox").json()["conversations"]
        assert client.get("/v1/prices").json()["events"]
        result = client.get("/v1/experiments/rough-against-intent").json()
        assert result["status"] == "running"
        assert sum(result["settled"].values()) > 20
        assert result["analysis"]["comparisons"]["rough"]["response"]["difference"]["interval"]["low"]
        panel = client.get("/v1/panels").json()["panels"][0]
        assert panel["done"] == 0
        report = client.get(f"/v1/panels/{panel['id']}/report").json()
        assert report["raters"] == ["rater-a", "rater-b", "rater-c"]
        assert report["ratings"]["agreement"]["rating"]["value"] is not None
        stages = {one["stage"] for one in page}
        assert len(stages) > 3
    again = CliRunner().invoke(main, words)
    assert "there already" in again.output


def test_a_demo_that_was_killed_is_filled_anew(tmp_path: Path) -> None:
    (tmp_path / "filling.db").write_bytes(b"half of a store")
    words = ["demo", "--output", str(tmp_path), "--conversations", "12", "--contacts", "6", "--no-serve"]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 0, told.output
    assert [path.name for path in tmp_path.glob("*.db*")] == ["suasion.db"]
