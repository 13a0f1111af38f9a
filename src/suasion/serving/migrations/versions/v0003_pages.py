"""What the pages keep: the secret that signs sessions, and negotiations that people play."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "plays",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.Column("brief", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plays")),
    )
    op.create_table(
        "play_turns",
        sa.Column("play_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("speaker", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("silence_minutes", sa.Float(), nullable=True),
        sa.Column("reply", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["play_id"], ["plays.id"], name=op.f("fk_play_turns_play_id_plays")),
        sa.PrimaryKeyConstraint("play_id", "number", name=op.f("pk_play_turns")),
    )


def downgrade() -> None:
    raise NotImplementedError("the store is never taken back: keep a copy of it instead")
