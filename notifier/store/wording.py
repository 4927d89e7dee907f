"""Templates and rules as they were used: wording and rule books are versioned and never changed in place.

A message points at the very wording it was planned with; editing a file later changes later messages only.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id


class TemplateVersion(Base):
    """The full text of one template file, under its digest."""

    __tablename__ = "template_versions"
    __table_args__ = (sa.UniqueConstraint("digest", "key", "language"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    language: Mapped[str]
    digest: Mapped[str]
    source: Mapped[str]
    created_at: Mapped[datetime]


class RuleBookVersion(Base):
    """One version of a workspace's rules, as TOML. The newest counts; none means the defaults."""

    __tablename__ = "rule_books"
    __table_args__ = (sa.UniqueConstraint("workspace_id", "version"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    version: Mapped[int]
    toml: Mapped[str]
    by: Mapped[str]
    created_at: Mapped[datetime]


def keep_template(tx: Tx, key: str, language: str, digest: str, source: str) -> str:
    """The id under which this very wording is kept, inserting it the first time."""
    match = (TemplateVersion.digest == digest, TemplateVersion.key == key, TemplateVersion.language == language)
    found = tx.session.execute(sa.select(TemplateVersion.id).where(*match)).scalar_one_or_none()
    if found is not None:
        return found
    row = TemplateVersion(id=new_id("tpl"), key=key, language=language, digest=digest, source=source, created_at=tx.now)
    try:
        with tx.session.begin_nested():
            tx.session.add(row)
    except sa.exc.IntegrityError:
        # Another planner kept the same wording a moment ago.
        return tx.session.execute(sa.select(TemplateVersion.id).where(*match)).scalar_one()
    return row.id


def current_rules(tx: Tx, workspace_id: str) -> str | None:
    """The TOML of the workspace's newest rule book, or `None` for the defaults."""
    query = sa.select(RuleBookVersion.toml).where(RuleBookVersion.workspace_id == workspace_id)
    return tx.session.execute(query.order_by(RuleBookVersion.version.desc()).limit(1)).scalar_one_or_none()


def keep_rules(tx: Tx, workspace_id: str, toml: str, *, by: str) -> int:
    """Add a version of the workspace's rules; returns its number."""
    query = sa.select(sa.func.max(RuleBookVersion.version)).where(RuleBookVersion.workspace_id == workspace_id)
    version = (tx.session.execute(query).scalar_one_or_none() or 0) + 1
    tx.session.add(
        RuleBookVersion(
            id=new_id("rul"), workspace_id=workspace_id, version=version, toml=toml, by=by, created_at=tx.now
        )
    )
    tx.session.flush()
    return version
