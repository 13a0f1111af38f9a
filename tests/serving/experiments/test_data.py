"""Experiments as data: what a file must not say, what nobody can change, and what an old store keeps."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner
from sqlalchemy import create_engine, delete, insert
from sqlalchemy.exc import DatabaseError
from starlette.testclient import TestClient
from tests.serving.conftest import NOW, Make, context_of
from tests.serving.experiments.conftest import DEFINITION, begin, defined, hotel_of

from suasion.cli import main
from suasion.errors import InputError
from suasion.serving import schema
from suasion.serving.access import Scope, create_key
from suasion.serving.assemble import load_speaker
from suasion.serving.database import open_database
from suasion.serving.experiments import Experiment, read_experiment
from suasion.serving.records import contact_key
from suasion.serving.store import Store
from suasion.serving.trials import begin_experiment, courses


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"control": "other"}, None),
        ({"arms": [{"agent": "intent", "share": 1}]}, "arms"),
        ({"arms": [{"agent": "intent", "share": 1}, {"agent": "intent", "share": 2}]}, None),
        ({"arms": [{"agent": "intent", "share": 1}, {"agent": "new", "share": 0}]}, "arms.1.share"),
        ({"salt": ""}, "salt"),
        ({"stop": {"harm": []}}, "stop"),
        ({"stop": {"days": 3, "harm": ["luck"]}}, "stop.harm.0"),
        ({"stopp": {}}, "stopp"),
        ({"id": "No Good"}, "id"),
        ({"start": "2026-12-01T08:00:00"}, "start"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_file_is_named(
    changes: dict[str, Any], field: str | None, tmp_path: Path, client: TestClient
) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(json.dumps(defined(**changes)), encoding="utf-8")  # JSON is YAML
    with pytest.raises(InputError) as caught:
        read_experiment(path)
    assert (caught.value.file, caught.value.field) == (str(path), field)
    assert client.post("/v1/experiments", json=defined(**changes)).status_code == 422


@pytest.mark.parametrize(
    ("agents", "says"),
    [
        (["intent"], "arms.1.agent: no agent 'new'"),
        (["intent", "intent"], "two agents are called 'intent'"),
        (["new=intent", "no such run"], "no such run"),
    ],
)
def test_serve_begins_nothing_with_agents_that_do_not_fit(
    agents: list[str], says: str, tmp_path: Path, url: str
) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(json.dumps(DEFINITION), encoding="utf-8")
    words = ["serve", "--experiment", str(path), "--store", url]
    for agent in agents:
        words += ["--agent", agent]
    told = CliRunner().invoke(main, words)
    assert (told.exit_code, says in told.stderr) == (2, True), told.stderr
    store = Store(url)
    assert courses(store) == []
    store.close()


def test_an_agent_has_the_name_that_it_was_given() -> None:
    speaker = load_speaker("new=intent", "hotel")
    assert (speaker.arm, speaker.run.split("-")[0]) == ("new", "intent")


def test_one_experiment_at_a_time_and_none_is_ever_changed(client: TestClient) -> None:
    other = client.post("/v1/experiments", json=defined(id="other"))
    assert (other.status_code, "'trial' still runs" in other.json()["error"]) == (409, True)
    changed = client.post("/v1/experiments", json=defined(salt="another"))
    assert (changed.status_code, "never changed" in changed.json()["error"]) == (409, True)
    client.post("/v1/experiments/trial/end", json={"reason": "decided"})
    assert client.post("/v1/experiments", json=DEFINITION).status_code == 409
    assert client.post("/v1/experiments", json=defined(id="other")).status_code == 201
    listed = client.get("/v1/experiments").json()["experiments"]
    assert [(one["experiment"]["id"], one["status"]) for one in listed] == [
        ("trial", "ended"),
        ("other", "running"),
    ]
    unknown = defined(arms=[{"agent": "intent", "share": 1}, {"agent": "absent", "share": 1}])
    assert client.post("/v1/experiments", json=unknown).json()["field"] == "arms"
    shares = {"reason": "x", "shares": {"intent": 1}}
    assert client.post("/v1/experiments/other/shares", json=shares).json()["field"] == "shares"
    assert client.post("/v1/experiments/none/end", json={"reason": "x"}).status_code == 404


def test_only_operators_see_and_change_experiments(make: Make, agents: dict[str, Any]) -> None:
    client = make(agents, needs_keys=True)
    store = context_of(client).service.store
    found = {}
    for scope in Scope:
        headers = {"Authorization": f"Bearer {create_key(store, scope)}"}
        begun = client.post("/v1/experiments", json=DEFINITION, headers=headers).status_code
        stopped = client.post("/v1/experiments/trial/end", json={"reason": "x"}, headers=headers)
        found[scope.value] = begun, client.get("/v1/experiments", headers=headers).status_code
        assert (stopped.status_code == 403) == (begun == 403)
    assert found == {"agent": (403, 403), "rater": (403, 403), "operator": (201, 200), "admin": (409, 200)}


def test_nothing_drawn_can_be_changed(client: TestClient, brief: dict[str, Any]) -> None:
    begin(client, brief, "Hotel 1")
    store = context_of(client).service.store
    for name in ("experiments", "experiment_changes", "assignments", "enrolments"):
        table = schema.metadata.tables[name]
        with pytest.raises(DatabaseError, match="append-only"):
            store.writer.run(lambda connection, table=table: connection.execute(delete(table)))


def test_a_store_of_the_first_schema_keeps_all_its_data(tmp_path: Path, brief: dict[str, Any]) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    config = Config()
    folder = Path(schema.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        at = "2026-11-01T00:00:00.000000Z"
        row = {"id": "c-1", "at": at, "pack": "hotel", "pack_version": "1", "contact": "A", "arm": "intent"}
        row |= {"contact_key": contact_key("A"), "brief": brief, "follows_up": False}
        connection.execute(insert(schema.conversations).values(row))
        said = {"conversation_id": "c-1", "at": at, "speaker": "agent", "author": "agent"}
        connection.execute(insert(schema.messages), [{**said, "number": n, "text": str(n)} for n in range(3)])
        connection.execute(
            insert(schema.standings).values(
                conversation_id="c-1",
                stage="open",
                status="open",
                turns=3,
                withheld=0,
                at=at,
                contact_key="k",
            )
        )
        connection.execute(
            insert(schema.events).values(conversation_id="c-1", at=at, kind="started", data={})
        )
        connection.execute(insert(schema.opt_outs).values(contact_key="k", at=at))
        connection.execute(insert(schema.audit).values(at=at, action="kept"))
        connection.execute(insert(schema.keys).values(id="k1", hash=b"x", scope="agent", label="crm", at=at))
    engine.dispose()
    before = _dump(tmp_path / "old.db")
    store = Store(url)
    talk = store.load("c-1")
    assert talk is not None
    assert [message.text for message in talk.messages] == ["0", "1", "2"]
    assert talk.enrolment is None
    begin_experiment(store, Experiment.model_validate(DEFINITION), "hotel", NOW)
    for table in (schema.messages, schema.conversations, schema.experiments):
        with pytest.raises(DatabaseError, match="append-only"):
            store.writer.run(lambda connection, table=table: connection.execute(delete(table)))
    store.close()
    after = _dump(tmp_path / "old.db")
    assert sum(map(len, before.values())) > 8
    grown = {"audit", "alembic_version"}
    assert {name: after[name] for name in before if name not in grown} == {
        name: rows for name, rows in before.items() if name not in grown
    }
    assert after["audit"][:1] == before["audit"]
    assert open_database(url)  # and a second time nothing is to be done


def _dump(path: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(path) as raw:
        tables = [
            row[0]
            for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if not row[0].startswith("sqlite_")
        ]
        return {name: raw.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in tables}


def test_a_service_without_statistics_serves_and_says_what_it_lacks(
    client: TestClient, brief: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\n"
        "for name in ('numpy', 'scipy', 'statsmodels', 'matplotlib', 'torch'): sys.modules[name] = None\n"
        "import suasion.serving.app, suasion.serving.background, suasion.serving.assemble\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    for arm in ("intent", "new"):
        begin(client, brief, hotel_of(arm))
    monkeypatch.setitem(sys.modules, "suasion.evaluation.ab", None)
    answer = client.get("/v1/experiments/trial")
    assert (answer.status_code, "suasion[serve,train]" in answer.json()["error"]) == (503, True)
    page = client.get("/pages/experiments/trial")
    assert (page.status_code, "suasion[serve,train]" in page.text) == (503, True)
    assert client.get("/v1/experiments").status_code == 200
