"""Messages that left, and what a provider may report of them, in a small world."""

import hashlib
from dataclasses import replace

from notifier.core.answer import Answer, Unknown
from notifier.core.feedback import Heard, Report
from notifier.deliver.email import Email
from notifier.flow.hear import hear_batch
from notifier.store import provider_events
from notifier.store.database import Tx
from notifier.store.people import Candidate
from notifier.store.provider_events import EventState
from tests.world import World


def told(world: World, name: str = "a1", *, kind: str = "applied", **more: object) -> Email:
    """One message that has left for an application; the e-mail as the provider got it."""
    world.change(name, stage="Review", kind=kind, **more)
    world.run_for(minutes=5)
    return next(mail for mail in reversed(world.provider.calls) if world.view(mail.mid).application.external_id == name)


def rejected(world: World, name: str = "a1", **more: object) -> Email:
    """A "no" that has left."""
    world.change(name, outcome="rejected", **more)
    world.plan()
    due_at = world.message("rejected_after_application", name).due_at
    if due_at is not None:
        world.clock.now = due_at
    world.run_for(minutes=1)
    return world.provider.calls[-1]


def report(mail: Email, heard: Heard, world: World, **more: object) -> Report:
    seed = f"{mail.att} {heard} {more}"
    told_of = Report(
        heard=heard,
        at=world.clock.now,
        digest=hashlib.sha256(seed.encode()).hexdigest(),
        mid=mail.mid,
        att=mail.att,
        env="test",
        address=mail.to_address,
    )
    return replace(told_of, **more)


def hear(world: World, *reports: Report, provider: str = "scripted") -> None:
    with world.db.begin() as tx:
        provider_events.keep(tx, provider, reports)
    while hear_batch(world.flow):
        pass


def lost(world: World) -> None:
    """From now on the provider takes every mail and its answer never reaches us."""

    def answer(email: Email) -> Answer:
        world.provider.accepted.append(email)
        return Unknown("cut")

    world.provider.answer = answer


def never(world: World) -> None:
    """From now on no mail is taken, and nobody says so."""
    world.provider.answer = lambda _: Unknown("cut")


def candidate(tx: Tx, world: World, name: str = "a1") -> Candidate:
    found = world.application(name).candidate
    assert found is not None
    return tx.session.get_one(Candidate, found.id)


def orphans(world: World) -> int:
    with world.db.read() as tx:
        return len(provider_events.list_events(tx, EventState.ORPHAN))
