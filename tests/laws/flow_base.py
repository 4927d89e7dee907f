"""What the rules of the state machine do it with: a world, workers that stand still, and the record that judges."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from hypothesis.stateful import RuleBasedStateMachine, invariant

from notifier.core.answer import Accepted, Answer, Impossible, PauseAll, TryLater, Unknown
from notifier.core.feedback import Address, Heard, Report
from notifier.core.message import NOT_TOLD, STOPPABLE, Submission
from notifier.core.stage import Outcome
from notifier.deliver.email import Email
from notifier.flow.again import CAME_BACK
from notifier.flow.hear import hear_batch
from notifier.store import provider_events
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.views import ApplicationView, list_applications
from notifier.store.workspaces import pauses, resume
from tests.laws.flow_record import ENVIRONMENT, Record, unaccounted
from tests.laws.stepped import Stop, Worker
from tests.world import World

#: Two applications of one person, and one of another.
PERSON = {"a1": "ana", "a2": "ana", "a3": "bo"}

#: Names under which a report is about nothing of ours.
FOREIGN = ("elsewhere", "strange")

#: What time or a worker brings on.
UNDER_WAY = (Submission.SCHEDULED, Submission.HELD, Submission.SENDING, Submission.IN_DOUBT)

#: What an ATS said: application, step, its own time, event id, address.
Said = tuple[str, dict[str, Any], datetime, str, str]


class FlowBase(RuleBasedStateMachine):
    """A few applications; `said` is everything their ATS ever said, `workers` those that stand still."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World("sqlite://")
        self.record = Record()
        self.said: list[Said] = []
        self.workers: list[Worker] = []
        self.strangers = itertools.count(1)
        self.checked: object = None
        self.idle_at = -1
        self.agrees = True

    def teardown(self) -> None:
        """In the end everybody has been delivered, and the mirror is what the ATS says."""
        try:
            if self.agrees:
                self.come_to_rest()
                self.check_the_end()
        finally:
            for worker in self.workers:
                worker.kill()
            self.world.close()

    @invariant()
    def the_record_agrees(self) -> None:
        with self.world.db.read() as tx:
            seen = (self.world.clock.now, changes(tx))
            if seen != self.checked:
                self.checked, self.agrees = seen, False
                self.record.check(tx)
                self.agrees = True

    def come_to_rest(self) -> None:
        for number, worker in enumerate(self.workers):
            worker.finish() if number % 2 else worker.kill()
        for said in self.said:
            self.deliver(*said)
        leases = [one.lease_until for one in self.world.messages() if one.lease_until is not None]
        self.world.clock.now = max([self.world.clock.now, *leases]) + timedelta(seconds=1)
        self.relay_looks()
        self.resume()
        while self.world.plan() + self.send(["accept"]):
            pass
        self.read_reports()

    def check_the_end(self) -> None:
        self.the_record_agrees()
        for view in self.applications():
            mine = [said for said in self.said if said[0] == view.application.external_id]
            if mine:
                newest = max(said[2] for said in mine)
                outcomes = {Outcome(said[1].get("outcome", "none")) for said in mine if said[2] == newest}
                assert view.application.outcome in outcomes
        with self.world.db.read() as tx:
            assert unaccounted(tx) == []
            assert self.record.believed(tx) == []
        due = [one for one in self.world.messages() if one.state is Submission.SCHEDULED]
        assert all(one.due_at is not None and one.due_at > self.world.clock.now for one in due)

    def says(self, name: str, step: dict[str, Any], late: int, place: str) -> None:
        """The ATS sends a webhook about something that happened so many minutes ago."""
        at = self.world.clock.now - timedelta(minutes=late)
        self.said.append((name, step, at, f"evt-{len(self.said):04}", f"{PERSON[name]}@{place}.example.org"))
        self.deliver(*self.said[-1])

    def deliver(self, name: str, step: dict[str, Any], at: datetime, event_id: str, address: str) -> None:
        person = {"id": f"c-{PERSON[name]}", "first_name": "Ana", "name": "Ana Adler", "email": address}
        self.world.change(name, at=at, event_id=event_id, candidate=person, **step)

    def worker(self, fates: Sequence[str]) -> Worker:
        """A worker whose mails meet these fates, one after the other."""
        coming = itertools.cycle(fates)

        def fate(email: Email) -> tuple[bool, Answer]:
            word = next(coming)
            taken = word in ("accept", "lost")
            if taken:
                self.record.copies.append(email)
            return taken, answer_of(email, word)

        return Worker(self.world.flow, fate, self.looked)

    def looked(self, stop: Stop) -> None:
        if stop in (Stop.CLAIMED, Stop.FENCED):
            with self.world.db.read() as tx:
                self.record.check_claims(tx)

    def send(self, fates: Sequence[str]) -> bool:
        """Send a batch; whether there was anything to send."""
        worker = self.worker(fates)
        worker.finish()
        return bool(worker.claimed)

    def resume(self) -> None:
        """Let everything leave again."""
        with self.world.db.begin() as tx:
            for row in pauses(tx):
                resume(tx, row.scope)

    def wait_for_due(self) -> None:
        """Time passes until the next message of our people is due."""
        due = [message.due_at for message in self.mine(Submission.SCHEDULED) if message.due_at is not None]
        if due and min(due) > self.world.clock.now:
            self.world.clock.now = min(due)
            self.relay_looks()

    def keep(self, report: Report) -> None:
        """The report comes, under an id of its own as every copy does."""
        with self.world.db.begin() as tx:
            provider_events.keep(tx, "scripted", [replace(report, event_id=f"rep-{len(self.record.kept)}")])
        self.record.kept.append(report)

    def report(self, email: Email, heard: Heard, about: Address = Address.UNTOUCHED, named: str = "ids") -> Report:
        """What the provider has to say now about one of its mails."""
        report = report_of(email, heard, about, self.world.clock.now, named)
        if named == "address":
            self.record.spoken[report.digest] = {
                one.att for one in self.record.copies if one.to_address == email.to_address
            }
        elif named not in FOREIGN:
            self.record.spoken[report.digest] = {email.att}
        return report

    def read_reports(self) -> None:
        while hear_batch(self.world.flow):
            pass
        self.record.read = list(self.record.kept)

    def relay_looks(self) -> None:
        with self.world.db.read() as tx:
            before = self.record.resends(tx)
            self.idle_at = changes(tx)
        self.world.watch()
        self.world.plan()
        with self.world.db.read() as tx:
            self.record.check_rule(tx, before)

    def mine(self, *states: Submission) -> list[Message]:
        """The messages of our people (not of strangers) in these states."""
        with self.world.db.read() as tx:
            query = sa.select(Message).join(Application, Application.id == Message.application_id)
            query = query.where(Application.external_id.in_(PERSON), Message.state.in_(states))
            return list(tx.session.scalars(query.order_by(Message.id)))

    def decidable(self) -> list[Message]:
        """Those about which a person can still decide something: what has not left, is in doubt, or came back."""
        came_back = [one for one in self.mine(Submission.ACCEPTED) if one.delivery in NOT_TOLD]
        return came_back + self.mine(*STOPPABLE, Submission.IN_DOUBT)

    def came_back(self) -> list[str]:
        """The applications whose outcome stands open because its mail came back."""
        return [one.application.id for one in self.applications() if one.application.open_reason == CAME_BACK]

    def applications(self) -> list[ApplicationView]:
        with self.world.db.read() as tx:
            return list_applications(tx, None)


