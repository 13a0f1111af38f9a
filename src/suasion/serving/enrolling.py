"""A conversation's place in an experiment, written with the conversation itself."""

from sqlalchemy import Connection, func, insert, select

from suasion.serving import schema
from suasion.serving.records import Enrolment


class StaleError(Exception):
    """What a request was decided by has changed since: decide again."""


def enrol(
    connection: Connection, conversation_id: str, contact_key: str, at: str, enrolment: Enrolment
) -> None:
    """Within the transaction of a conversation's beginning.

    Raises StaleError where the experiment was changed, or the contact drawn, since the arm was chosen.
    """
    changes, drawn = schema.experiment_changes, schema.assignments
    here = changes.c.experiment_id == enrolment.experiment_id
    newest = connection.execute(select(func.max(changes.c.id)).where(here)).scalar_one()
    if newest != enrolment.change_id:
        raise StaleError
    mine = (drawn.c.experiment_id == enrolment.experiment_id) & (drawn.c.contact_key == contact_key)
    arm = connection.execute(select(drawn.c.arm).where(mine)).scalar()
    if arm not in (None, enrolment.arm):
        raise StaleError
    one = {"experiment_id": enrolment.experiment_id, "arm": enrolment.arm}
    if arm is None:
        values = {**one, "contact_key": contact_key, "at": at, "change_id": enrolment.change_id}
        connection.execute(insert(drawn).values(values))
    connection.execute(insert(schema.enrolments).values(conversation_id=conversation_id, **one))
