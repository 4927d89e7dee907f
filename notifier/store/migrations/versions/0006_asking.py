"""What an ATS is asked for one webhook, what keeps it from answering, and what a source was heard to send.

It only adds. A program of the release before knows no webhook in the state *asking*; none can be there before the new
program has been given a source of an ATS that is asked.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the message says."""
    op.add_column("inbox_items", sa.Column("answers", sa.LargeBinary(), nullable=True))
    op.add_column("inbox_items", sa.Column("asks", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("inbox_items", sa.Column("asks_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_inbox_items_asking",
        "inbox_items",
        ["source_id", "asks_at", "id"],
        unique=False,
        sqlite_where=sa.text("asks_at IS NOT NULL"),
        postgresql_where=sa.text("asks_at IS NOT NULL"),
    )
    op.create_table(
        "askings",
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_askings_source_id_sources")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_askings")),
    )
    op.create_table(
        "source_sightings",
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_source_sightings_source_id_sources")),
        sa.PrimaryKeyConstraint("source_id", "what", name=op.f("pk_source_sightings")),
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("source_sightings")
    op.drop_table("askings")
    op.drop_index("ix_inbox_items_asking", table_name="inbox_items")
    op.drop_column("inbox_items", "asks_at")
    op.drop_column("inbox_items", "asks")
    op.drop_column("inbox_items", "answers")
