"""The made-up company of the demo: set up, spoken for, and counted up.

Webhooks go through HTTP and are signed as the ATS would sign them; everything else is read from the database, where the
truth is.
"""

import http.client
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from notifier.core.change import Delivery
from notifier.core.inbox import InboxState
from notifier.core.message import Submission
from notifier.core.rule import Hold, Mode, Rule, Trigger, Window
from notifier.core.stage import StageKind
from notifier.decide.rules import DEFAULTS, RuleBook, dump
from notifier.ingest.registry import adapters
from notifier.store import inbox, mailbox, sources, users, views, wording, workspaces
from notifier.store.database import Database
from notifier.store.ledger import Violation, read_ledger
from workers.demo_events import GENERIC, GREENHOUSE, Wave, Webhook

WORKSPACE = "Example Co"
ZONE = "Europe/Berlin"
VISITOR = "visitor@example.com"

#: More than there can be.
ALL = 100_000

#: The one hold of the demo: a "no" after a screen, so that there is one to take back.
LONG = Rule(
    Trigger.REJECTED,
    "rejected_after_application",
    Mode.AUTO,
    frozenset({StageKind.SCREEN}),
    interviewed=False,
    hold=Hold(minutes=60),
)


def quick_rules() -> RuleBook:
    """The default rules without windows and without holds before what leaves by itself: mails flow at any hour."""
    return (LONG, *(replace(rule, hold=_quick(rule), window=Window.ANY) for rule in DEFAULTS))


def _quick(rule: Rule) -> Hold:
    return Hold() if rule.mode is Mode.AUTO else Hold(minutes=1)


@dataclass(frozen=True, slots=True)
class Source:
    """A connection to an ATS, from the ATS's side."""

    id: str
    key: str
    secret: str


@dataclass(frozen=True, slots=True)
class Count:
    """What came of the demo. `lost` and `twice` name what is wrong; both are empty if all is well."""

    webhooks: int
    mails: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    violations: tuple[Violation, ...]


@dataclass
class Company:
    """One workspace with two sources, and what was posted for it so far."""

    db: Database
    host: str
    port: int
    workspace: str
    sources: dict[str, Source]
    answered: list[tuple[Webhook, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    due: Counter[str] = field(default_factory=Counter)

    def post(self, wave: Wave) -> None:
        """Deliver a wave, each webhook as often as its ATS does."""
        for webhook in wave.webhooks:
            for _ in range(webhook.copies):
                self._deliver(webhook)
        self.due.update(wave.mails)

    def _deliver(self, webhook: Webhook) -> None:
        source, adapter = self.sources[webhook.ats], adapters()[webhook.ats]
        delivery = adapter.signed(Delivery({}, webhook.body), source.secret, self.db.clock(), webhook.event_id)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request("POST", f"/hooks/ats/{source.key}", delivery.body, delivery.headers)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status == adapter.success:
            self.answered.append((webhook, adapter.event_key(delivery)))
        else:
            self.refused.append(f"{webhook.event_id}: answered {answer.status}")

    def calm(self) -> bool:
        """Whether everything kept was read and everything due has left."""
        with self.db.read() as tx:
            soon = tx.now + timedelta(minutes=1)
            leaving = views.list_messages(tx, None, states=[Submission.SCHEDULED, Submission.SENDING], limit=ALL)
            waiting = [view for view in leaving if view.message.due_at is None or view.message.due_at < soon]
            return not waiting and not inbox.anything_received(tx)

    def wait_until_calm(self, seconds: float = 60.0) -> bool:
        """Wait for `calm`; false if it does not come."""
        end = time.monotonic() + seconds
        while not self.calm():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def count(self) -> Count:
        """Compare what was answered with what is kept, and what was owed with what arrived."""
        with self.db.read() as tx:
            kept = {item.event_key: item.state for item in inbox.list_items(tx, limit=ALL)}
            mails = Counter(mail.message_id for mail in mailbox.list_mails(tx, [self.workspace], limit=ALL))
            messages = [view.message for view in views.list_messages(tx, None, limit=ALL)]
            violations = read_ledger(tx).violations
        arrived = Counter(message.template for message in messages if message.id in mails)
        accepted = {message.id for message in messages if message.state is Submission.ACCEPTED}
        lost = [
            *self.refused,
            *_unkept(self.answered, kept),
            *(f"{template}: {n} mails missing" for template, n in (self.due - arrived).items()),
            *(f"{message}: accepted, not in the mailbox" for message in sorted(accepted - mails.keys())),
        ]
        twice = [
            *(f"{message}: {n} mails" for message, n in mails.items() if n > 1),
            *(f"{template}: {n} mails too many" for template, n in (arrived - self.due).items()),
        ]
        return Count(len(self.answered), mails.total(), tuple(lost), tuple(twice), violations)

    def sign_in_token(self) -> str:
        """A fresh one-time token for the visitor."""
        with self.db.begin() as tx:
            return users.make_link(tx, users.invite(tx, VISITOR, self.workspace, users.Role.ADMIN))


def _unkept(answered: Sequence[tuple[Webhook, str]], kept: dict[str, InboxState]) -> Iterable[str]:
    for webhook, key in answered:
        state = kept.get(key)
        if state is not webhook.state:
            yield f"{webhook.event_id}: {state or 'not kept'} instead of {webhook.state}"


def found(db: Database, host: str, port: int) -> Company:
    """Create the company in a migrated, empty database."""
    with db.begin() as tx:
        workspace = workspaces.add_workspace(tx, WORKSPACE, zone=ZONE)
        wording.keep_rules(tx, workspace.id, dump(quick_rules()), by="demo")
        made = {}
        for ats in (GREENHOUSE, GENERIC):
            adapter = adapters()[ats]
            secret = adapter.new_secret()
            row = sources.add_source(tx, workspace.id, ats, name=adapter.title, secret=secret, sending="live")
            made[ats] = Source(row.id, row.key, secret)
        return Company(db, host, port, workspace.id, made)
