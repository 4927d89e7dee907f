"""All tables in one place, for migrations: importing this module fills `Base.metadata`."""

from notifier.store import (
    applications,
    audit,
    heartbeats,
    inbox,
    mailbox,
    messages,
    people,
    promises,
    replies,
    sources,
    stages,
    submission,
    users,
    wording,
    workspaces,
)
from notifier.store.base import Base

MODULES = (
    applications,
    audit,
    heartbeats,
    inbox,
    mailbox,
    messages,
    people,
    promises,
    replies,
    sources,
    stages,
    submission,
    users,
    wording,
    workspaces,
)

metadata = Base.metadata
