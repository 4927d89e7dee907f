"""A small world: an employer, two sources, a clock that stands still, and a provider that answers as it is told.

Everything but the provider and the clock is real, and both are handed in, never patched in.
"""

import itertools
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.engine import Engine

from notifier.core.answer import Accepted, Answer
from notifier.core.change import Delivery
from notifier.core.ports import Job
from notifier.deliver.email import Email, Provider
from notifier.deliver.template import Library
from notifier.flow.ask import ask_batch
from notifier.flow.parts import Flow, Settings
from notifier.flow.plan import plan_batch
from notifier.flow.receive import Receipt, receive
from notifier.flow.send import send_batch
from notifier.flow.watch import watch
from notifier.ingest.registry import adapters
from notifier.pull.asked import AtsAsker
from notifier.pull.asking import Patience
from notifier.store import sources, workspaces
from notifier.store.database import Database
from notifier.store.ledger import Ledger, read_ledger
from notifier.store.messages import Message, of_application
from notifier.store.tables import metadata
from notifier.store.views import ApplicationView, MessageView, get_message_view, list_applications, list_messages
from tests.engines import give_back, lend

# The log of a thousand webhooks says nothing that an assertion does not.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

SECRETS = ("a-test-secret-of-more-than-32-characters",)
LIBRARY = Library(Path(__file__).parents[1] / "templates" / "emails")

#: A Tuesday morning, inside every window.
MORNING = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class FakeClock:
    """Time that moves only when a test says so."""

    def __init__(self, start: datetime = MORNING) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class RecordingQueue:
    """Remembers nudges; `up` says whether anybody could be told."""

    def __init__(self, *, up: bool = True) -> None:
        self.up = up
        self.nudges: list[Job] = []

    def nudge(self, job: Job) -> bool:
        self.nudges.append(job)
        return self.up

    def reachable(self) -> bool:
        return self.up


class ScriptedProvider:
    """Records every call and answers what `answer` says (accepted by default). Its record is the truth of what left."""

    name = "scripted"
    in_flight = 4

    def __init__(self) -> None:
        self.accepted: list[Email] = []
        self.calls: list[Email] = []
        self.answer: Callable[[Email], Answer] = lambda email: Accepted(f"p-{email.att}", email.headers["Message-ID"])
        self._lock = threading.Lock()

    def send(self, email: Email) -> Answer:
        with self._lock:
            self.calls.append(email)
        answer = self.answer(email)
        if isinstance(answer, Accepted):
            with self._lock:
                self.accepted.append(email)
        return answer

    def close(self) -> None:
        """There is nothing to close."""


#: Port 9 is for discarding, and nothing of ours listens there.
NOBODY = "http://127.0.0.1:9"


@dataclass
class Here:
    """A source and the secret its ATS would sign with."""

    id: str
    key: str
    ats: str
    secret: str


