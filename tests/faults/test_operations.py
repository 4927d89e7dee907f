"""M03, M08 and M10: what an operator does to a running installation costs nobody a mail and gives nobody two.

`notifier up` and the operator's own commands, an ATS that goes on posting, and a receiver whose record is the truth.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.core.answer import Accepted, Answer
from notifier.deliver.email import Email
from notifier.store.submission import Attempt
from notifier.store.workspaces import EVERYTHING, pause, pauses, resume
from tests.faults.children import wait_until
from tests.faults.deployment import Deployment, Load
from tests.standins.sendgrid import SendGrid
from tests.world import SECRETS, World

NEW_SECRET = "another-test-secret-of-more-than-32-characters"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[SendGrid]:
    with SendGrid(key="SG.key", record=tmp_path / "mails.jsonl", delay=0.1) as started:
        yield started


@pytest.fixture
def deployed(tmp_path: Path, receiver: SendGrid, sqlite_url: str) -> Iterator[Deployment]:
    made = Deployment(tmp_path, receiver, sqlite_url)
    yield made
    made.close()


class TestDeployment:
    def test_m03_sigterm_to_everything_at_once_under_load_costs_and_repeats_nothing(self, deployed: Deployment) -> None:
        self._deployed_twice(deployed, all_at_once=True)

    def test_m03_a_deployment_in_its_order_on_postgresql_does_so_without_a_complaint(
        self, tmp_path: Path, receiver: SendGrid, postgresql_url: str
    ) -> None:
        deployed = Deployment(tmp_path, receiver, postgresql_url)
        try:
            self._deployed_twice(deployed, all_at_once=False)
            assert "Traceback" not in deployed.log.read_text()
        finally:
            deployed.close()

    @staticmethod
    def _deployed_twice(deployed: Deployment, *, all_at_once: bool) -> None:
        deployed.start()
        with Load(deployed, "m03-") as load:
            for more in (5, 10):
                deployed.wait_for(more)
                deployed.stop(all_at_once=all_at_once)
                deployed.start()
            deployed.wait_for(20)

        deployed.all_arrive_once(load.posted)
        assert set(load.statuses) <= {200, 0}, "answered, or nobody there: never an error"
        assert deployed.ledger().in_doubt == 0


class TestKeys:
    def test_m08_a_new_webhook_secret_refuses_no_good_sender(self, deployed: Deployment) -> None:
        deployed.start()
        with Load(deployed, "m08-") as load:
            wait_until(lambda: len(load.posted) >= 10, 60)
            secret = deployed.notifier("source", "rotate", deployed.source["id"], "--overlap", "24h", "--json")[
                "secret"
            ]
            known = len(load.posted)
            wait_until(lambda: len(load.posted) >= known + 10, 60)
            load.secret = secret
            wait_until(lambda: len(load.posted) >= known + 20, 60)

        deployed.all_arrive_once(load.posted)
        assert set(load.statuses) == {200}

    def test_m08_new_keys_after_a_restart_keep_sign_ins_links_and_rows(
        self, deployed: Deployment, receiver: SendGrid
    ) -> None:
        deployed.start()
        cookie = sign_in(deployed, "maria@example.com")
        link = deployed.notifier("user", "invite", "tom@example.com", "--role", "recruiter", "--json")["link"]
        with Load(deployed, "m08-") as load:
            deployed.wait_for(5)
            receiver.key = ""  # the old key and the new one are both good
            deployed.stop()
            deployed.start(SECRET_KEY=NEW_SECRET, SECRET_KEY_FALLBACKS=SECRETS[0], SENDGRID_API_KEY="SG.new")
            receiver.key = "SG.new"
            known = len(deployed.arrived())
            deployed.wait_for(known + 5)

        wait_until(lambda: set(deployed.arrived()) >= load.posted, 60)
        assert deployed.arrived() == Counter(load.posted)
        assert set(load.statuses) <= {200, 0}
        old, new = (deployed.notifier("message", "list", "--json")[place]["id"] for place in (0, -1))
        for message in (old, new):
            status, page, _ = deployed.ask(f"/messages/{message}", cookie=cookie)
            assert (status, "@example.org" in page) == (200, True), "the sign-in lives on, and the rows are readable"
        assert sign_in_with(deployed, link), "a link that was given out before still lets somebody in"
        assert "notifier_pauses 0.0" in deployed.ask("/metrics")[1], "the new key was never refused"


class TestKillSwitch:
    def test_m10_nothing_is_claimed_while_it_is_paused_and_the_rest_is_paced(
        self, deployed: Deployment, tmp_path: Path
    ) -> None:
        rate = 20
        deployed.start(MAIL_RATE=str(rate))
        with Load(deployed, "m10-", pause=0.0) as load:
            deployed.wait_for(10)
            deployed.notifier("pause", "--why", "a bad template")
            until_then = len(load.posted)
            wait_until(lambda: len(load.posted) >= max(90, until_then + 40), 120)

        with deployed.database() as db, db.read() as tx:
            (pause,) = pauses(tx)
        before = sum(deployed.arrived().values())
        time.sleep(6)  # more than a period of the relay
        assert sum(deployed.arrived().values()) == before, "nothing leaves"
        assert before <= until_then, "whatever came later waits"
        assert self._claims_after(deployed, pause.since + timedelta(seconds=1)) == 0

        deployed.notifier("resume")
        deployed.all_arrive_once(load.posted, 120)
        at = [json.loads(line)["at"] for line in (tmp_path / "mails.jsonl").read_bytes().splitlines()][before:]
        assert at[-1] - at[0] >= 0.8 * (len(at) - 50) / rate, "as many as may be in flight at once, the rest is paced"

    def test_m10_what_was_claimed_before_the_pause_stays_but_for_the_calls_in_flight(self, world_on: World) -> None:
        world, scopes = world_on, [EVERYTHING, f"workspace:{world_on.workspace}", "provider:scripted"]
        for number in range(20):
            world.change(f"a{number}", stage="Review", kind="applied", email=f"a{number}@example.org")
        world.plan()

        def stop_it(email: Email) -> Answer:
            with world.db.begin() as tx:
                pause(tx, scopes[0], why="a bad template", by="usr_1")
            return Accepted(email.att, email.headers["Message-ID"])

        while scopes:
            world.provider.calls, world.provider.answer = [], stop_it
            world.settle_down()
            assert len(world.provider.calls) == world.provider.in_flight
            with world.db.begin() as tx:
                resume(tx, scopes.pop(0))
        world.provider.answer = lambda email: Accepted(email.att, email.headers["Message-ID"])
        world.settle_down()

        assert Counter(email.to_address for email in world.provider.accepted) == Counter(
            f"a{number}@example.org" for number in range(20)
        )
        assert world.ledger().violations == ()

    @staticmethod
    def _claims_after(deployed: Deployment, moment: datetime) -> int:
        query = sa.select(sa.func.count()).where(Attempt.started_at > moment)
        with deployed.database() as db, db.read() as tx:
            return tx.session.execute(query).scalar_one()


def sign_in(deployed: Deployment, address: str) -> str:
    """The cookies of a recruiter who has just signed in."""
    return sign_in_with(deployed, deployed.notifier("user", "invite", address, "--role", "recruiter", "--json")["link"])


def sign_in_with(deployed: Deployment, link: str) -> str:
    path = re.sub(r"https?://[^/]+", "", link)
    status, page, form_cookie = deployed.ask(path)
    assert status == 200
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    status, _, cookies = deployed.ask(path, cookie=form_cookie, form={"csrf_token": token})
    assert status == 303
    return f"{form_cookie}; {cookies}"
