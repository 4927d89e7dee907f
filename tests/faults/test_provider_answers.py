"""P01 to P06, P08, P09 and P17: whatever SendGrid answers, or fails to answer, nothing is lost and nothing sent twice.

Flow, provider and both databases are real; the answers come over HTTP from a receiver whose record is the truth about
what left. Time is the world's.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from config import ConfigError, load
from notifier.core.message import Submission
from notifier.store import workspaces
from notifier.store.messages import Message
from tests.faults.edge import log_lines, said
from tests.faults.mailing import ARRIVAL, NO, Mailing, mailing
from tests.standins.behaviours import Behaviour, Cut, Drip, Hang, Refuse, Truncate

#: Published error bodies, where they lie beside the project, else one of their shape.
PUBLISHED = Path(__file__).parents[2] / "../shared/payloads/sendgrid/errors"


@pytest.fixture
def site(database_url: str) -> Iterator[Mailing]:
    with mailing(database_url, total=0.5) as made:
        yield made


def body_of(code: int) -> bytes:
    file = PUBLISHED / f"oas_{code}.json"
    made_up = {"errors": [{"message": f"made up for {code}", "field": "content.0.value", "help": None}]}
    return file.read_bytes() if file.is_file() else json.dumps(made_up).encode()


def is_clean(site: Mailing) -> None:
    assert site.world.ledger().violations == ()


class TestAnswered:
    def test_p01_a_202_is_accepted_under_the_name_it_was_given(self, site: Mailing) -> None:
        row = site.tell()

        (mail,) = site.receiver.mails
        assert (row.state, row.provider_id) == (Submission.ACCEPTED, mail.x_message_id)
        (attempt,) = site.attempts(row)
        assert (attempt.outcome, attempt.provider_id) == ("accepted", mail.x_message_id)
        assert mail.custom_args == {"mid": row.id, "att": attempt.id, "env": "test"}
        site.world.run_for(hours=20)
        assert len(site.receiver.mails) == 1
        is_clean(site)

    @pytest.mark.parametrize("code", [pytest.param(400, id="p02"), pytest.param(413, id="p04")])
    def test_p02_p04_what_is_refused_for_itself_fails_and_stands_open(self, site: Mailing, code: int) -> None:
        site.tell()
        site.receiver.then(Refuse(code, body=body_of(code)))
        refused = site.refuse()
        asked = next(site.receiver.requests)

        site.world.run_for(days=2)

        row = site.message(NO)
        assert (row.state, row.tries) == (Submission.FAILED, 0)
        assert str(code) in refused.reason
        assert (site.world.ledger().open, site.world.ledger().told) == (1, 0)
        assert next(site.receiver.requests) == asked + 1, "nobody asked again"
        assert "Failed, or in doubt" in site.edge.page("/trouble")
        is_clean(site)

    @pytest.mark.parametrize("code", [401, 403])
    def test_p03_a_revoked_key_pauses_all_burns_no_try_and_pages(self, site: Mailing, code: int) -> None:
        for number in range(3):
            site.plan_arrival(f"a{number}")
        site.receiver.always(Refuse(code, body=body_of(code)))

        with log_lines() as lines:
            site.world.settle_down()
            asked = next(site.receiver.requests)
            for number in range(3, 6):
                site.plan_arrival(f"a{number}")
            site.world.run_for(hours=5)

        rows = site.world.messages()
        assert {(row.state, row.tries) for row in rows} == {(Submission.SCHEDULED, 0)}
        assert asked <= 3
        assert next(site.receiver.requests) == asked + 1, "nobody is asked while it is paused"
        assert {line["provider"] for line in said(lines, "provider.paused")} == {"sendgrid"}
        assert "<strong>Sending is paused for sendgrid:</strong>" in site.edge.page("/")

        site.receiver.always(None)
        with site.world.db.begin() as tx:
            assert workspaces.resume(tx, "provider:sendgrid")
        site.world.settle_down()
        assert set(site.arrived().values()) == {1}
        assert len(site.arrived()) == 6
        is_clean(site)

    @pytest.mark.parametrize("header", ["Retry-After", "X-RateLimit-Reset"])
    def test_p05_a_429_is_asked_again_when_it_says_and_sent_once(self, site: Mailing, header: str) -> None:
        site.plan_arrival()
        now = site.world.clock.now
        when = "600" if header == "Retry-After" else str(int(now.timestamp()) + 600)
        site.receiver.then(Refuse(429, {header: when}))

        site.world.settle_down()
        row = site.message(ARRIVAL)
        assert (row.state, row.due_at) == (Submission.SCHEDULED, now + timedelta(seconds=600))
        site.world.run_for(seconds=599)
        assert site.receiver.mails == []
        site.world.run_for(seconds=1)

        assert site.message(ARRIVAL).state is Submission.ACCEPTED
        site.world.run_for(hours=1)
        assert len(site.receiver.mails) == 1
        is_clean(site)


class TestNobodyKnows:
    """After these the mail may have left. `taken`: it had."""

    LOST = (
        *(
            pytest.param(lambda taken, code=code: Refuse(code, taken=taken), id=f"p06-{code}")
            for code in (500, 502, 503)
        ),
        pytest.param(lambda taken: Hang(1.5, taken=taken), id="p08-time-out"),
        pytest.param(lambda taken: Truncate() if taken else Cut(), id="p09-cut"),
        pytest.param(lambda taken: Drip(0.1) if taken else Cut(), id="p09-drip"),
    )

    @pytest.mark.parametrize("behaviour", LOST)
    def test_p06_p08_p09_what_was_taken_is_proved_by_the_feed_alone(
        self, site: Mailing, behaviour: Callable[[bool], Behaviour]
    ) -> None:
        row = self._in_doubt(site, behaviour(True))
        (mail,) = site.mails(row)

        site.hear(site.event("processed", mail))

        row = site.message(NO)
        assert (row.state, row.provider_id) == (Submission.ACCEPTED, mail.x_message_id)
        assert (site.world.ledger().told, site.world.ledger().in_doubt) == (1, 0)
        site.world.run_for(days=2)
        assert len(site.mails(row)) == 1
        is_clean(site)

    @pytest.mark.parametrize("behaviour", LOST)
    def test_p06_p08_p09_what_was_not_taken_is_never_repeated_blindly(
        self, site: Mailing, behaviour: Callable[[bool], Behaviour]
    ) -> None:
        row = self._in_doubt(site, behaviour(False))
        assert site.mails(row) == []

        site.world.run_for(hours=5)
        assert site.message(NO).reason != "probably_not_sent", "while the feed is silent, silence says nothing"
        site.the_feed_is_alive()
        site.world.run_for(hours=2)

        row = site.message(NO)
        assert (row.state, row.reason) == (Submission.IN_DOUBT, "probably_not_sent")
        assert (site.mails(row), len(site.attempts(row))) == ([], 1)
        is_clean(site)

    def test_p06_what_only_informs_is_sent_once_more_when_the_feed_was_alive(self, site: Mailing) -> None:
        site.receiver.then(Refuse(503))
        row = site.tell()
        assert row.state is Submission.IN_DOUBT

        site.the_feed_is_alive()
        site.world.run_for(hours=2)

        assert site.message(ARRIVAL).state is Submission.ACCEPTED
        assert len(site.mails(row)) == 1
        is_clean(site)

    @staticmethod
    def _in_doubt(site: Mailing, behaviour: Behaviour) -> Message:
        """A rejection that was handed over and answered so."""
        site.tell()
        site.plan_no()
        site.receiver.then(behaviour)
        site.world.settle_down()
        row = site.message(NO)
        assert (row.state, row.tries) == (Submission.IN_DOUBT, 0)
        site.world.run_for(minutes=30)
        assert site.message(NO).state is Submission.IN_DOUBT
        return row


class TestMixedUp:
    """P17. SendGrid's keys do not say what they are for, and its sandbox is a switch of a request that is never set;
    what can be mixed up is where events come from and what a 200 means."""

    def test_p17_what_cannot_be_a_key_stops_the_start(self, tmp_path: Path) -> None:
        settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "SECRET_KEY": "x" * 40, "MAIL_PROVIDER": "sendgrid"}
        with pytest.raises(ConfigError, match="SENDGRID_API_KEY"):
            load(settings | {"MAIL_FROM": "Example Co <jobs@example.com>"})

    def test_p17_the_200_of_a_sandbox_is_never_taken_for_sent(self, site: Mailing) -> None:
        site.receiver.then(Refuse(200, body=b""))

        row = site.tell()

        assert (row.state, row.accepted_at) == (Submission.IN_DOUBT, None)
        is_clean(site)

    def test_p17_events_of_another_environment_change_nothing(self, site: Mailing) -> None:
        row = site.tell()
        (mail,) = site.mails(row)

        site.hear(site.event("bounce", mail, env="staging", att="att_madeinstaging1"))

        assert site.message(ARRIVAL).delivery == "none"
        is_clean(site)