def changes(tx: Tx) -> int:
    """How many rows were ever written: where that stands still, there is nothing new to look at."""
    connection: Any = tx.session.connection().connection.driver_connection
    return connection.total_changes


def time_matters(machine: FlowBase) -> bool:
    """Whether time may bring on anything: something is under way, and something happened since it last passed."""
    with machine.world.db.read() as tx:
        idle = changes(tx) == machine.idle_at
    return not idle and bool(machine.mine(*UNDER_WAY))


def in_doubt(machine: FlowBase) -> bool:
    """Whether any message of our people is in doubt."""
    return bool(machine.mine(Submission.IN_DOUBT))


def scheduled(machine: FlowBase) -> bool:
    """Whether any message of our people is on its way out."""
    return bool(machine.mine(Submission.SCHEDULED))


def answer_of(email: Email, fate: str) -> Answer:
    """What a worker hears from the provider about a mail that met this fate."""
    answers: dict[str, Answer] = {
        "accept": Accepted(f"p-{email.att}", email.headers["Message-ID"]),
        "lost": Unknown("cut"),
        "unknown": Unknown("timed out"),
        "later": TryLater("busy", counts=True),
        "no_connection": TryLater("no connection", counts=False),
        "impossible": Impossible("bad content"),
        "pause": PauseAll("bad key"),
    }
    return answers[fate]


def report_of(email: Email, heard: Heard, about: Address, now: datetime, named: str = "ids") -> Report:
    """The provider's report about a mail; `named` says how it tells which one it means."""
    header = email.headers["Message-ID"].strip("<>")
    names: dict[str, dict[str, str]] = {
        "ids": {"mid": email.mid, "att": email.att, "env": ENVIRONMENT},
        "elsewhere": {"mid": email.mid, "att": email.att, "env": "staging"},
        "strange": {"mid": "msg_0000000000", "att": "att_0000000000", "env": ENVIRONMENT},
        "header": {"message_id": header},
        "provider_id": {"provider_id": f"p-{email.att}"},
        "address": {},
    }
    digest = sha256(f"{email.att} {heard} {about} {now} {named}".encode()).hexdigest()
    return Report(heard, now, digest, address=email.to_address, about=about, **names[named])
