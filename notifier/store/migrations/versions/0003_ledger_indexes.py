"""Indexes that keep the ledger's every-minute check to the work in hand.

They only add, so a program of the release before works on. While they are built nobody else writes: a few seconds for
each million of applications, in which webhooks are answered 503 and come again. Whoever wants no wait on a large
PostgreSQL makes them beforehand with CREATE INDEX CONCURRENTLY under the same names; here they are then left alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Name, table, columns, condition.
INDEXES = (
    ("ix_applications_unsettled", "applications", ["workspace_id", "id"],
     "outcome != 'none' AND (told_at IS NULL OR open_reason != '')"),
    ("ix_messages_accepted", "messages", ["state", "accepted_at"], "state = 'accepted'"),
    ("ix_messages_came_back", "messages", ["workspace_id", "delivery_at"], "delivery IN ('bounced', 'dropped')"),
    ("ix_attempts_accepted", "attempts", ["ended_at"], "outcome = 'accepted'"),
    ("ix_attempts_settled", "attempts", ["settled_at"], "settled_at IS NOT NULL"),
)  # fmt: skip


def upgrade() -> None:
    """Add what the message says."""
    for name, table, columns, condition in INDEXES:
        where = sa.text(condition)
        op.create_index(name, table, columns, if_not_exists=True, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Take it back."""
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table, if_exists=True)
