"""A stage for the directed cases: one world, workers that stand still where the story needs it, and the mails that the
provider took."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from notifier.core.answer import Accepted, Answer
from notifier.core.feedback import Address, Heard, Report
from notifier.deliver.email import Email
from notifier.flow import doubts
from notifier.flow.hear import hear_batch
from notifier.store import provider_events
from notifier.store.messages import Message
from notifier.store.submission import LEASE, attempts_of
from tests.laws.flow_base import report_of
from tests.laws.stepped import Worker
from tests.world import World

NO = "rejected_after_application"
APOLOGY = "sent_in_error"

#: A worker is dead for the others, and the relay has come round.
LEASE_OVER = LEASE + timedelta(seconds=15)


class Stage:
    """One world, its workers and the mails that its provider took."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: list[Email] = []
        self._others = itertools.count(1)

    def worker(self, answer: Answer | None = None, *, taken: bool = True) -> Worker:
        """A worker whose mails are taken or not, and answered so (accepted if nothing else is said)."""

        def fate(email: Email) -> tuple[bool, Answer]:
            if taken:
                self.taken.append(email)
            return taken, answer or Accepted(f"p-{email.att}", email.headers["Message-ID"])

        return Worker(self.world.flow, fate)

    def send(self, answer: Answer | None = None, *, taken: bool = True) -> None:
        self.worker(answer, taken=taken).finish()

    def rejected(self, name: str = "a1") -> Message:
        """A "no" that is due now."""
        self.world.change(name, outcome="rejected", email=f"{name}@example.org")
        return self.due(NO, name)

    def informed(self, name: str = "a1") -> Message:
        """A mail that only informs and is due now."""
        self.world.change(name, stage="Review", kind="applied", email=f"{name}@example.org")
        return self.due("application_received", name)

    def due(self, template: str, name: str) -> Message:
        self.world.plan()
        message = self.world.message(template, name)
        assert message.due_at is not None
        self.world.clock.now = max(self.world.clock.now, message.due_at)
        return message

    def taken_back(self, name: str = "a1") -> None:
        self.world.clock.tick(seconds=1)
        self.world.change(name, outcome="none", stage="Screening", kind="screen", email=f"{name}@example.org")
        self.world.plan()

    def rejected_again(self, name: str = "a1") -> None:
        """The ATS rejects once more, and everything happens that days can bring."""
        self.world.clock.tick(minutes=1)
        self.world.change(name, outcome="rejected", email=f"{name}@example.org")
        self.world.plan()
        self.world.run_for(days=2)

    def lease_ends(self) -> None:
        self.world.clock.tick(seconds=LEASE_OVER.total_seconds())
        self.world.watch()

    def report(self, heard: Heard, email: Email | None = None, about: Address = Address.UNTOUCHED) -> Report:
        """What the provider has to say about a mail, the first it took if no other is named."""
        return report_of(email or self.taken[0], heard, about, self.world.clock.now)

    def hear(self, report: Report, event_id: str = "") -> int:
        """A report comes and is read; how many were new."""
        with self.world.db.begin() as tx:
            kept = provider_events.keep(tx, "scripted", [replace(report, event_id=event_id)])
        while hear_batch(self.world.flow):
            pass
        return kept

    def reported(self, heard: Heard, about: Address = Address.UNTOUCHED) -> None:
        """The report about the first mail that was taken."""
        self.hear(self.report(heard, about=about))

    def feed_speaks(self) -> None:
        """A mail to somebody else leaves now and is reported."""
        self.world.clock.tick(seconds=1)
        self.informed(f"other-{next(self._others)}")
        self.send()
        self.hear(self.report(Heard.PROCESSED, self.taken[-1]))

    def two_people_send_again(self, message: Message) -> None:
        assert doubts.send_again(self.world.flow, None, message.id, by="usr_1") == doubts.SECOND_PERSON
        assert doubts.send_again(self.world.flow, None, message.id, by="usr_2") == doubts.SCHEDULED

    def now(self, message: Message) -> Message:
        return self.world.view(message.id).message

    def attempts(self, message: Message) -> list[str]:
        with self.world.db.read() as tx:
            return [attempt.outcome for attempt in attempts_of(tx, self.world.workspace, message.id)]

    def drafts(self, template: str) -> list[str]:
        """The states of these messages that were not cancelled."""
        return [state for name, state in self.world.live() if name == template]

    def times(self, message: Message) -> int:
        return Counter(email.mid for email in self.taken)[message.id]

    def laws_hold(self) -> bool:
        return self.world.ledger().violations == ()
