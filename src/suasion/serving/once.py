"""Work that is done once under an idempotency key, its answer kept in the same transaction."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from suasion.serving import schema
from suasion.serving.asked import Answered, Asked
from suasion.serving.records import stamp
from suasion.serving.store import Store, find_answer


def earlier(store: Store, asked: Asked) -> Answered | None:
    """What was answered before under the key. Raises RefusedError (422) if that was another request."""
    found = store.answer(asked.caller, asked.key) if asked.key else None
    return None if found is None else asked.again(found)


def once(
    store: Store, asked: Asked, status: int, now: datetime, work: Callable[[Connection], dict[str, Any]]
) -> Answered:
    """What `work` answers within a transaction; or, where the key was answered before, that again.

    Raises RefusedError (422) where the key was used for another request, and what `work` raises: then
    nothing is stored, and the key is free.
    """

    def do(connection: Connection) -> Answered:
        found = find_answer(connection, asked.caller, asked.key) if asked.key else None
        if found is not None:
            return asked.again(found)
        body = work(connection)
        if answer := asked.answer(status, body):
            connection.execute(insert(schema.answers).values(at=stamp(now), **asdict(answer)))
        return Answered(status, body)

    try:
        return store.writer.run(do)
    except IntegrityError:  # another process was first: its answer is there by now
        return store.writer.run(do)
