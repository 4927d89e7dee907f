"""Applications: our mirror of where each candidate stands, and whether they have been told.

Two clocks are kept apart. *Silence* runs since the candidate last received something; an automatic message stops it.
*Owed* runs since something only a person can settle; an automatic message never stops it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.candidacy import Standing
from notifier.core.errors import NotFound
from notifier.core.stage import Outcome, StageKind
from notifier.store.audit import Change, record
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.sources import Source

#: What was told, or deleted, and not blanked since. Told again after it was blanked, it is to be blanked again.
UNBLANKED_TOLD = "told_at IS NOT NULL AND open_reason = '' AND (blanked_at IS NULL OR blanked_at < told_at)"
UNBLANKED_DELETED = "deleted_at IS NOT NULL AND (blanked_at IS NULL OR blanked_at < deleted_at)"


class Application(Base):
    """One candidate for one job.

    `order_*` is the newest change applied, `stage_order_*` the newest that named a stage. `told_how` is email, phone,
    in_person, own_mail or ats. `open_reason` says why an outcome stands open on somebody's list though no message is on
    its way. `blanked_at` is when its letters were emptied, and its candidate with them.
    """

    __tablename__ = "applications"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "external_id"),
        sa.Index(None, "workspace_id", "outcome", "id"),
        sa.Index("ix_applications_promise", "promise_due", sqlite_where=sa.text("outcome = 'none'"),
                 postgresql_where=sa.text("outcome = 'none'")),
        sa.Index("ix_applications_unsettled", "workspace_id", "id",
                 sqlite_where=sa.text("outcome != 'none' AND (told_at IS NULL OR open_reason != '')"),
                 postgresql_where=sa.text("outcome != 'none' AND (told_at IS NULL OR open_reason != '')")),
        sa.Index("ix_applications_told", "told_at", sqlite_where=sa.text(UNBLANKED_TOLD),
                 postgresql_where=sa.text(UNBLANKED_TOLD)),
        sa.Index("ix_applications_deleted", "deleted_at", sqlite_where=sa.text(UNBLANKED_DELETED),
                 postgresql_where=sa.text(UNBLANKED_DELETED)),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"))
    external_id: Mapped[str]
    candidate_id: Mapped[str | None] = mapped_column(sa.ForeignKey("candidates.id"), index=True)
    job_id: Mapped[str | None] = mapped_column(sa.ForeignKey("jobs.id"))
    owner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("owners.id"))
    stage_id: Mapped[str | None] = mapped_column(sa.ForeignKey("stages.id"))
    stage_external_id: Mapped[str] = mapped_column(default="")
    kind: Mapped[StageKind]
    outcome: Mapped[Outcome]
    outcome_version: Mapped[int] = mapped_column(default=0)
    version: Mapped[int]
    order_at: Mapped[datetime]
    order_sequence: Mapped[int]
    order_key: Mapped[str]
    stage_order_at: Mapped[datetime]
    stage_order_sequence: Mapped[int]
    stage_order_key: Mapped[str]
    interviewed: Mapped[bool] = mapped_column(default=False)
    told_at: Mapped[datetime | None]
    told_how: Mapped[str] = mapped_column(default="")
    told_by: Mapped[str] = mapped_column(default="")
    open_reason: Mapped[str] = mapped_column(default="")
    promise_due: Mapped[datetime | None]
    silent_since: Mapped[datetime | None]
    owed_since: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    blanked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


def find_application(tx: Tx, source_id: str, external_id: str) -> Application | None:
    """The application this ATS knows by that id, locked against other planners until the end of the transaction."""
    # key_share, here and at every lock of a row that others refer to: our keys never change, and whoever inserts a row
    # that names this one need not wait for us.
    query = sa.select(Application).where(Application.source_id == source_id, Application.external_id == external_id)
    return tx.session.scalars(query.with_for_update(key_share=True)).one_or_none()


def lock(tx: Tx, named: Sequence[tuple[str, str]]) -> None:
    """Lock the applications named by (source, the ATS's id) in the one order everybody uses: by our id."""
    if named:
        key = sa.tuple_(Application.source_id, Application.external_id)
        query = sa.select(Application.id).where(key.in_(sorted(set(named)))).order_by(Application.id)
        tx.session.execute(query.with_for_update(key_share=True))


def lock_ids(tx: Tx, ids: Iterable[str]) -> dict[str, Application]:
    """Lock the applications with these ids, in the same order, and return them."""
    query = sa.select(Application).where(Application.id.in_(sorted(set(ids)))).order_by(Application.id)
    found = tx.session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True))
    return {row.id: row for row in found}


def get_application(tx: Tx, workspace_id: str | None, application_id: str, *, lock: bool = False) -> Application:
    """The application, or NotFound."""
    query = sa.select(Application).where(Application.id == application_id)
    row = tx.session.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None or (workspace_id is not None and row.workspace_id != workspace_id):
        raise NotFound(f"no application {application_id}")
    return row


