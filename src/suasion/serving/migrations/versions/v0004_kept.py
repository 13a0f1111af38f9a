"""What was answered under a key and what was played are kept like all else that was said."""

from suasion.serving.migrations.append_only import keep

revision = "0004"
down_revision = "0003"

KEPT = ("answers", "plays", "play_turns")


def upgrade() -> None:
    for table in KEPT:
        keep(table)


def downgrade() -> None:
    raise NotImplementedError("the store is never taken back: keep a copy of it instead")
