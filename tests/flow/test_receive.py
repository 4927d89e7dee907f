"""Taking a webhook in: what is believed is kept before it is answered, what is not leaves no trace."""

from datetime import timedelta

import pytest

from notifier.core.change import Delivery
from notifier.core.ports import Job
from notifier.flow.receive import receive
from notifier.ingest.registry import adapters
from notifier.store import sources
from notifier.store.inbox import list_items
from tests.world import World


def kept(world: World) -> int:
    with world.db.read() as tx:
        return len(list_items(tx, world.workspace))


@pytest.mark.parametrize("ats", ["greenhouse", "generic"])
@pytest.mark.parametrize("headers", [{}, {"signature": ""}, {"signature": "sha256 zz"}, {"webhook-signature": "v1"}])
def test_what_is_not_signed_is_refused_and_leaves_no_trace(world: World, ats: str, headers: dict[str, str]) -> None:
    here = world.greenhouse if ats == "greenhouse" else world.generic

    receipt = receive(world.flow, here.key, Delivery(headers, b"{}"))

    assert (receipt.status, receipt.word) == (401, "refused")
    assert kept(world) == 0
    assert world.queue.nudges == []


def test_an_unknown_address_is_not_found(world: World) -> None:
    assert receive(world.flow, "nobody", Delivery({}, b"{}")).status == 404


def test_a_kept_webhook_nudges_a_worker_and_a_duplicate_does_not(world: World) -> None:
    world.change("a1", stage="Applied", event_id="evt-1")
    world.change("a1", stage="Applied", event_id="evt-1")

    assert world.queue.nudges == [Job.PLAN]
    assert kept(world) == 1


def test_both_secrets_are_good_while_one_is_being_replaced_and_only_the_new_one_afterwards(world: World) -> None:
    old = world.greenhouse.secret
    with world.db.begin() as tx:
        source = sources.get_source(tx, world.workspace, world.greenhouse.id)
        new = adapters()["greenhouse"].new_secret()
        sources.add_secret(tx, source, new, others_end=world.clock.now + timedelta(hours=24))

    def post(secret: str, event_id: str) -> int:
        world.greenhouse.secret = secret
        return world.post(world.greenhouse, {"action": "ping", "payload": {}}, event_id=event_id).status

    assert (post(old, "e1"), post(new, "e2")) == (200, 200)
    world.clock.tick(hours=25)
    assert (post(old, "e3"), post(new, "e4")) == (401, 200)
    with world.db.read() as tx:
        used = {secret.text: secret.last_used_at for secret in sources.valid_secrets(tx, world.greenhouse.id)}
    assert used == {new: world.clock.now}


def test_the_body_is_sealed_in_the_database(world: World) -> None:
    world.change("a1", stage="Applied", email="ana@example.org")
    world.settle_down()

    with world.db.engine.connect() as connection:
        everything = "".join(
            str(row)
            for table in ("inbox_items", "candidates", "messages", "owners", "audit_entries")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        )
    assert "ana@example.org" not in everything
    assert "maria@example.com" not in everything
