"""The experiments in the store: how they begin, what is changed, who was drawn."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from suasion.errors import InputError
from suasion.serving import schema
from suasion.serving.asked import RefusedError
from suasion.serving.experiments import Change, ChangeKind, Course, Experiment
from suasion.serving.records import stamp
from suasion.serving.store import Store, add_audit


@dataclass(frozen=True, slots=True)
class Asks:
    """A change that somebody, or the stop rule, asks for."""

    kind: ChangeKind
    reason: str
    arm: str | None = None
    shares: Mapping[str, float] | None = None
    key_id: str | None = None


def begin_experiment(
    store: Store, experiment: Experiment, pack: str, now: datetime, key_id: str | None = None
) -> Course:
    """The experiment, begun; or as it stands by now, where the store has the same: it may have ended.

    Raises InputError where the store has another of this id, and while another one runs.
    """
    at, definition = stamp(now), experiment.model_dump(mode="json")

    def begin(connection: Connection) -> None:
        known = {one.experiment.id: one for one in read_courses(connection)}
        mine = known.get(experiment.id)
        if mine is not None:
            if mine.experiment != experiment or mine.pack != pack:
                raise InputError(
                    "the store has another experiment of this id; one is never changed: give it a new id",
                    field="id",
                )
            return
        running = [name for name, one in known.items() if one.pack == pack and not one.ended]
        if running:
            raise InputError(
                f"experiment {running[0]!r} still runs: end it first (`suasion experiment end {running[0]}`)",
                field="id",
            )
        values = {"id": experiment.id, "at": at, "pack": pack, "definition": definition, "key_id": key_id}
        connection.execute(insert(schema.experiments).values(values))
        asks = Asks(ChangeKind.STARTED, "", shares=experiment.shares, key_id=key_id)
        _add_change(connection, experiment.id, at, asks)

    store.writer.run(begin)
    return find_course(store, experiment.id)


def change_experiment(store: Store, experiment_id: str, asks: Asks, now: datetime) -> Course:
    """The course with the change. What is so already is not done again.

    The last arm but one to be stopped ends the experiment: there is nothing left to compare.
    Raises RefusedError: 404 no such experiment or arm, 409 it has ended, or its last arm would be stopped.
    """
    at = stamp(now)

    def change(connection: Connection) -> None:
        found = [one for one in read_courses(connection) if one.experiment.id == experiment_id]
        if not found:
            raise RefusedError(404, "no experiment of this id")
        course = found[0]
        arms = set(course.experiment.shares)
        if asks.arm is not None and asks.arm not in arms:
            raise RefusedError(404, f"no such arm; they are {', '.join(sorted(arms))}", "arm")
        if asks.kind == ChangeKind.ARM_STOPPED:
            if asks.arm in course.stopped:
                return
            if arms - course.stopped == {asks.arm}:
                raise RefusedError(409, "it is the last arm: somebody has to answer them", "arm")
        elif course.ended and asks.kind == ChangeKind.ENDED:
            return
        elif course.ended:
            raise RefusedError(409, f"the experiment ended at {course.ended}")
        elif asks.kind == ChangeKind.SHARES and set(asks.shares or ()) != arms - course.stopped:
            going = ", ".join(sorted(arms - course.stopped))
            raise RefusedError(422, f"give a share to each arm that goes on: {going}", "shares")
        _add_change(connection, experiment_id, at, asks)
        left = arms - course.stopped - {asks.arm}
        if asks.kind == ChangeKind.ARM_STOPPED and not course.ended and len(left) < 2:
            end = Asks(ChangeKind.ENDED, "one arm is left", key_id=asks.key_id)
            _add_change(connection, experiment_id, at, end)

    store.writer.run(change)
    return find_course(store, experiment_id)


def _add_change(connection: Connection, experiment_id: str, at: str, asks: Asks) -> None:
    values: dict[str, Any] = {"experiment_id": experiment_id, "at": at, **asdict(asks)}
    connection.execute(insert(schema.experiment_changes).values(values))
    what = " ".join(filter(None, (experiment_id, asks.arm, asks.reason)))
    add_audit(connection, at, f"experiment {asks.kind.value}".replace("_", " "), asks.key_id, detail=what)


def courses(store: Store) -> list[Course]:
    """Every experiment, in the order in which they began."""
    with store.engine.connect() as connection:
        return read_courses(connection)


def find_course(store: Store, experiment_id: str) -> Course:
    """Raises RefusedError (404)."""
    for one in courses(store):
        if one.experiment.id == experiment_id:
            return one
    raise RefusedError(404, "no experiment of this id")


def read_courses(connection: Connection) -> list[Course]:
    table, changes = schema.experiments, schema.experiment_changes
    rows = {row.id: row for row in connection.execute(select(table))}
    by_experiment: dict[str, list[Change]] = {}  # in the order of their first change: clocks may repeat
    for row in connection.execute(select(changes).order_by(changes.c.id)):
        values = {name: getattr(row, name) for name in Change.__slots__}
        by_experiment.setdefault(row.experiment_id, []).append(
            Change(**values | {"kind": ChangeKind(row.kind)})
        )
    return [
        Course(Experiment.model_validate(rows[name].definition), rows[name].pack, tuple(found))
        for name, found in by_experiment.items()
    ]


def last_change(store: Store) -> int:
    """The number of the last change of any experiment; 0 where there was none."""
    with store.engine.connect() as connection:
        return connection.execute(select(func.max(schema.experiment_changes.c.id))).scalar_one() or 0


def assigned_arm(store: Store, experiment_id: str, contact_key: str) -> str | None:
    table = schema.assignments
    here = (table.c.experiment_id == experiment_id) & (table.c.contact_key == contact_key)
    with store.engine.connect() as connection:
        return connection.execute(select(table.c.arm).where(here)).scalar()


def assignments(store: Store, experiment_id: str) -> list[Row[Any]]:
    """contact_key, arm, at and change_id of every contact that was drawn."""
    table = schema.assignments
    with store.engine.connect() as connection:
        return list(connection.execute(select(table).where(table.c.experiment_id == experiment_id)))
