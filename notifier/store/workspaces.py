"""Workspaces: one employer, or one client of an agency. Every row belongs to one and every query is scoped by it.

A pause stops all sending: of one workspace, of one mail provider (it refused our key), or of everything.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.errors import NotFound, Refused
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id

#: The scope of a pause that stops everything.
EVERYTHING = "everything"


class Workspace(Base):
    """`zone` is the time zone in which its windows and promises are meant; `sender` signs where no owner is known."""

    __tablename__ = "workspaces"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    zone: Mapped[str] = mapped_column(default="UTC")
    sender: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class Pause(Base):
    """Nothing leaves within `scope`: "everything", "workspace:<id>" or "provider:<name>"."""

    __tablename__ = "pauses"

    scope: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str]
    by: Mapped[str]
    since: Mapped[datetime]


def add_workspace(tx: Tx, name: str, *, zone: str = "UTC") -> Workspace:
    """Create a workspace; `zone` is an IANA name. Raises Refused for an empty name or an unknown zone."""
    if not name.strip():
        raise Refused("a workspace needs a name: it signs every e-mail")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError) as fault:
        raise Refused(f"unknown time zone {zone!r}") from fault
    workspace = Workspace(id=new_id("ws"), name=name.strip(), zone=zone, created_at=tx.now)
    tx.session.add(workspace)
    tx.session.flush()
    return workspace


def list_workspaces(tx: Tx) -> list[Workspace]:
    """All workspaces, oldest first."""
    return list(tx.session.scalars(sa.select(Workspace).order_by(Workspace.created_at, Workspace.id)))


def get_workspace(tx: Tx, workspace_id: str) -> Workspace:
    """The workspace, or NotFound."""
    workspace = tx.session.get(Workspace, workspace_id)
    if workspace is None:
        raise NotFound(f"no workspace {workspace_id}")
    return workspace


def only_workspace(tx: Tx, workspace_id: str | None) -> Workspace:
    """The workspace named, or the only one there is. Raises Refused when there is a choice and none was made."""
    if workspace_id:
        return get_workspace(tx, workspace_id)
    found = list_workspaces(tx)
    if not found:
        raise Refused("there is no workspace yet: notifier workspace add NAME")
    if len(found) > 1:
        raise Refused("there are several workspaces: say which one with --workspace ID")
    return found[0]


def pause(tx: Tx, scope: str, *, why: str, by: str) -> None:
    """Stop claiming within `scope`, and what is claimed at the fence. Pausing what is paused keeps the first reason:
    workers whose key is refused at the same moment all pause, and none may lose its answers by it."""
    insert = sqlite.insert if tx.session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = {"scope": scope, "why": why, "by": by, "since": tx.now}
    tx.session.execute(insert(Pause).values(row).on_conflict_do_nothing())


def resume(tx: Tx, scope: str) -> bool:
    """Allow claiming again; false if it was not paused."""
    gone = tx.session.execute(sa.delete(Pause).where(Pause.scope == scope).returning(Pause.scope))
    return gone.first() is not None


def pauses(tx: Tx) -> list[Pause]:
    """Everything that is paused now, oldest first."""
    return list(tx.session.scalars(sa.select(Pause).order_by(Pause.since)))
