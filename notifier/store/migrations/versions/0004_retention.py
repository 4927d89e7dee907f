"""What retention needs: when a row was blanked, the hash of what was said, and indexes that hold only what is to leave.

They only add, so a program of the release before works on. What 0003 says about building indexes is true here too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Tables whose rows are blanked.
BLANKED = ("inbox_items", "provider_events", "applications")

#: Name, table, columns, condition.
INDEXES = (
    ("ix_inbox_items_unblanked", "inbox_items", ["received_at"], "blanked_at IS NULL"),
    ("ix_provider_events_unblanked", "provider_events", ["received_at"], "blanked_at IS NULL"),
    ("ix_attempts_provider_id", "attempts", ["ended_at"], "provider_id != ''"),
    ("ix_applications_told", "applications", ["told_at"],
     "told_at IS NOT NULL AND open_reason = '' AND (blanked_at IS NULL OR blanked_at < told_at)"),
    ("ix_applications_deleted", "applications", ["deleted_at"],
     "deleted_at IS NOT NULL AND (blanked_at IS NULL OR blanked_at < deleted_at)"),
    ("ix_candidates_erased", "candidates", ["source_id", "external_id"], "erased_at IS NOT NULL"),
    ("ix_candidates_merged_into", "candidates", ["merged_into"], "merged_into IS NOT NULL"),
)  # fmt: skip


def upgrade() -> None:
    """Add what the message says."""
    for table in BLANKED:
        op.add_column(table, sa.Column("blanked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("text_hash", sa.String(), nullable=True))
    for name, table, columns, condition in INDEXES:
        where = sa.text(condition)
        op.create_index(name, table, columns, if_not_exists=True, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Take it back."""
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table, if_exists=True)
    op.drop_column("messages", "text_hash")
    for table in reversed(BLANKED):
        op.drop_column(table, "blanked_at")
