"""M09: Greenhouse gives a web hook up after 15 h 16 min; what happened in a longer outage of ours is asked for."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.core.message import Submission
from notifier.core.stage import Outcome
from notifier.store.inbox import SWEEP
from tests.cli.conftest import Terminal
from tests.faults.children import wait_until
from tests.faults.deployment import Deployment
from tests.faults.edge import items
from tests.faults.office import ANA, Office
from tests.standins.greenhouse import Greenhouse
from tests.standins.sendgrid import SendGrid
from tests.world import SECRETS

#: After so long Greenhouse has given up every web hook of the beginning.
GIVEN_UP = timedelta(hours=15, minutes=16)

ANNA, BO, CAY, DEE, EVE = range(ANA, ANA + 5)


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """Connected a day and more ago, on the machine's own clock, which is the commands'."""
    with Greenhouse(limit=10_000) as greenhouse:
        made = Office(database_url, greenhouse, now=datetime.now(UTC) - timedelta(hours=30))
        yield made
        made.world.close()


def be_away(office: Office) -> None:
    """Four people were told that they arrived; then nobody answers Greenhouse for longer than it tries."""
    for number in (ANNA, BO, CAY, DEE):
        office.tell(office.do("apply", number))
    office.world.settle_down()
    began = office.world.clock.now
    office.do("reject", BO)
    office.do("reject", CAY)
    office.world.clock.tick(hours=4)
    office.do("unreject", CAY)
    office.do("move", DEE)
    office.do("apply", EVE)
    office.world.clock.now = datetime.now(UTC)
    assert office.world.clock.now - began > GIVEN_UP


def swept(office: Office) -> tuple[int, int]:
    """What `notifier sweep` shows: how many records were read, and how many of them were new."""
    environ = {"DATABASE_URL": office.url, "SECRET_KEY": SECRETS[0], "LOG_LEVEL": "ERROR", "NO_COLOR": "1"}
    (row,) = (row for row in Terminal(environ).json("sweep") if row["source"] == office.here.id)
    assert row["why"] == ""
    return row["read"], row["kept"]


def test_m09_the_sweep_finds_what_an_outage_lost_and_says_how_much(office: Office) -> None:
    be_away(office)
    told = len(office.world.provider.accepted)

    assert swept(office) == (5, 5), "one of them says what a web hook had told"
    office.world.plan()
    found = [office.world.application(str(number)).application.outcome for number in (ANNA, BO, CAY, DEE, EVE)]
    assert found == ["none", "rejected", "none", "none", "none"]
    stage = office.world.application(str(DEE)).stage
    assert stage is not None
    assert stage.name == "Onsite interview"
    states = {row.template: row.state for row in office.world.messages(str(BO))}
    assert states["rejected_after_application"] is Submission.SCHEDULED, "a no still has its hold"

    office.world.settle_down()
    arrived = [mail.to_address for mail in office.world.provider.accepted[told:]]
    assert arrived.count(f"lena{EVE}@example.org") == 1, "who applied meanwhile is told so"
    assert f"lena{CAY}@example.org" not in arrived, "a no that was taken back meanwhile is nobody's business"
    assert office.world.ledger().violations == ()


def test_m09_web_hooks_that_come_late_after_all_change_nothing(office: Office) -> None:
    office.tell(office.do("apply", ANNA))
    office.world.settle_down()
    late = [office.do("reject", ANNA), office.do("unreject", ANNA), office.do("reject", ANNA)]
    office.world.clock.now = datetime.now(UTC)
    assert swept(office) == (1, 1)
    office.world.plan()
    before = [(message.id, message.state) for message in office.world.messages()]

    for hook in late:
        office.tell(hook)
    office.world.plan()

    assert [(message.id, message.state) for message in office.world.messages()] == before
    assert office.world.application(str(ANNA)).application.outcome is Outcome.REJECTED
    assert [item.origin for item in items(office.world)].count(SWEEP) == 1
    assert office.world.ledger().violations == ()


def test_m09_the_processes_ask_by_themselves(tmp_path: Path, sqlite_url: str) -> None:
    with SendGrid(key="SG.key") as receiver, Greenhouse(limit=10_000) as greenhouse:
        deployed = Deployment(tmp_path, receiver, sqlite_url)
        source = deployed.notifier("source", "add", "greenhouse", "--json")["id"]
        now = datetime.now(UTC)
        greenhouse.account.hire_staff(now - timedelta(days=30))
        greenhouse.account.apply(EVE, now + timedelta(seconds=1))
        try:
            deployed.start()
            deployed.notifier("source", "set", source, "--api-key", greenhouse.key, "--api-url", greenhouse.url)
            wait_until(lambda: deployed.arrived()[f"lena{EVE}@example.org"] == 1, 60)

            rows = deployed.notifier("sweep", "--list", "--json")
            (row,) = (row for row in rows if row["source"] == source)
            assert (row["read"], row["kept"], row["why"]) == (1, 1, "")
            assert greenhouse.secret not in json.dumps(rows) + deployed.log.read_text()
            assert deployed.ledger().violations == ()
        finally:
            deployed.close()
