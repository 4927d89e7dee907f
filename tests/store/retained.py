"""A world in which things grow old: what was told, what was reported, and what retention lets go of it."""

from typing import TypeVar

import sqlalchemy as sa

from notifier.core.feedback import Heard, Report
from notifier.core.retention import KEEP, Kind
from notifier.flow.hear import hear_batch
from notifier.store import provider_events, retention
from notifier.store.audit import AuditEntry
from notifier.store.base import Base
from notifier.store.database import Tx
from tests.world import World

Row = TypeVar("Row", bound=Base)


def sweep(world: World, kind: Kind, *, limit: int = 500) -> int:
    """One batch; how many left."""
    with world.db.begin() as tx:
        return retention.sweep_out(tx, kind, limit=limit).total()


def sweep_all(world: World) -> dict[Kind, int]:
    """One batch of every kind; those of which something left."""
    return {kind: number for kind in Kind if (number := sweep(world, kind))}


def grow_old(world: World, kind: Kind) -> None:
    """Let pass the time after which a moment more makes it leave."""
    world.clock.now += KEEP[kind].age


def too_old(world: World, kind: Kind) -> None:
    grow_old(world, kind)
    world.clock.tick(seconds=1)


def told(world: World, name: str = "a1") -> None:
    """A "no" that was mailed, after its hold."""
    world.change(name, outcome="rejected", email=f"{name}@example.org")
    world.plan()
    world.clock.now = world.message("rejected_after_application", name).due_at or world.clock.now
    world.settle_down()
    assert world.application(name).item == "told"


def hear(world: World, *reports: Report) -> None:
    with world.db.begin() as tx:
        provider_events.keep(tx, "scripted", reports)
    while hear_batch(world.flow):
        pass


def report(world: World, number: int = 0, heard: Heard = Heard.DELIVERED) -> Report:
    """About the n-th mail that left, or (-1) about nothing of ours."""
    named = world.provider.accepted[number] if number >= 0 else None
    return Report(
        heard=heard,
        at=world.clock.now,
        digest=f"digest {number} {heard}",
        event_id=f"event {number} {heard}",
        mid=named.mid if named else "msg_00000000000000000000000x",
        att=named.att if named else "att_00000000000000000000000x",
        env="test",
        address="ana@example.org",
    )


def only(tx: Tx, table: type[Row]) -> Row:
    return tx.session.scalars(sa.select(table)).one()


def number_of(world: World, table: type[Base]) -> int:
    with world.db.read() as tx:
        return tx.session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def entries(world: World) -> list[tuple[str, str, str, str]]:
    """The audit trail of retention: workspace, subject, what became of it, how many."""
    query = sa.select(AuditEntry).where(AuditEntry.subject.like("retention:%")).order_by(AuditEntry.id)
    with world.db.read() as tx:
        return [(row.workspace_id, row.subject, row.after, row.reason) for row in tx.session.scalars(query)]