def standing(row: Application) -> Standing:
    """The row in the words of core."""
    return Standing(
        order=(row.order_at, row.order_sequence, row.order_key),
        version=row.version,
        stage=row.stage_external_id,
        kind=row.kind,
        outcome=row.outcome,
        outcome_version=row.outcome_version,
        interviewed=row.interviewed,
        stage_order=(row.stage_order_at, row.stage_order_sequence, row.stage_order_key),
    )


def add_application(tx: Tx, source: Source, external_id: str, first: Standing, actor: str) -> Application:
    """Create our row for an application heard of for the first time."""
    row = Application(
        id=new_id("app"),
        workspace_id=source.workspace_id,
        source_id=source.id,
        external_id=external_id,
        told_how="",
        told_by="",
        open_reason="",
        silent_since=tx.now,
        created_at=tx.now,
    )
    _apply(row, first)
    tx.session.add(row)
    tx.session.flush()
    record(tx, [Change(row.workspace_id, row.id, "", _word(first), actor)])
    return row


def move(tx: Tx, row: Application, after: Standing, *, actor: str, reason: str = "") -> None:
    """The one mover of an application's standing. A new outcome starts untold."""
    before = standing(row)
    _apply(row, after)
    if after.outcome_version != before.outcome_version:
        row.told_at, row.told_how, row.told_by, row.open_reason = None, "", "", ""
    if after.version != before.version:
        # Somebody acted in the ATS: what was owed before that is not what is owed now.
        row.owed_since = None
    tx.session.flush()
    if after.version != before.version:
        record(tx, [Change(row.workspace_id, row.id, _word(before), _word(after), actor, reason)])


def tell(tx: Tx, row: Application, *, how: str, by: str, at: datetime) -> None:
    """The candidate has been told of the outcome: `how` is phone, in_person, own_mail or ats (never email: that is
    written when the provider accepts the message)."""
    row.told_at, row.told_how, row.told_by = at, how, by
    row.open_reason, row.owed_since = "", None
    row.silent_since, row.promise_due = at, None
    tx.session.flush()
    record(tx, [Change(row.workspace_id, row.id, "open", "told", by, how)])


def came_back(tx: Tx, row: Application, reason: str, *, actor: str) -> None:
    """The mail that told them did not reach them: the outcome is untold and stands open."""
    row.told_at, row.told_how, row.told_by = None, "", ""
    leave_open(tx, row, reason, actor=actor)


def answered(tx: Tx, row: Application, *, actor: str) -> None:
    """A message carries the outcome again, so it stands open no longer for itself."""
    reason, row.open_reason = row.open_reason, ""
    tx.session.flush()
    record(tx, [Change(row.workspace_id, row.id, "open", "", actor, f"written_again: {reason}")])


def leave_open(tx: Tx, row: Application, reason: str, *, actor: str) -> None:
    """No message is on its way for this outcome, so it stands open on somebody's list until somebody tells them."""
    row.open_reason = reason
    row.owed_since = row.owed_since or tx.now
    tx.session.flush()
    record(tx, [Change(row.workspace_id, row.id, "", "open", actor, reason)])


def _apply(row: Application, after: Standing) -> None:
    row.order_at, row.order_sequence, row.order_key = after.order
    row.stage_order_at, row.stage_order_sequence, row.stage_order_key = after.stage_order
    row.version, row.stage_external_id, row.kind = after.version, after.stage, after.kind
    row.outcome, row.outcome_version, row.interviewed = after.outcome, after.outcome_version, after.interviewed


def _word(state: Standing) -> str:
    return f"{state.kind} {state.outcome} v{state.version}"


def delete(tx: Tx, row: Application, *, actor: str, reason: str) -> None:
    """The ATS deleted the application or its candidate: nothing is owed any more, and nothing is sent."""
    before = _word(standing(row))
    row.deleted_at = tx.now
    row.outcome, row.outcome_version = Outcome.NONE, 0
    row.open_reason, row.owed_since, row.promise_due = "", None, None
    tx.session.flush()
    record(tx, [Change(row.workspace_id, row.id, before, "deleted", actor, reason)])


def ids_of_candidates(tx: Tx, candidate_ids: Iterable[str]) -> list[str]:
    """The ids of all applications of these candidates, for locking them."""
    query = sa.select(Application.id).where(Application.candidate_id.in_(sorted(set(candidate_ids))))
    return list(tx.session.scalars(query))


def of_candidate(tx: Tx, candidate_id: str) -> list[Application]:
    """Every application of a candidate, locked, in a fixed order."""
    query = sa.select(Application).where(Application.candidate_id == candidate_id).order_by(Application.id)
    return list(tx.session.scalars(query.with_for_update(key_share=True)))
