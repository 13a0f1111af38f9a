"""Negotiations that a person plays with the agent, kept apart from talk with anybody outside.

They are in no export, no experiment and no limit, and no webhook is told of them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue, Turn
from suasion.serving import schema
from suasion.serving.store import Store


@dataclass(frozen=True, slots=True)
class PlayTurn:
    """`reply`: what there is to say of the agent's: see `negotiate.py`."""

    number: int
    at: str
    speaker: str
    text: str | None = None
    silence_minutes: float | None = None
    reply: dict[str, Any] | None = None

    def turn(self) -> Turn:
        speaker = "agent" if self.speaker == "agent" else "counterpart"
        return Turn(speaker=speaker, text=self.text, silence_minutes=self.silence_minutes, at=self.at)


@dataclass(frozen=True, slots=True)
class Play:
    id: str
    at: str
    key_id: str | None
    brief: Brief
    turns: tuple[PlayTurn, ...] = ()

    @property
    def dialogue(self) -> Dialogue:
        turns = tuple(one.turn() for one in self.turns)
        return Dialogue(id=self.id, brief=self.brief, turns=turns, source="played")

    @property
    def ending(self) -> str | None:
        """Why the agent stopped, once it did."""
        last = self.turns[-1].reply if self.turns else None
        return last["ending"] if last else None


def add_play(store: Store, play: Play) -> None:
    """The play with its turns, in one transaction."""

    def add(connection: Connection) -> None:
        brief = play.brief.model_dump(mode="json", exclude_none=True)
        connection.execute(
            insert(schema.plays).values(id=play.id, at=play.at, key_id=play.key_id, brief=brief)
        )
        _add(connection, play.id, play.turns)

    store.writer.run(add)


def add_turns(store: Store, play_id: str, turns: Sequence[PlayTurn]) -> None:
    """Raises sqlalchemy's IntegrityError where one of that number is there."""
    store.writer.run(lambda connection: _add(connection, play_id, turns))


def _add(connection: Connection, play_id: str, turns: Sequence[PlayTurn]) -> None:
    if turns:
        rows = [{"play_id": play_id, **asdict(one)} for one in turns]
        connection.execute(insert(schema.play_turns), rows)


def load_play(store: Store, play_id: str) -> Play | None:
    table, said = schema.plays, schema.play_turns
    columns = [said.c[name] for name in PlayTurn.__slots__]
    with store.engine.connect() as connection:
        row = connection.execute(select(table).where(table.c.id == play_id)).first()
        if row is None:
            return None
        found = connection.execute(select(*columns).where(said.c.play_id == play_id).order_by(said.c.number))
        turns = tuple(PlayTurn(**one._mapping) for one in found)
    return Play(row.id, row.at, row.key_id, Brief.model_validate(row.brief), turns)


def recent_plays(store: Store, key_id: str | None, limit: int = 10) -> list[tuple[str, str, Brief]]:
    """Id, time and brief of the last ones of that key (None: of whoever needed none), the newest first."""
    table = schema.plays
    query = select(table).where(table.c.key_id == key_id if key_id else table.c.key_id.is_(None))
    with store.engine.connect() as connection:
        rows = connection.execute(query.order_by(table.c.at.desc(), table.c.id).limit(limit)).all()
    return [(row.id, row.at, Brief.model_validate(row.brief)) for row in rows]
