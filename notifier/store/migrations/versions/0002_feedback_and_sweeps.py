"""What providers report, what sweeps have read, and what the oldest program may be.

Every column added to a table that was there is nullable or has a default in the database, so that a program that does
not know it goes on writing rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the message says."""
    floor = op.create_table(
        "schema_floor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_floor")),
    )
    op.bulk_insert(floor, [{"id": 1, "revision": "0001"}])

    op.create_table(
        "provider_events",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("heard", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("attempt_id", sa.String(), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_provider_events_message_id_messages")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_provider_events_workspace_id_workspaces")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_events")),
        sa.UniqueConstraint("provider", "digest", name=op.f("uq_provider_events_provider_digest")),
        sa.UniqueConstraint("provider", "event_id", name=op.f("uq_provider_events_provider_event_id")),
    )
    op.create_index(
        "ix_provider_events_state_received_at_id", "provider_events", ["state", "received_at", "id"], unique=False
    )
    op.create_index(op.f("ix_provider_events_message_id"), "provider_events", ["message_id"], unique=False)
    op.create_index("ix_provider_events_attempt_id_heard", "provider_events", ["attempt_id", "heard"], unique=False)

    op.create_table(
        "sweeps",
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_sweeps_source_id_sources")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_sweeps")),
    )

    op.add_column("inbox_items", sa.Column("origin", sa.String(), nullable=False, server_default="webhook"))
    op.add_column("candidates", sa.Column("complained_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("sent_again", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("again_asked_by", sa.String(), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("settled_by", sa.String(), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("joined_to", sa.String(), nullable=True))
    op.create_index(op.f("ix_attempts_joined_to"), "attempts", ["joined_to"], unique=False)
    op.create_index("ix_attempts_provider_started_at", "attempts", ["provider", "started_at"], unique=False)
    op.create_index(
        "ix_messages_provider_id",
        "messages",
        ["provider_id"],
        unique=False,
        sqlite_where=sa.text("provider_id != ''"),
        postgresql_where=sa.text("provider_id != ''"),
    )
    op.create_index("ix_inbox_items_received_at", "inbox_items", ["received_at"], unique=False)


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("ix_inbox_items_received_at", table_name="inbox_items")
    op.drop_index("ix_messages_provider_id", table_name="messages")
    op.drop_index("ix_attempts_provider_started_at", table_name="attempts")
    op.drop_index(op.f("ix_attempts_joined_to"), table_name="attempts")
    op.drop_column("attempts", "joined_to")
    op.drop_column("attempts", "settled_at")
    op.drop_column("attempts", "settled_by")
    op.drop_column("messages", "again_asked_by")
    op.drop_column("messages", "sent_again")
    op.drop_column("messages", "deaths")
    op.drop_column("candidates", "complained_at")
    op.drop_column("inbox_items", "origin")
    op.drop_table("sweeps")
    op.drop_table("provider_events")
    op.drop_table("schema_floor")
