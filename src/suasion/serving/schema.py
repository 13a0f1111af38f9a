"""The store's tables as the code knows them; migrations/ makes them. SQLite and PostgreSQL alike.

What was said, answered, played, drawn, decided and judged is only ever added to. `standings` repeats where
each conversation stands, for searching; what else is changed (keys, deliveries, what waits) is no record of
talk.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

APPEND_ONLY = (
    *("conversations", "messages", "events", "opt_outs", "audit"),
    *("experiments", "experiment_changes", "assignments", "enrolments"),
    *("panels", "panel_items", "marks", "settlements"),
    *("answers", "plays", "play_turns"),
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite numbers rows by itself only for INTEGER
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
TIME = String(32)  # UTC, ISO 8601 with microseconds: sorts as text, alike in both databases


def _number() -> Column[int]:
    return Column("id", _NUMBER, primary_key=True, autoincrement=True)


def _conversation(nullable: bool = False, index: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(
        "conversation_id",
        String(40),
        ForeignKey("conversations.id"),
        nullable=nullable,
        index=index,
        primary_key=primary_key,
    )


conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("pack", String(200), nullable=False),
    Column("pack_version", String(40), nullable=False),
    Column("contact", Text, nullable=False),  # who is written to, as typed
    Column("contact_key", String(64), nullable=False, index=True),  # the same, however it is spelt
    Column("brief", JSON, nullable=False),
    Column("arm", String(200), nullable=False),
    Column("follows_up", Boolean, nullable=False),  # by the SOP's timers, or when the caller says so
    Column("key_id", String(40)),
)
messages = Table(
    "messages",
    metadata,
    _number(),
    _conversation(),
    Column("number", Integer, nullable=False),  # its place in the conversation, from 0
    Column("at", TIME, nullable=False),
    Column("speaker", String(16), nullable=False),  # agent or counterpart, as in the dialogue record
    Column("author", String(16), nullable=False),  # agent, fallback, operator, counterpart
    Column("text", Text),
    Column("silence_minutes", Float),
    Column("stage", String(80)),  # where an agent's reply stood
    Column("run", String(200)),
    Column("arm", String(200)),
    Column("suite_version", String(80)),
    Column("seed", BigInteger),
    Column("latency_ms", Float),
    Column("guard", JSON),  # what was withheld before it, and lesser objections
    UniqueConstraint("conversation_id", "number"),
)
events = Table(
    "events",
    metadata,
    _number(),
    _conversation(nullable=True, index=True),
    Column("at", TIME, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("data", JSON, nullable=False),
)
standings = Table(
    "standings",
    metadata,
    _conversation(primary_key=True),
    Column("stage", String(80), nullable=False),
    Column("side", String(80)),
    Column("status", String(16), nullable=False),  # open, handed_over, ended
    Column("outcome", String(16)),
    Column("turns", Integer, nullable=False),
    Column("withheld", Integer, nullable=False),
    Column("contact_key", String(64), nullable=False),
    Column("due_at", TIME),  # when a silence becomes a follow-up
    Column("at", TIME, nullable=False),
    Index(None, "status", "at"),
    Index(None, "due_at"),
    Index(None, "contact_key", "status"),
)
answers = Table(  # to requests with an idempotency key
    "answers",
    metadata,
    Column("caller", String(40), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Column("at", TIME, nullable=False),
)
settings = Table(  # what a service makes for itself and keeps
    "settings",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", TIME, nullable=False),
)
plays = Table(  # negotiations that a person plays with the agent: no talk with anybody outside
    "plays",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("key_id", String(40)),
    Column("brief", JSON, nullable=False),
)
play_turns = Table(
    "play_turns",
    metadata,
    Column("play_id", String(40), ForeignKey("plays.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # its place, from 0
    Column("at", TIME, nullable=False),
    Column("speaker", String(16), nullable=False),
    Column("text", Text),
    Column("silence_minutes", Float),
    Column("reply", JSON),  # of the agent's: how it came about, and what it scored
)
opt_outs = Table(
    "opt_outs",
    metadata,
    Column("contact_key", String(64), primary_key=True),
    _conversation(nullable=True),
    Column("at", TIME, nullable=False),
)
waiting = Table(  # briefs whose conversation has not begun
    "waiting",
    metadata,
    _number(),
    Column("at", TIME, nullable=False),
    Column("contact", Text, nullable=False),
    Column("contact_key", String(64), nullable=False),
    Column("brief", JSON, nullable=False),
    Column("status", String(16), nullable=False),  # waiting, started, refused
    Column("next_at", TIME, nullable=False),  # when it is looked at
    Column("reason", Text),
    _conversation(nullable=True),
    Column("key_id", String(40)),
    Index(None, "status", "next_at"),
)
deliveries = Table(  # of events to the webhook
    "deliveries",
    metadata,
    Column("event_id", _NUMBER, ForeignKey("events.id"), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("next_at", TIME),  # None: delivered or given up
    Column("delivered_at", TIME),
    Column("error", Text),
    Index(None, "next_at"),
)
keys = Table(
    "keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("hash", LargeBinary, nullable=False),  # SHA-256 of 32 random bytes
    Column("scope", String(16), nullable=False),
    Column("label", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Column("revoked_at", TIME),
)
audit = Table(
    "audit",
    metadata,
    _number(),
    Column("at", TIME, nullable=False),
    Column("key_id", String(40)),
    Column("action", String(80), nullable=False),
    Column("conversation_id", String(40)),
    Column("detail", Text),
)
experiments = Table(
    "experiments",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("pack", String(200), nullable=False),
    Column("definition", JSON, nullable=False),
    Column("key_id", String(40)),
)
experiment_changes = Table(  # an experiment's course: the rows of one experiment, in order
    "experiment_changes",
    metadata,
    _number(),
    Column("experiment_id", String(80), ForeignKey("experiments.id"), nullable=False, index=True),
    Column("at", TIME, nullable=False),
    Column("kind", String(16), nullable=False),  # started, shares, arm_stopped, ended
    Column("arm", String(200)),
    Column("shares", JSON),
    Column("reason", Text),
    Column("key_id", String(40)),
)
assignments = Table(  # of a contact to an arm, once
    "assignments",
    metadata,
    Column("experiment_id", String(80), ForeignKey("experiments.id"), primary_key=True),
    Column("contact_key", String(64), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("arm", String(200), nullable=False),
    Column("change_id", BigInteger, nullable=False),  # the last change when it was drawn: which shares held
)
enrolments = Table(  # of a conversation in the arm of its contact
    "enrolments",
    metadata,
    _conversation(primary_key=True),
    Column("experiment_id", String(80), ForeignKey("experiments.id"), nullable=False, index=True),
    Column("arm", String(200), nullable=False),
)
panels = Table(
    "panels",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("at", TIME, nullable=False),
    Column("title", Text, nullable=False),
    Column("raters", Text, nullable=False),  # what they are, such as "AI raters"
    Column("seed", BigInteger, nullable=False),
    Column("key_id", String(40)),
)
panel_items = Table(  # whose a dialogue is stands here, and is shown to no rater
    "panel_items",
    metadata,
    Column("panel_id", String(40), ForeignKey("panels.id"), primary_key=True),
    Column("name", String(16), primary_key=True),
    Column("kind", String(16), nullable=False),  # dialogue, case
    Column("method", String(200), nullable=False),
    Column("source", String(200), nullable=False),
    Column("dialogue", JSON, nullable=False),
    Column("about", JSON),  # of a case: the defect that the reply has to mend
)
marks = Table(  # of raters; the last that was not undone counts
    "marks",
    metadata,
    _number(),
    Column("panel_id", String(40), ForeignKey("panels.id"), nullable=False),
    Column("item", String(16), nullable=False),
    Column("rater", String(80), nullable=False),
    Column("at", TIME, nullable=False),
    Column("kind", String(16), nullable=False),  # rating, grade, undo
    Column("data", JSON, nullable=False),
    Index(None, "panel_id", "rater"),
)
settlements = Table(  # ratings that were settled afterwards
    "settlements",
    metadata,
    _number(),
    Column("panel_id", String(40), ForeignKey("panels.id"), nullable=False, index=True),
    Column("item", String(16), nullable=False),
    Column("at", TIME, nullable=False),
    Column("rating", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("key_id", String(40)),
)
