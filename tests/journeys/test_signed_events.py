"""The whole way with SendGrid: webhooks in, mails out, and its signed reports back in over HTTP, late and repeated.

`notifier up` on either database, and a receiver that posts what became of every mail it took.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.core.message import Delivery, Submission
from notifier.store.messages import Message
from notifier.store.submission import Attempt, attempts_of
from notifier.store.views import list_messages
from tests.faults.children import wait_until
from tests.faults.deployment import Deployment
from tests.faults.site import arrival
from tests.processes import free_port
from tests.standins.behaviours import Cut
from tests.standins.sendgrid import SendGrid
from tests.standins.sendgrid_events import Events, Habits


class Site:
    """An installation that hears what becomes of its mails."""

    def __init__(self, deployed: Deployment, events: Events) -> None:
        self.deployed, self.events, self.receiver = deployed, events, deployed.receiver

    def told(self, name: str) -> tuple[Message, list[Attempt]]:
        """Somebody applies; their message once it stands where nothing moves it but the mail system."""
        assert self.deployed.webhook(arrival(name), name) == 200
        wait_until(lambda: self._of(name) is not None, 60)
        found = self._of(name)
        assert found is not None
        return found

    def becomes(self, name: str, state: Submission, delivery: Delivery) -> list[Attempt]:
        """Wait until their message stands there; the attempts at it."""

        def stands() -> bool:
            found = self._of(name)
            return found is not None and (found[0].state, found[0].delivery) == (state, delivery)

        wait_until(stands, 60)
        found = self._of(name)
        assert found is not None
        return found[1]

    def _of(self, name: str) -> tuple[Message, list[Attempt]] | None:
        with self.deployed.database() as db, db.read() as tx:
            for view in list_messages(tx, None, limit=1000):
                if view.application.external_id == name and view.message.state in (
                    Submission.ACCEPTED,
                    Submission.IN_DOUBT,
                ):
                    return view.message, attempts_of(tx, view.message.workspace_id, view.message.id)
        return None


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    port = free_port()
    habits = Habits(late=1.0, copies=3, renamed=0.5, shuffled=True)
    events = Events(f"http://127.0.0.1:{port}/hooks/mail/sendgrid/events", habits, seed=7)
    with SendGrid(key="SG.key", events=events) as receiver:
        deployed = Deployment(tmp_path, receiver, database_url, port=port, SENDGRID_EVENTS_PUBLIC_KEY=events.public_key)
        try:
            deployed.start()
            yield Site(deployed, events)
        finally:
            deployed.close()


def test_reports_that_come_back_say_what_became_of_each_mail(site: Site) -> None:
    site.events.say("bounces@example.org", "processed", "bounce")
    site.told("usual")
    site.told("bounces")

    (attempt,) = site.becomes("usual", Submission.ACCEPTED, Delivery.DELIVERED)
    assert (attempt.outcome, attempt.settled_by) == ("accepted", "")
    site.becomes("bounces", Submission.ACCEPTED, Delivery.BOUNCED)

    # The 202 is lost, and nothing but the report says that the mail was taken.
    site.receiver.then(Cut(taken=True))
    site.told("lost")
    (attempt,) = site.becomes("lost", Submission.ACCEPTED, Delivery.DELIVERED)
    assert (attempt.outcome, attempt.settled_by) == ("accepted", "provider:sendgrid")
    (mail,) = (mail for mail in site.receiver.mails if mail.to == "lost@example.org")
    assert attempt.provider_id == mail.x_message_id

    assert site.events.idle(60)
    assert {post.status for post in site.events.posts} == {204}
    site.deployed.all_arrive_once({f"{name}@example.org" for name in ("usual", "bounces", "lost")})
