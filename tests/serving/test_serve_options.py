"""What `suasion serve` is told reaches the service: drafts, and how often one contact is written to."""

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from starlette.testclient import TestClient

from suasion.cli import main
from suasion.cli.serve import serve
from suasion.serving import schema
from suasion.serving.assemble import Limits
from suasion.serving.hours import Reach

Look = Callable[[TestClient, Any], None]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, url: str) -> Callable[..., None]:
    """Runs the command with its own store, application and background work, without a port or its logs."""

    def run(look: Look, *words: str) -> None:
        def run_app(app: Any, host: str, port: int) -> None:
            with TestClient(app, base_url=f"http://{host}") as client:
                look(client, app.app.state.context)

        monkeypatch.setattr(import_module("suasion.cli.serve"), "run_app", run_app)
        monkeypatch.setattr("suasion.serving.logs.set_up_logs", lambda: None)
        result = CliRunner().invoke(main, ["serve", "--store", url, "--quiet", "", *words])
        assert result.exit_code == 0, (result.output, result.exception)

    return run


def line(context: Any) -> list[str]:
    """What became of the briefs, once each was looked at."""
    with context.service.store.engine.connect() as connection:
        for _ in range(100):
            rows = connection.execute(select(schema.waiting).order_by(schema.waiting.c.id)).all()
            if all(row.status == "started" or row.next_at > row.at for row in rows):
                break
            time.sleep(0.05)
    return [row.status for row in rows]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((), 1),  # one that is not over
        (("--contact-open", "2"), 2),
        (("--contact-open", "9"), 2),  # two in seven days
        (("--contact-open", "9", "--contact-begun", "3"), 3),
    ],
    ids=str,
)
def test_a_contact_is_written_to_as_often_as_it_was_told(
    words: tuple[str, ...], wanted: int, served: Any, url: str, tmp_path: Path, brief: dict[str, Any]
) -> None:
    path = tmp_path / "briefs.jsonl"
    path.write_text((json.dumps(brief) + "\n") * 4, "utf-8")
    assert CliRunner().invoke(main, ["outbound", "--input", str(path), "--store", url]).exit_code == 0

    def look(client: TestClient, context: Any) -> None:
        assert line(context) == ["started"] * wanted + ["waiting"] * (4 - wanted)
        assert len(client.get("/v1/conversations").json()["conversations"]) == wanted

    served(look, *words)


def test_the_guard_samples_as_often_as_it_was_told(served: Any) -> None:
    def look(client: TestClient, context: Any) -> None:
        assert context.service.guard.attempts == 5

    served(look, "--attempts", "5")


def test_what_is_not_told_is_as_in_the_code() -> None:
    told = {one.name: one.default for one in serve.params}
    limits, reach = Limits(), Reach()
    assert (told["rate"], told["batch"], told["attempts"]) == (limits.rate, limits.batch, limits.attempts)
    assert told["withhold"] == limits.withhold.value
    assert (told["contact_open"], told["contact_begun"]) == (reach.open_at_once, reach.begun)
    assert told["contact_days"] == reach.within.days


@pytest.mark.parametrize("words", [("--attempts", "0"), ("--contact-open", "0"), ("--contact-days", "nan")])
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], url: str) -> None:
    assert CliRunner().invoke(main, ["serve", "--store", url, *words]).exit_code == 2
