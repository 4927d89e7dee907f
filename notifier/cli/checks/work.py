"""The work: who does it, what keeps it from leaving, what waits for a person, what breaks a law."""

from collections import Counter
from datetime import datetime

from notifier.cli.checks.found import Checks, Found, advice, fault, fine
from notifier.flow import symptoms
from notifier.store import heartbeats, soundness
from notifier.store.backup import RESTORED
from notifier.store.database import Database
from notifier.store.ledger import read_ledger
from notifier.store.workspaces import pauses


def worker(db: Database) -> Found:
    """A worker lives."""
    return _beat(db, "worker", "start `notifier worker`, or `notifier up`; until then the relay works alone")


def relay(db: Database) -> Found:
    """A relay lives."""
    return _beat(db, "relay", "start `notifier relay`, or `notifier up`: without it nothing that is late is found")


def _beat(db: Database, kind: str, fix: str) -> Found:
    with db.read() as tx:
        at, now = heartbeats.last_beat(tx, kind), tx.now
    if at is None:
        return fault("never seen", fix)
    words = f"last seen {_ago(at, now)} ago"
    return fine(words) if now - at < heartbeats.FRESH else fault(words, fix)


def _ago(at: datetime, now: datetime) -> str:
    seconds = (now - at).total_seconds()
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def paused(db: Database) -> Found:
    """Nothing is kept from leaving."""
    with db.read() as tx:
        found = pauses(tx)
    if not found:
        return fine("nothing is paused")
    words = ", ".join(f"{row.scope} ({row.why})" for row in found)
    if any(row.why.startswith(RESTORED) for row in found):
        return fault(f"paused: {words}", "a backup was put back: run notifier db restored and do what it says")
    return fault(f"paused: {words}", "mend the reason, then: notifier resume")


def sources(db: Database) -> Found:
    """Every ATS tells us something in working hours; one that does not may have switched its webhook off."""
    with db.read() as tx:
        quiet = symptoms.silent_sources(tx)
    if quiet:
        hours = symptoms.SILENT.total_seconds() / 3600
        return advice(
            f"no webhook for {hours:.0f} hours: {', '.join(quiet)}",
            "look whether the webhook is still switched on in the ATS, then: notifier sweep",
        )
    return fine("every source was heard in time, or it is outside working hours")


def sweeps(db: Database) -> Found:
    """Every source with an API key is read back to its end."""
    with db.read() as tx:
        late = symptoms.unread_sources(tx)
    if late:
        return fault(
            f"not read back for hours: {'; '.join(late)}",
            "notifier sweep asks now and says why not; a key that is refused: notifier source set ID --api-key KEY",
        )
    return fine("every source with an API key was read to its end within hours")


def asking(db: Database) -> Found:
    """What webhooks leave out is said by their ATS within an hour."""
    with db.read() as tx:
        late = symptoms.unanswered_sources(tx)
    if late:
        return fault(
            f"not answered for an hour: {'; '.join(late)}",
            "a key that is refused or missing: notifier source set ID --api-key KEY; a down ATS is asked again",
        )
    return fine("nothing waits for an ATS")


def doubts(db: Database) -> Found:
    """What may or may not have left is settled within an hour."""
    with db.read() as tx:
        number = symptoms.old_doubts(tx)
    if number:
        return fault(
            f"{number} messages are in doubt for more than an hour",
            "look at the evidence: Trouble on the dashboard, or notifier message list --state in_doubt",
        )
    return fine("none is older than an hour")


def quarantine(db: Database) -> Found:
    """Every signed webhook could be read."""
    with db.read() as tx:
        number = symptoms.quarantined(tx)
    if number:
        return fault(
            f"{number} signed webhooks could not be read; whom they are about is not told",
            "notifier inbox list --state quarantined says why; after an update: notifier inbox replay ID",
        )
    return fine("empty")


def secret_key(db: Database) -> Found:
    """The keys that are set open what is kept."""
    with db.read() as tx:
        closed = soundness.unopened(tx)
    if closed:
        return fault(
            f"no key opens: {', '.join(closed)}",
            "add the key that was in use to SECRET_KEY_FALLBACKS; it came with the database, in var/ or your secrets",
        )
    return fine("the keys that are set open what is kept")


def laws(db: Database) -> Found:
    """No law of the ledger is broken."""
    with db.read() as tx:
        broken = Counter(violation.law for violation in read_ledger(tx).violations)
    if broken:
        words = ", ".join(f"{law} ({number})" for law, number in sorted(broken.items()))
        return fault(f"broken: {words}", "notifier ledger names what breaks them")
    return fine("no law is broken")


CHECKS: Checks[Database] = {
    "secret key": secret_key,
    "worker": worker,
    "relay": relay,
    "pauses": paused,
    "sources": sources,
    "sweeps": sweeps,
    "asking": asking,
    "in doubt": doubts,
    "quarantine": quarantine,
    "ledger": laws,
}
