"""All tables in one place, for migrations: importing this module fills `Base.metadata`."""

import sqlalchemy as sa

from notifier.store import (
    applications,
    askings,
    audit,
    heartbeats,
    inbox,
    mailbox,
    messages,
    people,
    promises,
    provider_events,
    replies,
    sightings,
    sources,
    stages,
    submission,
    sweeps,
    users,
    wording,
    workspaces,
)
from notifier.store.base import Base

MODULES = (
    applications,
    askings,
    audit,
    heartbeats,
    inbox,
    mailbox,
    messages,
    people,
    promises,
    provider_events,
    replies,
    sightings,
    sources,
    stages,
    submission,
    sweeps,
    users,
    wording,
    workspaces,
)

metadata = Base.metadata

#: The oldest program that may use the database; `store.schema` reads it without a class, as an old program must.
sa.Table(
    "schema_floor",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.String, nullable=False),
)