class World:
    """Builds the flow and speaks for the ATSs."""

    def __init__(self, url: str, *, zone: str = "UTC", shadow: bool = False, provider: Provider | None = None) -> None:
        self.clock = FakeClock()
        self.queue = RecordingQueue()
        self.provider = ScriptedProvider()
        self._lent: Engine | None = lend(url)
        self.db = Database(url, secrets=SECRETS, clock=self.clock, engine=self._lent)
        if url == "sqlite://":
            # In memory and gone with the world, so nobody has migrated it yet.
            metadata.create_all(self.db.engine)
        self.flow = Flow(
            db=self.db,
            queue=self.queue,
            clock=self.clock,
            adapters=adapters(),
            library=LIBRARY,
            provider=provider or self.provider,
            callers=ThreadPoolExecutor(4),
            asker=AtsAsker(Patience(connect=1.0, request=2.0, page=10.0)),
            settings=Settings(
                "https://notifier.example.com", shadow, "hiring@example.com", "Hiring", "example.com", "test", 0.0
            ),
        )
        with self.db.begin() as tx:
            self.workspace = workspaces.add_workspace(tx, "Example Co", zone=zone).id
        self.greenhouse = self.add_source("greenhouse")
        self.generic = self.add_source("generic")
        self._events = itertools.count(1)

    def close(self) -> None:
        self.flow.close()
        if self._lent is not None:
            give_back(self._lent)
        self._lent = None

    def keep_engine(self) -> None:
        """Its connections are about to be made another way, so nobody else gets its engine."""
        self._lent = None

    def add_source(self, ats: str, *, sending: str = "live", workspace: str | None = None) -> Here:
        secret = adapters()[ats].new_secret()
        with self.db.begin() as tx:
            row = sources.add_source(
                tx, workspace or self.workspace, ats, name=ats, secret=secret, sending=sending, **self._access(ats)
            )
            return Here(row.id, row.key, ats, secret)

    @staticmethod
    def _access(ats: str) -> dict[str, str]:
        """A key for an ATS that has to be asked, at an address where nobody listens until a test says otherwise."""
        api = adapters()[ats].api
        return {"api_key": "key:account", "api_url": NOBODY} if api is not None and api.required else {}

    def post(self, here: Here, body: bytes | dict[str, Any], *, event_id: str | None = None) -> Receipt:
        """Sign a body as the ATS would and hand it in."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        event_id = event_id or f"evt-{next(self._events)}"
        return receive(self.flow, here.key, self.signed(here, raw, event_id))

    def signed(self, here: Here, body: bytes, event_id: str, *, secret: str = "") -> Delivery:
        """A body as the ATS would send it now."""
        return adapters()[here.ats].signed(Delivery({}, body), secret or here.secret, self.clock.now, event_id)

    def change(
        self,
        application: str = "a1",
        *,
        stage: str | None = None,
        kind: str | None = None,
        outcome: str | None = None,
        at: datetime | None = None,
        email: str | None = "ana@example.org",
        event_id: str | None = None,
        first_name: str = "Ana",
        owner: bool = True,
        **more: Any,
    ) -> Receipt:
        """One generic webhook: this application is now in this stage, or has this outcome."""
        data: dict[str, Any] = {
            "application": {"id": application},
            "candidate": {"id": f"c-{application}", "first_name": first_name, "name": f"{first_name} Adler"},
            "job": {"id": "j1", "title": "Backend engineer"},
        }
        if email is not None:
            data["candidate"]["email"] = email
        if owner:
            data["owner"] = {"id": "o1", "name": "Maria Lopez", "email": "maria@example.com"}
        if stage is not None:
            data["stage"] = {"id": stage.casefold().replace(" ", "-"), "name": stage}
            if kind is not None:
                data["stage"]["kind"] = kind
        if outcome is not None:
            data["outcome"] = outcome
        data |= more
        moment = (at or self.clock.now).isoformat().replace("+00:00", "Z")
        return self.post(
            self.generic, {"type": "application.changed", "timestamp": moment, "data": data}, event_id=event_id
        )

    def plan(self) -> int:
        return plan_batch(self.flow)

    def send(self) -> int:
        return send_batch(self.flow)

    def settle_down(self) -> None:
        """Plan, ask and send until nothing moves any more, at the present moment."""
        while self.plan() + ask_batch(self.flow) + self.send():
            pass

    def watch(self) -> None:
        watch(self.flow)

    def run_for(self, **parts: float) -> None:
        """Let time pass, and everything happen that it makes happen."""
        self.clock.tick(**parts)
        self.watch()
        self.settle_down()

    def application(self, external_id: str = "a1") -> ApplicationView:
        with self.db.read() as tx:
            (found,) = list_applications(tx, [self.workspace], external_id=external_id)
            return found

    def messages(self, external_id: str | None = None) -> list[Message]:
        with self.db.read() as tx:
            if external_id is None:
                return [view.message for view in list_messages(tx, [self.workspace], limit=10_000)]
            (found,) = list_applications(tx, [self.workspace], external_id=external_id)
            return list(of_application(tx, found.application.id))

    def message(self, template: str, external_id: str = "a1") -> Message:
        """The newest message of a template for an application."""
        return [message for message in self.messages(external_id) if message.template == template][-1]

    def live(self, external_id: str = "a1") -> list[tuple[str, str]]:
        """(template, state) of every message that was not cancelled, oldest first."""
        return [(m.template, m.state.value) for m in self.messages(external_id) if m.state.value != "cancelled"]

    def view(self, message_id: str) -> MessageView:
        with self.db.read() as tx:
            return get_message_view(tx, [self.workspace], message_id)

    def ledger(self) -> Ledger:
        with self.db.read() as tx:
            return read_ledger(tx, full=True)

    def mails(self) -> list[tuple[str, str]]:
        """(address, first line) of every e-mail the provider accepted."""
        return [(email.to_address, email.text.splitlines()[0]) for email in self.provider.accepted]
