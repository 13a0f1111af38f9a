"""Panels in the store: opened, marked, undone, settled. Rows are only ever added."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select

from suasion.errors import InputError
from suasion.evaluation.panel import blind
from suasion.negotiation.dialogue import Dialogue
from suasion.serving import schema
from suasion.serving.asked import RefusedError
from suasion.serving.records import stamp
from suasion.serving.review import Item, ItemKind, Mark, MarkKind, Panel, live
from suasion.serving.store import Store, add_audit

if TYPE_CHECKING:
    from suasion.evaluation.bad_cases import BadCase

LARGEST = 2000  # items of a panel


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What a panel is to judge, before it is blinded."""

    method: str
    source: str
    dialogue: Dialogue
    about: Mapping[str, Any] | None = None


def exhibits_of(methods: Mapping[str, Iterable[Dialogue]]) -> list[Exhibit]:
    """Whole dialogues, to be rated. What they are called elsewhere stays out of what raters read."""
    return [
        Exhibit(method, talk.id, Dialogue(id="-", brief=talk.brief, turns=talk.turns))
        for method, talks in methods.items()
        for talk in talks
    ]


def exhibits_of_cases(method: str, replies: Mapping[str, str], cases: "Sequence[BadCase]") -> list[Exhibit]:
    """A method's replies to bad cases, to be graded. Raises InputError where one has no reply."""
    found = []
    for case in cases:
        if case.dialogue.id not in replies:
            raise InputError(f"no reply to case {case.dialogue.id!r}", field=method)
        defect = case.verdict.defect.model_dump(by_alias=True)
        about = {**defect, "bad_reply": case.verdict.bad_reply}
        shown = Dialogue(id="-", brief=case.dialogue.brief, turns=case.dialogue.turns)
        found.append(Exhibit(method, case.dialogue.id, shown.with_reply(replies[case.dialogue.id]), about))
    return found


@dataclass(frozen=True, slots=True)
class Opening:
    """raters: what they are, such as "AI raters"; it stands beside every figure."""

    title: str
    raters: str
    seed: int = 0
    key_id: str | None = None


def open_panel(store: Store, opening: Opening, exhibits: Sequence[Exhibit], now: datetime) -> Panel:
    """Blind the exhibits and put them before the raters. Raises InputError for none, or too many."""
    return find_panel(
        store, store.writer.run(lambda connection: add_panel(connection, opening, exhibits, now))
    )


def add_panel(connection: Connection, opening: Opening, exhibits: Sequence[Exhibit], now: datetime) -> str:
    """The same within a transaction; the panel's id."""
    if not 0 < len(exhibits) <= LARGEST:
        raise InputError(f"a panel has 1 to {LARGEST} items, found {len(exhibits)}")
    panel_id, at = f"p-{secrets.token_hex(8)}", stamp(now)
    values = {"id": panel_id, "at": at, **asdict(opening)}
    rows = [
        {
            "panel_id": panel_id,
            "name": name,
            "kind": (ItemKind.DIALOGUE if one.about is None else ItemKind.CASE).value,
            "method": one.method,
            "source": one.source,
            "dialogue": one.dialogue.model_dump(mode="json", exclude_none=True),
            "about": None if one.about is None else dict(one.about),
        }
        for name, one in blind(exhibits, opening.seed).items()
    ]
    connection.execute(insert(schema.panels).values(values))
    connection.execute(insert(schema.panel_items), rows)
    add_audit(connection, at, "panel opened", opening.key_id, detail=f"{panel_id} {opening.title}")
    return panel_id


def find_panel(store: Store, panel_id: str) -> Panel:
    """Raises RefusedError (404)."""
    table, items = schema.panels, schema.panel_items
    with store.engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.id == panel_id)).first()
        if row is None:
            raise RefusedError(404, "no panel of this id")
        here = connection.execute(select(items).where(items.c.panel_id == panel_id).order_by(items.c.name))
        found = {
            one.name: Item(
                *(one.name, ItemKind(one.kind), one.method, one.source),
                *(Dialogue.model_validate(one.dialogue), one.about),
            )
            for one in here
        }
    return Panel(row.id, row.at, row.title, row.raters, row.seed, found)


