"""What is known without the product's database: the mails a provider took, and what people said. The product is judged
by it, after every step."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from notifier.core.feedback import TAKEN, Report
from notifier.core.message import Phase, Purpose, Submission
from notifier.core.rule import Mode
from notifier.core.stage import Outcome
from notifier.deliver.email import DEADLINE, Email
from notifier.flow.doubts import SECOND_PERSON
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.evidence import ACCEPTED, ACCEPTED_TOO, find_attempts
from notifier.store.ledger import check
from notifier.store.messages import Message
from notifier.store.provider_events import ProviderEvent
from notifier.store.submission import Attempt
from notifier.store.workspaces import pauses

#: Silence about a doubt is no news before this age, and nothing goes out again by itself after that one.
EARLIEST, LATEST = timedelta(minutes=60), timedelta(hours=24)

#: Before everything.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: How far a message has come at the provider; a report never takes it back.
FURTHER = ("none", "processed", "deferred", "delivered", "dropped", "bounced")

#: What our mails carry, so that another installation's reports are none of ours.
ENVIRONMENT = "test"

S = Submission

#: Where a message stands that somebody still looks at.
WAITS = frozenset({S.SCHEDULED, S.AWAITING_APPROVAL, S.HELD, S.IN_DOUBT, S.FAILED})

#: Where the message of a mail that the provider took may stand.
OUT = frozenset({S.ACCEPTED, S.IN_DOUBT, S.SENDING, S.CANCELLED})


#: Messages by their ids, each with its application.
Rows = dict[str, tuple[Message, Application]]


class Record:
    """The provider's own record of what it took, the reports it handed out, and the decisions of people.

    `copies` are the e-mails taken; `kept` the reports handed in and `read` those of them that were worked through;
    `spoken` says of which e-mails (their attempts) a report can be, by its digest.
    `chosen` counts how often people chose to send a message again, `asked` holds who asked for it before; `arrived` is
    what they say has arrived, `approved` what they approved.
    """

    def __init__(self) -> None:
        self.copies: list[Email] = []
        self.kept: list[Report] = []
        self.read: list[Report] = []
        self.spoken: defaultdict[str, set[str]] = defaultdict(set)
        self.chosen: Counter[str] = Counter()
        self.asked: defaultdict[str, set[str]] = defaultdict(set)
        self.arrived: set[str] = set()
        self.approved: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._furthest: dict[str, int] = {}
        self._travelled: dict[str, list[str]] = {}

    def check(self, tx: Tx) -> None:
        """After every step, whatever it was."""
        rows = {message.id: (message, row) for message, row in _rows(tx)}
        left = Counter(mid for email in self.copies for mid in self.messages_of(tx, email.att))
        again = {mid for mid, (message, _) in rows.items() if message.sent_again > self.chosen[mid]}
        broken = [one for one in check(tx, full=True) if not (one.law == "L3" and one.subject in again)]
        assert broken == []
        for mid, times in left.items():
            message, _ = rows[mid]
            assert times <= 1 + self.chosen[mid] + int(mid in again), f"sent {times} times"
            assert message.state in OUT or self.chosen[mid] or mid in again, f"it left and is {message.state}"
            assert message.state is not S.CANCELLED or message.reason
        for mid, (message, row) in rows.items():
            proved = left[mid] or mid in self.arrived
            assert proved or message.state is not S.ACCEPTED, "accepted and never taken"
            self._delivery_only_grows(message)
            if row.told_how == "email":
                assert any(left[one] or one in self.arrived for one in carriers(rows, row)), "told by no mail that left"
        self._proofs(tx)
        self._no_second_no(rows, left)
        self._reports_count(tx, rows)

    def _proofs(self, tx: Tx) -> None:
        """No attempt counts as taken that the provider did not take, unless a person says that it arrived."""
        taken = {email.att for email in self.copies}
        proved = sa.select(Attempt).where(Attempt.outcome.in_([ACCEPTED, ACCEPTED_TOO]))
        for attempt in tx.session.scalars(proved):
            said = attempt.message_id in self.arrived
            assert said or (attempt.joined_to or attempt.id) in taken, "an attempt counts as taken and was not"

    def messages_of(self, tx: Tx, attempt_id: str) -> list[str]:
        """The messages that travelled in the e-mail of this attempt."""
        if attempt_id not in self._travelled:
            self._travelled[attempt_id] = [attempt.message_id for attempt in find_attempts(tx, attempt_id)]
        return self._travelled[attempt_id]

    def _delivery_only_grows(self, message: Message) -> None:
        now = FURTHER.index(message.delivery)
        assert now >= self._furthest.get(message.id, 0)
        self._furthest[message.id] = now

    def _no_second_no(self, rows: Rows, left: Counter[str]) -> None:
        """Of all messages that told one candidate "no", at most one left without a person having wanted just that."""
        alone = Counter(
            message.application_id
            for mid, (message, _) in rows.items()
            if message.template.startswith("rejected") and left[mid] and mid not in self.approved
        )
        assert all(count <= 1 for count in alone.values()), "a second no that nobody approved"

    def _reports_count(self, tx: Tx, rows: Rows) -> None:
        kept = tx.session.execute(sa.select(sa.func.count()).select_from(ProviderEvent)).scalar_one()
        assert kept == len({report.digest for report in self.kept}), "a copy of a report was kept"
        for report in self.read:
            if report.heard in TAKEN and report.env == ENVIRONMENT:
                for mid in self.messages_of(tx, report.att):
                    assert rows[mid][0].state in (S.ACCEPTED, S.CANCELLED), "reported, and not settled"

    def believed(self, tx: Tx) -> list[str]:
        """Applications whose candidate still believes in an ending that was taken back, and nobody is to tell them."""
        rows = {message.id: (message, row) for message, row in _rows(tx)}
        left = {mid for email in self.copies for mid in self.messages_of(tx, email.att)} | self.arrived
        found = []
        for mid in sorted(left & rows.keys()):
            message, row = rows[mid]
            if message.purpose is not Purpose.OUTCOME or row.outcome is not Outcome.NONE or row.owed_since is not None:
                continue
            later = [one for one, other in rows.values() if other.id == row.id and one.version > message.version]
            if not any(one.template == "sent_in_error" and _stands_or_was_stopped(one) for one in later):
                found.append(mid)
        return found

    def check_claims(self, tx: Tx) -> None:
        """A worker has just committed something: whatever it claimed or may call from now on was its right."""
        query = sa.select(Message, Application).join(Application, Application.id == Message.application_id)
        for message, row in tx.session.execute(query.where(Message.state == S.SENDING)):
            moment = (message.attempt_id or "", message.phase.value)
            if moment in self._seen:
                continue
            self._seen.add(moment)
            version = row.outcome_version if message.purpose is Purpose.OUTCOME else row.version
            assert message.version == version, f"{message.phase} though its reason has gone"
            if message.phase is Phase.CLAIMED:
                assert pauses(tx) == [], "claimed though everything is paused"
            else:
                assert message.lease_until is not None
                assert message.lease_until - tx.now > timedelta(seconds=DEADLINE), "the call may outlive the lease"

    def check_rule(self, tx: Tx, before: dict[str, int]) -> None:
        """The relay has just looked: what it sent again by itself since `before` was its right."""
        for message, _ in _rows(tx):
            if message.sent_again == before.get(message.id, 0):
                continue
            assert harmless(message), "sent again by the clock though a person has to want it"
            assert before.get(message.id, 0) == 0, "sent again by the clock a second time"
            given_up = tx.session.get_one(Attempt, message.attempt_id)
            assert given_up.submitted_at is not None
            assert EARLIEST <= tx.now - given_up.submitted_at < LATEST
            spoken = {att for report in self.read for att in self.spoken[report.digest]}
            handed_over = [one.submitted_at for att in spoken for one in find_attempts(tx, att) if one.submitted_at]
            assert max(handed_over, default=EPOCH) > given_up.submitted_at, "sent again though the feed was silent"

    def wanted_again(self, message: Message, who: str, word: str) -> None:
        """A person asked for it to be sent again, and the product answered so."""
        if word == SECOND_PERSON:
            assert not harmless(message)
            self.asked[message.id].add(who)
            return
        assert harmless(message) or self.asked[message.id] - {who}, "one person alone had it sent again"
        self.chosen[message.id] += 1
        self.asked[message.id].clear()

    def resends(self, tx: Tx) -> dict[str, int]:
        """How often each message was sent again so far."""
        return {message.id: message.sent_again for message, _ in _rows(tx)}


def _stands_or_was_stopped(message: Message) -> bool:
    """It is there, or a person did not want it."""
    by_a_person = message.reason in ("cancelled_by_hand", "told_phone")
    return message.state is not S.CANCELLED or by_a_person


def harmless(message: Message) -> bool:
    """It only informs and no rule asks for a person: it may go out once more by itself."""
    return message.purpose is Purpose.STATUS and message.mode is Mode.AUTO


def carriers(rows: Rows, application: Application) -> list[str]:
    """The messages that carry the present outcome of an application, in whatever state."""
    return [
        mid
        for mid, (message, row) in rows.items()
        if row.id == application.id and message.purpose is Purpose.OUTCOME and message.version == row.outcome_version
    ]


def unaccounted(tx: Tx) -> list[str]:
    """Applications whose outcome is neither told nor on anybody's list, counted by hand and not by the ledger."""
    rows = {message.id: (message, row) for message, row in _rows(tx)}
    ended = tx.session.scalars(sa.select(Application).where(Application.outcome != Outcome.NONE))
    return [
        row.id
        for row in ended
        if not (row.told_at or row.open_reason or {rows[mid][0].state for mid in carriers(rows, row)} & WAITS)
    ]


def _rows(tx: Tx) -> list[tuple[Message, Application]]:
    query = sa.select(Message, Application).join(Application, Application.id == Message.application_id)
    return [(message, row) for message, row in tx.session.execute(query)]
