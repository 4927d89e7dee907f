"""Stages and jobs of an ATS, as we met them.

A stage's kind is guessed from its name once, when it is first seen; a person's mapping wins over every later guess.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.change import JobFacts
from notifier.core.errors import NotFound
from notifier.core.stage import StageKind
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.sources import Source


class Stage(Base):
    """`mapped_by` is guess, ats (the ATS itself said the kind) or person."""

    __tablename__ = "stages"
    __table_args__ = (sa.UniqueConstraint("source_id", "external_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"))
    external_id: Mapped[str]
    name: Mapped[str]
    kind: Mapped[StageKind]
    mapped_by: Mapped[str]
    seen_at: Mapped[datetime]


class JobRow(Base):
    """A vacancy; called so because `core.ports.Job` is something else."""

    __tablename__ = "jobs"
    __table_args__ = (sa.UniqueConstraint("source_id", "external_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"))
    external_id: Mapped[str]
    title: Mapped[str]


def mirror_stage(
    tx: Tx, source: Source, external_id: str, name: str, *, guessed: StageKind, said: StageKind | None
) -> Stage:
    """Our row of a stage. `said` is the kind the ATS itself gave, `guessed` what its name suggests."""
    query = sa.select(Stage).where(Stage.source_id == source.id, Stage.external_id == external_id)
    row = tx.session.scalars(query).one_or_none()
    kind, by = (said, "ats") if said is not None else (guessed, "guess")
    if row is None:
        row = Stage(
            id=new_id("stg"),
            workspace_id=source.workspace_id,
            source_id=source.id,
            external_id=external_id,
            name=name,
            kind=kind,
            mapped_by=by,
            seen_at=tx.now,
        )
        tx.session.add(row)
    elif row.mapped_by != "person" and (said is not None or row.name != name):
        row.kind, row.mapped_by = kind, by
    row.name = name
    tx.session.flush()
    return row


def succeed(tx: Tx, source: Source, old_id: str, new_id_of_it: str) -> None:
    """The stage with the ATS's id `old_id` goes on under another id: what is known of it holds for its successor,
    unless a person has said something about that one already. A stage nobody has met is none of our business."""
    query = sa.select(Stage).where(Stage.source_id == source.id, Stage.external_id.in_([old_id, new_id_of_it]))
    found = {row.external_id: row for row in tx.session.scalars(query)}
    old, successor = found.get(old_id), found.get(new_id_of_it)
    if old is None:
        return
    if successor is None:
        successor = Stage(
            id=new_id("stg"),
            workspace_id=source.workspace_id,
            source_id=source.id,
            external_id=new_id_of_it,
            name=old.name,
            seen_at=tx.now,
        )
        tx.session.add(successor)
    elif successor.mapped_by == "person" or old.mapped_by != "person":
        return
    successor.kind, successor.mapped_by = old.kind, old.mapped_by
    tx.session.flush()


def mirror_job(tx: Tx, source: Source, facts: JobFacts) -> JobRow:
    """Our row of a vacancy, brought up to what the ATS says."""
    query = sa.select(JobRow).where(JobRow.source_id == source.id, JobRow.external_id == facts.external_id)
    row = tx.session.scalars(query).one_or_none()
    if row is None:
        row = JobRow(
            id=new_id("job"), workspace_id=source.workspace_id, source_id=source.id, external_id=facts.external_id
        )
        tx.session.add(row)
    row.title = facts.title
    tx.session.flush()
    return row


def map_stage(tx: Tx, source_id: str, stage: str, kind: StageKind) -> Stage:
    """A person says what a stage means; `stage` is our id, the ATS's id or its exact name. Raises NotFound.

    Applications that stand in the stage keep the kind they had: a mapping is about what comes, and sends nothing.
    """
    match = sa.or_(Stage.id == stage, Stage.external_id == stage, Stage.name == stage)
    row = tx.session.scalars(sa.select(Stage).where(Stage.source_id == source_id, match).limit(1)).one_or_none()
    if row is None:
        raise NotFound(f"no stage {stage} in source {source_id}")
    row.kind, row.mapped_by = kind, "person"
    tx.session.flush()
    return row


def list_stages(tx: Tx, workspace_id: str | None = None, *, source_id: str | None = None) -> list[Stage]:
    """The stages met so far, unmapped ones first."""
    query = sa.select(Stage).order_by(Stage.kind != StageKind.UNMAPPED, Stage.source_id, Stage.seen_at, Stage.id)
    if workspace_id is not None:
        query = query.where(Stage.workspace_id == workspace_id)
    if source_id is not None:
        query = query.where(Stage.source_id == source_id)
    return list(tx.session.scalars(query))


def get_stage(tx: Tx, workspace_ids: list[str], stage_id: str) -> Stage:
    """One stage of these workspaces, or NotFound."""
    row = tx.session.get(Stage, stage_id)
    if row is None or row.workspace_id not in workspace_ids:
        raise NotFound(f"no stage {stage_id}")
    return row
