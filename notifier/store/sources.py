"""Sources: one connection to one ATS, with its dated secrets.

The key in the address is a token of its own, so that neither the workspace nor the ATS can be guessed from it. Secrets
are sealed; several may be valid at once while one is being replaced, and which one last matched is remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.errors import NotFound
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id, token


class Source(Base):
    """`sending` is live or shadow (drafted, nothing leaves). `ats_writes` lists the template keys that the ATS itself
    sends to candidates, so that nobody is written to twice; no payload of any ATS shows it, so a person says it."""

    __tablename__ = "sources"

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"), index=True)
    key: Mapped[str] = mapped_column(unique=True)
    ats: Mapped[str]
    name: Mapped[str]
    sending: Mapped[str] = mapped_column(default="live")
    ats_writes: Mapped[list[str]] = mapped_column(default=list)
    api_key: Mapped[bytes | None]
    api_url: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class SourceSecret(Base):
    """A webhook secret, valid until `not_after` (no end while it is `None`)."""

    __tablename__ = "source_secrets"

    id: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"), index=True)
    secret: Mapped[bytes]
    created_at: Mapped[datetime]
    not_after: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class OpenSecret:
    """A secret ready for verifying."""

    id: str
    text: str
    last_used_at: datetime | None

    def __repr__(self) -> str:
        return f"OpenSecret(id={self.id!r})"


def add_source(
    tx: Tx, workspace_id: str, ats: str, *, name: str, secret: str, sending: str, api_key: str = "", api_url: str = ""
) -> Source:
    """Create a source with its first secret."""
    source = Source(
        id=new_id("src"),
        workspace_id=workspace_id,
        key=token(),
        ats=ats,
        name=name,
        sending=sending,
        ats_writes=[],
        api_key=tx.keyring.seal(api_key, "source.api_key") if api_key else None,
        api_url=api_url,
        created_at=tx.now,
    )
    tx.session.add(source)
    tx.session.flush()
    add_secret(tx, source, secret)
    return source


def add_secret(tx: Tx, source: Source, secret: str, *, others_end: datetime | None = None) -> SourceSecret:
    """Add a secret; the ones before it stop being valid at `others_end` where that is given."""
    if others_end is not None:
        still_open = sa.or_(SourceSecret.not_after.is_(None), SourceSecret.not_after > others_end)
        tx.session.execute(
            sa.update(SourceSecret).where(SourceSecret.source_id == source.id, still_open).values(not_after=others_end)
        )
    row = SourceSecret(
        id=new_id("sec"),
        source_id=source.id,
        secret=tx.keyring.seal(secret, "source.secret"),
        created_at=tx.now,
        not_after=None,
        last_used_at=None,
    )
    tx.session.add(row)
    tx.session.flush()
    return row


def set_api_key(tx: Tx, source: Source, api_key: str) -> None:
    """Replace the key to the ATS's API; an empty text takes it away."""
    source.api_key = tx.keyring.seal(api_key, "source.api_key") if api_key else None
    tx.session.flush()


def open_api_key(tx: Tx, source: Source) -> str:
    """The key to the ATS's API, or an empty text."""
    return tx.keyring.open(source.api_key, "source.api_key") if source.api_key is not None else ""


def source_by_key(tx: Tx, key: str) -> Source | None:
    """The source behind an address, or nothing."""
    return tx.session.scalars(sa.select(Source).where(Source.key == key)).one_or_none()


def get_source(tx: Tx, workspace_id: str | None, source_id: str) -> Source:
    """The source, or NotFound. `workspace_id` is `None` only for the command line, which owns the database."""
    source = tx.session.get(Source, source_id)
    if source is None or (workspace_id is not None and source.workspace_id != workspace_id):
        raise NotFound(f"no source {source_id}")
    return source


def list_sources(tx: Tx, workspace_id: str | None = None) -> list[Source]:
    """The sources of a workspace, or of all, oldest first."""
    query = sa.select(Source).order_by(Source.created_at, Source.id)
    if workspace_id is not None:
        query = query.where(Source.workspace_id == workspace_id)
    return list(tx.session.scalars(query))


def valid_secrets(tx: Tx, source_id: str) -> Sequence[OpenSecret]:
    """The secrets that are valid now, newest first."""
    still_valid = sa.or_(SourceSecret.not_after.is_(None), SourceSecret.not_after > tx.now)
    query = (
        sa.select(SourceSecret)
        .where(SourceSecret.source_id == source_id, still_valid)
        .order_by(SourceSecret.created_at.desc(), SourceSecret.id.desc())
    )
    return [
        OpenSecret(row.id, tx.keyring.open(row.secret, "source.secret"), row.last_used_at)
        for row in tx.session.scalars(query)
    ]


def ended_secrets(tx: Tx, source_id: str, *, limit: int = 10) -> Sequence[str]:
    """The newest secrets of a source that are not valid any more: only to tell people that one of them is in use."""
    query = sa.select(SourceSecret.secret).where(SourceSecret.source_id == source_id, SourceSecret.not_after <= tx.now)
    query = query.order_by(SourceSecret.created_at.desc()).limit(limit)
    return [tx.keyring.open(sealed, "source.secret") for sealed in tx.session.scalars(query)]


def secrets_of_others(tx: Tx, source: Source, *, limit: int = 20) -> Sequence[str]:
    """The valid secrets of the workspace's other sources of the same ATS, for the same purpose."""
    query = (
        sa.select(SourceSecret.secret)
        .join(Source, Source.id == SourceSecret.source_id)
        .where(
            Source.workspace_id == source.workspace_id,
            Source.ats == source.ats,
            Source.id != source.id,
            sa.or_(SourceSecret.not_after.is_(None), SourceSecret.not_after > tx.now),
        )
        .limit(limit)
    )
    return [tx.keyring.open(sealed, "source.secret") for sealed in tx.session.scalars(query)]


def list_secrets(tx: Tx, source_id: str) -> Sequence[SourceSecret]:
    """Every secret of a source, the newest first, without being opened."""
    query = sa.select(SourceSecret).where(SourceSecret.source_id == source_id)
    return list(tx.session.scalars(query.order_by(SourceSecret.created_at.desc(), SourceSecret.id.desc())))


def note_use(tx: Tx, secret_id: str) -> None:
    """Remember that this secret matched a webhook now."""
    tx.session.execute(sa.update(SourceSecret).where(SourceSecret.id == secret_id).values(last_used_at=tx.now))
