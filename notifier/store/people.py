"""Candidates and owners: our mirror of the people an ATS told us about.

Only what a two-line e-mail needs is kept. Addresses are sealed and searchable by blind index. An erased candidate stays
as a tombstone (the ATS's id and nothing else), so that a webhook delivered again does not bring the person back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from notifier.core.change import CandidateFacts, OwnerFacts
from notifier.store.applications import Application
from notifier.store.base import Base
from notifier.store.database import Tx
from notifier.store.ids import new_id
from notifier.store.keyring import CannotOpen
from notifier.store.sources import Source


class Candidate(Base):
    """The person who applied. `address` is sealed; `address_state` is good, none (no valid one), doubtful (it failed
    for now) or dead (it does not work). `complained_at` is when they called a mail of ours spam or unsubscribed.

    `order_at` is the time of the newest event whose facts were taken: an older one arriving late changes nothing.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        sa.UniqueConstraint("source_id", "external_id"),
        sa.Index(None, "workspace_id", "address_index"),
        sa.Index("ix_candidates_erased", "source_id", "external_id", sqlite_where=sa.text("erased_at IS NOT NULL"),
                 postgresql_where=sa.text("erased_at IS NOT NULL")),
        sa.Index("ix_candidates_merged_into", "merged_into", sqlite_where=sa.text("merged_into IS NOT NULL"),
                 postgresql_where=sa.text("merged_into IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"))
    external_id: Mapped[str]
    first_name: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    address: Mapped[bytes | None]
    address_index: Mapped[str] = mapped_column(default="")
    address_state: Mapped[str] = mapped_column(default="none")
    can_email: Mapped[bool] = mapped_column(default=True)
    private: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(default="")
    order_at: Mapped[datetime]
    merged_into: Mapped[str | None]
    complained_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Owner(Base):
    """The recruiter who signs. `address` is sealed and may be missing. Where the ATS gives no id, `external_id` is the
    blind index of the address, or the name."""

    __tablename__ = "owners"
    __table_args__ = (sa.UniqueConstraint("source_id", "external_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(sa.ForeignKey("workspaces.id"))
    source_id: Mapped[str] = mapped_column(sa.ForeignKey("sources.id"))
    external_id: Mapped[str]
    name: Mapped[str]
    address: Mapped[bytes | None]


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether and where a candidate can be written to. `obstacle` is empty when they can."""

    address: str
    obstacle: str

    def __repr__(self) -> str:
        return f"Reach(obstacle={self.obstacle!r})"


def find_candidate(tx: Tx, source_id: str, external_id: str) -> Candidate | None:
    """The candidate this ATS knows by that id, or the one that record was merged into."""
    query = sa.select(Candidate).where(Candidate.source_id == source_id, Candidate.external_id == external_id)
    row = tx.session.scalars(query).one_or_none()
    while row is not None and row.merged_into is not None:
        row = tx.session.get(Candidate, row.merged_into)
    return row


def mirror_candidate(
    tx: Tx, source: Source, facts: CandidateFacts, address: str | None, occurred_at: datetime
) -> Candidate:
    """Bring our row up to what the ATS said at `occurred_at`; `address` is the first valid one of `facts.emails`.

    Facts older than those we have change nothing. An erased candidate is returned as the tombstone it is; one that was
    merged into another is returned as that other.
    """
    row = find_candidate(tx, source.id, facts.external_id)
    known = row is not None
    if row is None:
        row = Candidate(
            id=new_id("can"),
            workspace_id=source.workspace_id,
            source_id=source.id,
            external_id=facts.external_id,
            first_name="",
            name="",
            address_index="",
            address_state="none",
            can_email=True,
            private=False,
            language="",
            order_at=occurred_at,
            created_at=tx.now,
        )
        tx.session.add(row)
    if row.erased_at is not None or row.external_id != facts.external_id or occurred_at < row.order_at:
        return row
    was_blank = known and not (row.first_name or row.name or row.address)
    row.order_at = occurred_at
    row.first_name = row.first_name if facts.first_name is None else facts.first_name
    row.name = row.name if facts.name is None else facts.name
    row.can_email = row.can_email if facts.can_email is None else facts.can_email
    row.private = row.private if facts.private is None else facts.private
    row.language = facts.language or row.language
    if facts.emails is not None:
        _set_address(tx, row, address)
    tx.session.flush()
    if was_blank:
        _blank_again(tx, row)
    return row


def _blank_again(tx: Tx, row: Candidate) -> None:
    """Whoever was blanked and is filled again is to be blanked again once no application needs them."""
    blanked = sa.and_(Application.candidate_id == row.id, Application.blanked_at.is_not(None))
    update = sa.update(Application).where(blanked).values(blanked_at=None)
    tx.session.execute(update.execution_options(synchronize_session="fetch"))


def _set_address(tx: Tx, row: Candidate, address: str | None) -> None:
    index = tx.keyring.blind(address) if address else ""
    if index and index == row.address_index:
        return
    row.address = tx.keyring.seal(address, "candidate.address") if address else None
    row.address_index = index
    row.address_state = "good" if address else "none"


def mirror_owner(tx: Tx, source: Source, facts: OwnerFacts, address: str | None) -> Owner:
    """Bring our row of the recruiter up to what the ATS says."""
    known_by = _known_by(tx, facts)
    query = sa.select(Owner).where(Owner.source_id == source.id, Owner.external_id.in_(known_by)).order_by(Owner.id)
    # A process that did not know the newest key yet may have made a second row.
    row = tx.session.scalars(query).first()
    if row is None:
        row = Owner(id=new_id("own"), workspace_id=source.workspace_id, source_id=source.id, external_id=known_by[0])
        tx.session.add(row)
    if row.name != facts.name:
        row.name = facts.name
    if not _is_address(tx, row, address):
        # Sealed anew it differs each time, and every planner would wait for the others at the same few recruiters.
        row.address = tx.keyring.seal(address, "owner.address") if address else None
    tx.session.flush()
    return row


def _is_address(tx: Tx, owner: Owner, address: str | None) -> bool:
    try:
        return owner_address(tx, owner) == (address or "")
    except CannotOpen:
        return False


def _known_by(tx: Tx, facts: OwnerFacts) -> list[str]:
    """The ids under which this recruiter may stand, the one for a new row first. An address is no id: it is indexed."""
    if facts.external_id:
        return [facts.external_id]
    return tx.keyring.blinds(facts.email) if facts.email else [facts.name]


def owner_address(tx: Tx, owner: Owner | None) -> str:
    """The recruiter's address, or an empty text."""
    return tx.keyring.open(owner.address, "owner.address") if owner is not None and owner.address else ""


def reach(tx: Tx, candidate: Candidate) -> Reach:
    """Where the candidate can be written to, or what stands in the way."""
    if candidate.erased_at is not None:
        return Reach("", "erased")
    if not candidate.can_email:
        return Reach("", "do_not_contact")
    if candidate.private:
        return Reach("", "private_candidate")
    if candidate.address is None or candidate.address_state == "none":
        return Reach("", "no_valid_address")
    if candidate.address_state == "dead":
        return Reach("", "address_dead")
    return Reach(tx.keyring.open(candidate.address, "candidate.address"), "")


def fault_address(tx: Tx, candidate: Candidate, address: str, state: str) -> bool:
    """The mail system says that `address` is doubtful, dead or good again; false if it is not the present address, or
    known to be worse. An ATS that gives another address makes it good by giving it."""
    if candidate.address_index not in tx.keyring.blinds(address) or candidate.address_state in (state, "none", "dead"):
        return False
    candidate.address_state = state
    tx.session.flush()
    return True


def complain(tx: Tx, candidate: Candidate, at: datetime) -> None:
    """They want no more mail that only informs. What a decision owes them is not touched by it."""
    candidate.complained_at = candidate.complained_at or at
    tx.session.flush()


def with_address(tx: Tx, address: str) -> Sequence[str]:
    """The ids of all candidates who are written to at this address."""
    query = sa.select(Candidate.id).where(Candidate.address_index.in_(tx.keyring.blinds(address)))
    return list(tx.session.scalars(query))


def blank(tx: Tx, candidate: Candidate) -> None:
    """Empty everything personal. Unlike an erased candidate this one is filled again by what the ATS says next."""
    candidate.first_name = candidate.name = candidate.address_index = candidate.language = ""
    candidate.address = None
    candidate.address_state = "none"
    tx.session.flush()


def erase_candidate(tx: Tx, candidate: Candidate) -> None:
    """Blank everything personal and keep the tombstone."""
    candidate.erased_at = tx.now
    blank(tx, candidate)


def records_of(tx: Tx, candidate: Candidate) -> list[Candidate]:
    """The candidate and every record that was merged into it, and into these: all that the ATS had of one person."""
    found = [candidate]
    for record in found:
        merged = sa.select(Candidate).where(Candidate.merged_into == record.id).order_by(Candidate.id)
        found += [row for row in tx.session.scalars(merged) if row not in found]
    return found


def tombstones(tx: Tx) -> list[tuple[str, str]]:
    """(source, the ATS's id) of every candidate who was erased, in a fixed order."""
    query = sa.select(Candidate.source_id, Candidate.external_id).where(sa.text("candidates.erased_at IS NOT NULL"))
    query = query.order_by(Candidate.source_id, Candidate.external_id)
    return [(row.source_id, row.external_id) for row in tx.session.execute(query)]
