"""A process of the real flow that ends, or freezes, at a named moment.

The product has no hooks for this. A child gets a database, a provider or a queue that is the real one and sends its own
process a signal at the wanted moment: SIGKILL as the kernel or a person would, SIGSTOP as a paused machine does. Its
clock is shared with the test, so that a lease ends without anybody waiting for it.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from config import load
from notifier.app import create_flow
from notifier.core.answer import Accepted, Answer
from notifier.core.message import Phase, Submission
from notifier.core.ports import Clock, Job
from notifier.deliver.email import Email, Provider
from notifier.flow.parts import Flow
from notifier.flow.send import send_batch
from notifier.store.database import Database, Tx
from notifier.store.inbox import InboxItem
from notifier.store.keyring import KeyRing
from notifier.store.messages import Message
from tests.world import MORNING, SECRETS


class Step(StrEnum):
    """A writing transaction, by what it is the first to leave behind: a webhook, or one message on its way out."""

    NONE = ""
    KEEP = "keep"
    CLAIM = "claim"
    SUBMIT = "submit"
    RESULT = "result"


_LEFT_BEHIND = {
    Step.NONE: sa.select(Message.id).where(sa.false()),
    Step.KEEP: sa.select(InboxItem.id),
    Step.CLAIM: sa.select(Message.id).where(Message.phase == Phase.CLAIMED),
    Step.SUBMIT: sa.select(Message.id).where(Message.phase == Phase.SUBMITTING),
    Step.RESULT: sa.select(Message.id).where(Message.state == Submission.ACCEPTED),
}


class When(StrEnum):
    """A moment: of a transaction, of the provider's call, of the nudge, or of composing (a sealed value is opened)."""

    BEFORE_COMMIT = "before_commit"
    IN_COMMIT = "in_commit"
    AFTER_COMMIT = "after_commit"
    ANSWERED = "answered"
    BEFORE_NUDGE = "before_nudge"
    AFTER_NUDGE = "after_nudge"
    OPENED = "opened"


@dataclass(frozen=True, slots=True)
class Point:
    """When the process gets its signal.

    `step` is the transaction it is about; `late` is seconds into its commit; `sealed` is the value that is opened.
    """

    when: When
    step: Step = Step.NONE
    signal: int = signal.SIGKILL
    late: float = 0.0
    sealed: bytes = b""

    def __str__(self) -> str:
        return f"{self.when}_{self.step}".rstrip("_")

    def strike(self) -> None:
        """Send this process the signal."""
        os.kill(os.getpid(), self.signal)


class SharedClock:
    """MORNING and as many seconds as the test has put into `seconds`, which both processes see."""

    def __init__(self, seconds: Any) -> None:
        self._seconds = seconds

    def __call__(self) -> datetime:
        return MORNING + timedelta(seconds=self._seconds.value)


class StruckKeyRing(KeyRing):
    """The real key ring; the signal comes when one value is opened, as a fault in a library's C code would."""

    def __init__(self, point: Point) -> None:
        super().__init__(SECRETS)
        self._point = point

    def open_bytes(self, sealed: bytes, column: str) -> bytes:
        if self._point.when is When.OPENED and sealed == self._point.sealed:
            self._point.strike()
        return super().open_bytes(sealed, column)


class StruckDatabase(Database):
    """The real database; the signal comes at a moment of one writing transaction, and only once."""

    def __init__(self, url: str, clock: Clock, point: Point) -> None:
        super().__init__(url, secrets=SECRETS, clock=clock)
        self.keyring = StruckKeyRing(point)
        self._point = point
        self._here = self._over = False
        sa.event.listen(self.engine, "commit", self._committing)

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        with super().begin() as tx:
            yield tx
            tx.session.flush()  # everything has been said to the database, only the commit has not
            found = tx.session.scalars(_LEFT_BEHIND[self._point.step].limit(1)).first()
            self._here, self._over = found is not None and not self._over, self._over or found is not None
            self._strike_if(When.BEFORE_COMMIT)
        self._strike_if(When.AFTER_COMMIT)
        self._here = False

    def _strike_if(self, when: When) -> None:
        if self._here and self._point.when is when:
            self._point.strike()

    def _committing(self, connection: sa.Connection) -> None:
        if not self._here or self._point.when is not When.IN_COMMIT:
            return
        if self.is_postgresql:
            send_commit(connection)
            time.sleep(self._point.late)
            self._point.strike()
        else:
            # The commit is a call that lets other threads run: the signal comes while the file is being written.
            threading.Timer(self._point.late, self._point.strike).start()


def send_commit(connection: sa.Connection) -> None:
    """Send COMMIT to PostgreSQL without waiting for what it says."""
    raw: Any = connection.connection.driver_connection
    raw.pgconn.send_query(b"COMMIT")
    raw.pgconn.flush()


class StruckProvider:
    """The real provider; the signal comes when the receiver has taken the mail and nobody here knows it yet."""

    def __init__(self, provider: Provider, point: Point) -> None:
        self._provider, self._point = provider, point
        self.name, self.in_flight = provider.name, provider.in_flight

    def send(self, email: Email) -> Answer:
        answer = self._provider.send(email)
        assert isinstance(answer, Accepted)
        self._point.strike()
        return answer

    def close(self) -> None:
        self._provider.close()


class StruckQueue:
    """Tells nobody; the signal comes with the nudge, before it is sent or after."""

    def __init__(self, point: Point | None) -> None:
        self._point = point

    def nudge(self, _job: Job) -> bool:
        if self._point is not None and self._point.when in (When.BEFORE_NUDGE, When.AFTER_NUDGE):
            self._point.strike()
        return False

    def reachable(self) -> bool:
        return False


def environ(url: str, receiver: str) -> dict[str, str]:
    """The settings of a process over this database that mails to this receiver."""
    return {
        "DATABASE_URL": url,
        "SECRET_KEY": SECRETS[0],
        "MAIL_PROVIDER": "sendgrid",
        "SENDGRID_API_KEY": "SG.key",
        "SENDGRID_API_URL": receiver,
        "MAIL_FROM": "Example Co <jobs@example.com>",
        "LOG_LEVEL": "CRITICAL",
    }


def open_flow(url: str, receiver: str, clock: Clock | None, point: Point | None) -> Flow:
    """The flow as the product assembles it, struck at `point`."""
    flow = create_flow(load(environ(url, receiver)), StruckQueue(point), clock=clock)
    if point is None:
        return flow
    struck = StruckDatabase(url, flow.clock, point)
    provider = StruckProvider(flow.provider, point) if point.when is When.ANSWERED else flow.provider
    return replace(flow, db=struck, provider=provider)


def send(url: str, receiver: str, seconds: Any, point: Point | None) -> None:
    """Be a worker for one batch."""
    flow = open_flow(url, receiver, SharedClock(seconds), point)
    send_batch(flow)
    flow.close()


def serve(url: str, port: int, point: Point | None) -> None:
    """Be the web process, until killed."""
    from werkzeug.serving import make_server

    from notifier.web.app import make_app

    flow = open_flow(url, "http://127.0.0.1:9", None, point)
    app = make_app(flow, secret_keys=SECRETS, trusted_hosts=("127.0.0.1",), base_url="http://127.0.0.1")
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
