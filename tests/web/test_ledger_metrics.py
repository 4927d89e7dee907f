"""The gauges of `/metrics`: the ledger, who waits longest, and which processes live."""

from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from notifier.core.message import Submission
from notifier.store import heartbeats
from notifier.store.messages import Message
from notifier.web.app import make_app
from tests.web.conftest import text
from tests.world import SECRETS, World


def gauges(client: FlaskClient) -> dict[str, float]:
    """Every sample, by its name with its labels."""
    lines = [line for line in text(client, "/metrics").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_an_empty_installation_waits_for_nothing_and_nobody_has_been_seen(anybody: FlaskClient) -> None:
    found = gauges(anybody)

    assert {value for name, value in found.items() if name.startswith("notifier_oldest_seconds")} == {0.0}
    assert found['notifier_heartbeat_age_seconds{process="worker"}'] == float("inf")
    assert found['notifier_heartbeat_age_seconds{process="relay"}'] == float("inf")
    assert found["notifier_orphans"] == 0


def test_the_ages_are_of_this_moment_though_the_ledger_is_a_little_old(world: World, anybody: FlaskClient) -> None:
    world.change("a1", outcome="rejected")
    with world.db.begin() as tx:
        heartbeats.beat(tx, "worker", "w1")
    first = gauges(anybody)
    world.change("a2", outcome="rejected")
    world.clock.tick(seconds=90)
    second = gauges(anybody)

    assert (first['notifier_oldest_seconds{state="received"}'], first['notifier_inbox{state="received"}']) == (0, 1)
    assert (second['notifier_oldest_seconds{state="received"}'], second['notifier_inbox{state="received"}']) == (90, 1)
    assert second['notifier_heartbeat_age_seconds{process="worker"}'] == 90


def test_s09_how_far_the_clock_is_off_the_databases_is_a_gauge(postgresql_url: str) -> None:
    world = World(postgresql_url)
    world.clock.now = datetime.now(UTC) + timedelta(seconds=90)
    app = make_app(world.flow, secret_keys=SECRETS, trusted_hosts=("localhost",), base_url="http://localhost")
    found = gauges(app.test_client())
    world.close()

    assert found["notifier_clock_offset_seconds"] == pytest.approx(90, abs=10)


@pytest.mark.parametrize("law", ["L1", "L2", "L3", "L4", "L5", "L8", "L9", "L11"])
def test_every_law_has_its_gauge(world: World, anybody: FlaskClient, law: str) -> None:
    world.change("a1", outcome="rejected")
    world.settle_down()
    with world.db.begin() as tx:
        tx.session.get_one(Message, world.messages()[0].id).state = Submission.HELD

    assert gauges(anybody)[f'notifier_law_violations{{law="{law}"}}'] == float(law == "L11")
