"""Where a person's own words about a hold or a cancellation are kept: sealed, and apart from the trail that outlives them.

It only adds, so a program of the release before works on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the message says."""
    op.add_column("messages", sa.Column("note", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("messages", "note")
