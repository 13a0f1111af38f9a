"""Experiments on live traffic, and the marks of raters."""

import sqlalchemy as sa
from alembic import op

from suasion.serving.migrations.append_only import keep

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEPT = (
    *("experiments", "experiment_changes", "assignments", "enrolments"),
    *("panels", "panel_items", "marks", "settlements"),
)


def upgrade() -> None:
    _experiments()
    _drawn()
    _panels()
    for table in KEPT:
        keep(table)


def downgrade() -> None:
    raise NotImplementedError("what was drawn and judged is never removed: keep a copy of the store instead")


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("pack", sa.String(length=200), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    op.create_table(
        "experiment_changes",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("experiment_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("arm", sa.String(length=200), nullable=True),
        sa.Column("shares", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.id"],
            name=op.f("fk_experiment_changes_experiment_id_experiments"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment_changes")),
    )
    op.create_index(
        op.f("ix_experiment_changes_experiment_id"), "experiment_changes", ["experiment_id"], unique=False
    )


def _drawn() -> None:
    op.create_table(
        "assignments",
        sa.Column("experiment_id", sa.String(length=80), nullable=False),
        sa.Column("contact_key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("arm", sa.String(length=200), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_assignments_experiment_id_experiments")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "contact_key", name=op.f("pk_assignments")),
    )
    op.create_table(
        "enrolments",
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("experiment_id", sa.String(length=80), nullable=False),
        sa.Column("arm", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_enrolments_conversation_id_conversations"),
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.id"], name=op.f("fk_enrolments_experiment_id_experiments")
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_enrolments")),
    )
    op.create_index(op.f("ix_enrolments_experiment_id"), "enrolments", ["experiment_id"], unique=False)


def _panels() -> None:
    op.create_table(
        "panels",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("raters", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panels")),
    )
    op.create_table(
        "panel_items",
        sa.Column("panel_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("method", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("dialogue", sa.JSON(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["panel_id"], ["panels.id"], name=op.f("fk_panel_items_panel_id_panels")),
        sa.PrimaryKeyConstraint("panel_id", "name", name=op.f("pk_panel_items")),
    )
    op.create_table(
        "marks",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("panel_id", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=16), nullable=False),
        sa.Column("rater", sa.String(length=80), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["panel_id"], ["panels.id"], name=op.f("fk_marks_panel_id_panels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marks")),
    )
    op.create_index(op.f("ix_marks_panel_id_rater"), "marks", ["panel_id", "rater"], unique=False)
    op.create_table(
        "settlements",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("panel_id", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=16), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["panel_id"], ["panels.id"], name=op.f("fk_settlements_panel_id_panels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
    )
    op.create_index(op.f("ix_settlements_panel_id"), "settlements", ["panel_id"], unique=False)
