"""P07, P15 and P16: SendGrid cannot be reached, is down for days, or takes its time.

Flow, provider and both databases are real; time is the world's, but for the seconds that a slow answer takes.
"""

import json
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.core.message import Submission
from notifier.deliver.providers.sendgrid import TOTAL
from notifier.flow import settle
from notifier.flow.conclude import backoff
from notifier.flow.send import STALE
from notifier.store import submission
from tests.faults.mailing import ARRIVAL, Mailing, mailing
from tests.processes import free_port
from tests.standins.behaviours import Delay
from tests.standins.sendgrid import SendGrid

HELD_FOR_ITS_AGE = (Submission.HELD, "too_late")


def is_clean(site: Mailing) -> None:
    assert site.world.ledger().violations == ()


class TestNotReached:
    @pytest.mark.parametrize("fault", ["refused", "name", "tls"])
    def test_p07_what_was_never_connected_backs_off_and_is_sent_once(self, database_url: str, fault: str) -> None:
        port = free_port()
        addresses = {
            "refused": f"http://127.0.0.1:{port}",
            "name": f"http://nowhere.invalid:{port}",
            "tls": f"https://127.0.0.1:{port}",
        }
        other_port = 0 if fault == "refused" else port
        with mailing(database_url, port=other_port, address=addresses[fault], total=2.0) as site:
            now = site.world.clock.now
            row = site.tell()

            assert (row.state, row.tries) == (Submission.SCHEDULED, 0)
            assert row.due_at is not None
            assert 0.8 * backoff(0, 1.0) <= row.due_at - now <= 1.2 * backoff(0, 1.0)
            assert "not reached" in row.reason
            for _ in range(3):
                site.world.run_for(hours=1)
            assert site.message(ARRIVAL).tries == 0, "an outage burns no tries"
            assert site.receiver.mails == []
            later = site.world.clock.now
        with mailing(database_url) as site:
            site.world.clock.now = later
            site.world.run_for(hours=1)
            assert site.arrived() == {"a1@example.org": 1}

    def test_p15_after_three_days_nothing_is_lost_and_it_returns_at_the_allowed_rate(
        self, database_url: str, tmp_path: Path
    ) -> None:
        port, rate, record = free_port(), 40, tmp_path / "mails.jsonl"
        with mailing(database_url, address=f"http://127.0.0.1:{port}", total=2.0) as site:
            site.tell("old")
            site.plan_no("refused")
            for _ in range(4):
                site.world.run_for(hours=12)
            for number in range(60):
                site.arrives(f"new{number}")
            site.world.run_for(hours=1)
            assert {row.tries for row in site.world.messages()} == {0}

            site.set(mail_rate=float(rate))
            with SendGrid(key="SG.key", port=port, record=record) as back:
                site.world.run_for(hours=1)
                arrived = Counter(mail.to for mail in back.mails)
            assert arrived == {f"{name}@example.org": 1 for name in ("refused", *(f"new{n}" for n in range(60)))}
            at = [json.loads(line)["at"] for line in record.read_bytes().splitlines()]
            assert at[50] - at[0] >= 0.8 * 50 / rate, "as many as may be in flight at once, and then it is paced"
            assert (site.message(ARRIVAL, "old").state, site.message(ARRIVAL, "old").reason) == HELD_FOR_ITS_AGE
            is_clean(site)

    def test_p15_what_is_held_for_its_age_rests_until_somebody_looks(self, database_url: str) -> None:
        with mailing(database_url, address=f"http://127.0.0.1:{free_port()}", total=2.0) as site:
            site.tell()
            site.world.run_for(hours=1)
            site.world.run_for(seconds=STALE.total_seconds())
            row = site.message(ARRIVAL)
            assert (row.state, row.reason) == HELD_FOR_ITS_AGE

            attempts = len(site.attempts(row))
            for _ in range(3):
                site.world.run_for(seconds=5)
            assert len(site.attempts(row)) == attempts, "the relay does not take it up again and again"

            settle.approve(site.world.flow, None, row.id, by="usr_a", now=True)
            site.world.settle_down()
            assert site.message(ARRIVAL).state is Submission.SCHEDULED, "a person may still want it sent"


class TestSlow:
    @pytest.mark.parametrize(("seconds", "total"), [(14.0, TOTAL), (1.4, 1.5)])
    def test_p16_a_slow_answer_is_waited_for_and_nobody_else_claims_it(
        self, sqlite_url: str, seconds: float, total: float
    ) -> None:
        self._slow(sqlite_url, seconds, total)

    def test_p16_on_postgresql_too(self, postgresql_url: str) -> None:
        self._slow(postgresql_url, 1.4, 1.5)

    @staticmethod
    def _slow(url: str, seconds: float, total: float) -> None:
        assert timedelta(seconds=TOTAL) < submission.CALL_LIMIT < submission.LEASE
        with mailing(url, total=total) as site:
            site.plan_arrival()
            site.receiver.then(Delay(seconds))
            sending = threading.Thread(target=site.world.send)
            sending.start()
            while not site.receiver.in_hand:
                time.sleep(0.01)
            site.world.clock.tick(seconds=14)
            site.world.watch()
            assert site.world.send() == 0, "it is in hand, and its lease holds"
            sending.join()

            assert site.message(ARRIVAL).state is Submission.ACCEPTED
            site.world.run_for(hours=1)
            assert len(site.receiver.mails) == 1
            is_clean(site)