def panel_ids(store: Store) -> list[str]:
    """The newest first."""
    table = schema.panels
    with store.engine.connect() as connection:
        query = select(table.c.id).order_by(table.c.at.desc(), table.c.id.desc())
        return list(connection.execute(query).scalars())


def marks_of(store: Store, panel_id: str, rater: str | None = None) -> list[Mark]:
    """All rows in order; of one rater only where he asks."""
    with store.engine.connect() as connection:
        return _marks(connection, panel_id, rater)


def _marks(connection: Connection, panel_id: str, rater: str | None) -> list[Mark]:
    table = schema.marks
    query = select(table).where(table.c.panel_id == panel_id).order_by(table.c.id)
    if rater is not None:
        query = query.where(table.c.rater == rater)
    return [
        Mark(row.id, row.item, row.rater, row.at, MarkKind(row.kind), row.data)
        for row in connection.execute(query)
    ]


def add_mark(
    store: Store, panel: Panel, rater: str, name: str, kind: MarkKind, data: Mapping[str, Any], now: datetime
) -> int:
    """The number of the mark. The same as the one that counts already is not added again: it was sent twice.

    Raises RefusedError: 404 no such item, 422 a rating of a case or a grade of a dialogue.
    """
    if name not in panel.items:
        raise RefusedError(404, "no item of this name in the panel", "item")
    wanted = MarkKind.RATING if panel.items[name].kind == ItemKind.DIALOGUE else MarkKind.GRADE
    if kind != wanted:
        raise RefusedError(422, f"this item takes a {wanted.value}", "item")

    def add(connection: Connection) -> int:
        mine = [one for one in live(_marks(connection, panel.id, rater)) if one.item == name]
        if mine and dict(mine[-1].data) == dict(data):
            return mine[-1].id
        return _add(connection, panel.id, rater, name, kind, data, now)

    return store.writer.run(add)


def undo_mark(store: Store, panel: Panel, rater: str, number: int, now: datetime) -> str:
    """Take a mark of one's own back; the item's name. Undone twice is undone once.

    Raises RefusedError (404) where the rater has no such mark.
    """

    def undo(connection: Connection) -> str:
        marks = _marks(connection, panel.id, rater)
        found = next((one for one in marks if one.id == number and one.kind != MarkKind.UNDO), None)
        if found is None:
            raise RefusedError(404, "you have no such mark", "mark")
        if any(one.id == number for one in live(marks)):
            _add(connection, panel.id, rater, found.item, MarkKind.UNDO, {"undoes": number}, now)
        return found.item

    return store.writer.run(undo)


def _add(
    connection: Connection,
    panel_id: str,
    rater: str,
    name: str,
    kind: MarkKind,
    data: Mapping[str, Any],
    now: datetime,
) -> int:
    values = {"panel_id": panel_id, "item": name, "rater": rater, "at": stamp(now)}
    made = connection.execute(insert(schema.marks).values(values | {"kind": kind.value, "data": dict(data)}))
    assert made.inserted_primary_key is not None  # one row was inserted
    return int(made.inserted_primary_key[0])


def settled_of(store: Store, panel_id: str) -> dict[str, int]:
    """Ratings that were settled afterwards; the last one of each dialogue."""
    table = schema.settlements
    query = select(table.c.item, table.c.rating).where(table.c.panel_id == panel_id).order_by(table.c.id)
    with store.engine.connect() as connection:
        return {row.item: row.rating for row in connection.execute(query)}


def settle(
    store: Store, panel: Panel, name: str, rating: int, note: str, now: datetime, key_id: str | None = None
) -> None:
    """A rating in the place of the raters' median. Raises RefusedError (404) for what nobody rated."""
    if not any(one.item == name and one.kind == MarkKind.RATING for one in live(marks_of(store, panel.id))):
        raise RefusedError(404, "nobody rated an item of this name", "item")
    at = stamp(now)
    values = {"panel_id": panel.id, "item": name, "at": at, "rating": rating, "note": note, "key_id": key_id}

    def add(connection: Connection) -> None:
        connection.execute(insert(schema.settlements).values(values))
        add_audit(connection, at, "rating settled", key_id, detail=f"{panel.id} {name} {rating}")

    store.writer.run(add)
