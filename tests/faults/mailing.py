"""A world whose mails go over HTTP to a receiver like SendGrid, and whose web application hears its signed events.

Flow, database and provider are the real ones; the clock is the world's, so that nobody waits for a horizon. What the
receiver took is the truth about what left.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from werkzeug.test import TestResponse

from notifier.core.message import Submission
from notifier.deliver.providers.sendgrid import TOTAL
from notifier.deliver.providers.sendgrid import SendGrid as Provider
from notifier.flow.hear import hear_batch
from notifier.store import submission
from notifier.store.messages import Message
from notifier.store.provider_events import EventState, list_events
from notifier.store.submission import Attempt
from tests.faults.edge import Edge
from tests.standins.sendgrid import Mail, SendGrid
from tests.standins.sendgrid_events import Signer, event_of, written
from tests.world import World

EVENTS = "/hooks/mail/sendgrid/events"

#: The template of the messages that `tell` and `refuse` make leave.
ARRIVAL, NO = "application_received", "rejected_after_application"


class Mailing:
    """The parts, and what a test says to them. `signer` holds the key that the web application believes."""

    def __init__(self, url: str, receiver: SendGrid, *, address: str = "", total: float = TOTAL) -> None:
        self.receiver = receiver
        self.signer = Signer()
        here = address or receiver.url
        provider = Provider("SG.key", here, environment="test", now=lambda: self.world.clock.now, total=total)
        self.world = World(url, provider=provider)
        self.set(event_keys={"sendgrid": (self.signer.public_key,)})

    def set(self, **settings: Any) -> None:
        """Change settings of the flow, as a restart with others would."""
        flow = self.world.flow
        self.world.flow = replace(flow, settings=replace(flow.settings, **settings))
        self.edge = Edge(self.world)

    def arrives(self, name: str = "a1") -> None:
        """The webhook of an application that arrives."""
        self.world.change(name, stage="Review", kind="applied", email=f"{name}@example.org")

    def plan_arrival(self, name: str = "a1") -> None:
        """An application arrives, and the message that says so is due."""
        self.arrives(name)
        self.world.plan()

    def plan_no(self, name: str = "a1") -> None:
        """A rejection whose message is due: its hold is over."""
        at, address = self.later(), f"{name}@example.org"
        self.world.change(name, stage="Review", kind="applied", outcome="rejected", email=address, at=at)
        self.world.plan()
        due_at = self.message(NO, name).due_at
        assert due_at is not None
        self.world.clock.now = due_at

    def tell(self, name: str = "a1") -> Message:
        """An application arrives and its message is handed over; the message as it is then."""
        self.plan_arrival(name)
        self.world.settle_down()
        return self.message(ARRIVAL, name)

    def refuse(self, name: str = "a1") -> Message:
        """A rejection is decided and its message is handed over; the message as it is then."""
        self.plan_no(name)
        self.world.settle_down()
        return self.message(NO, name)

    def refuse_planned(self, name: str = "a1") -> Message:
        """A rejection is decided a minute later, and everything happens that has to; its message as it is then."""
        self.world.change(name, outcome="rejected", email=f"{name}@example.org", at=self.later())
        self.world.run_for(days=2)
        return self.message(NO, name)

    def later(self) -> datetime:
        """A minute passes; the moment it is then."""
        self.world.clock.tick(minutes=1)
        return self.world.clock.now

    def message(self, template: str, name: str = "a1") -> Message:
        return self.world.message(template, name)

    def attempts(self, message: Message) -> list[Attempt]:
        with self.world.db.read() as tx:
            return submission.attempts_of(tx, message.workspace_id, message.id)

    def states(self) -> list[tuple[str, str, str, str]]:
        """Where every message stands, on both axes."""
        return [(row.id, row.state, row.delivery, row.reason) for row in self.world.messages()]

    def orphans(self) -> int:
        with self.world.db.read() as tx:
            return len(list_events(tx, EventState.ORPHAN, limit=1000))

    def mails(self, message: Message) -> list[Mail]:
        """What the receiver took of a message."""
        return [mail for mail in self.receiver.mails if mail.custom_args["mid"] == message.id]

    def arrived(self) -> Counter[str]:
        return Counter(mail.to for mail in self.receiver.mails)

    def event(self, kind: str, mail: Mail, number: int = 0, **changes: Any) -> dict[str, Any]:
        """What SendGrid tells of a mail now; a change to `None` leaves the field out."""
        moment = self.world.clock.now.timestamp()
        told = event_of(kind, number, mail.x_message_id, mail.to, mail.custom_args, moment) | changes
        return {name: value for name, value in told.items() if value is not None}

    def about(self, message: Message, kind: str, **changes: Any) -> dict[str, Any]:
        """An event about the present attempt at a message, whether the receiver took it or not."""
        taken = Mail("made-up", {"personalizations": [{"to": [{"email": "nobody@example.org"}]}]})
        ids = {"mid": message.id, "att": message.attempt_id, "env": "test"}
        return self.event(kind, taken, **ids) | changes

    def post(self, body: bytes, headers: dict[str, str] | None = None, address: str = EVENTS) -> TestResponse:
        """Post a body, signed unless other headers are given."""
        given = self.signer.headers(body, self.world.clock.now.timestamp()) if headers is None else headers
        return self.edge.app.test_client().post(address, data=body, headers=given)

    def hear(self, *events: dict[str, Any]) -> None:
        """Events are posted together, and read."""
        assert self.post(written(events)).status_code == 204
        self.read()

    def read(self) -> None:
        while hear_batch(self.world.flow):
            pass

    def the_feed_is_alive(self) -> None:
        """A message to somebody else is handed over a minute later and reported on."""
        self.world.clock.tick(minutes=1)
        name = f"witness-{self.world.clock.now:%d%H%M}"
        other = self.tell(name)
        assert other.state is Submission.ACCEPTED
        self.hear(self.event("processed", self.mails(other)[0]))


@contextmanager
def mailing(url: str, *, port: int = 0, address: str = "", total: float = TOTAL) -> Iterator[Mailing]:
    """A world and its receiver, at `port`. `address` is where mails are sent instead, `total` the most seconds that a
    call may take."""
    with SendGrid(key="SG.key", port=port) as receiver:
        made = Mailing(url, receiver, address=address, total=total)
        try:
            yield made
        finally:
            made.world.close()
