"""What can be wrong beneath a database without any query failing: damage, a clock that is off, promises not kept.

Looked at by `notifier doctor`, and partly when a process starts.
"""

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from notifier.core.ports import Clock
from notifier.store import heartbeats, inbox, mailbox, messages, people, provider_events, sources, users
from notifier.store.database import Database, Tx, system_clock
from notifier.store.keyring import CannotOpen
from notifier.store.schema import Compatibility, check

#: Seconds that this machine's clock may differ from the database's: signatures of webhooks are dated by it.
CLOCK_TOLERANCE = 60.0

#: The oldest PostgreSQL whose behaviour was measured.
OLDEST_POSTGRESQL = 140000

#: Settings of PostgreSQL without which a commit may be lost in a crash.
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")

#: Rows of a table that are tried, the oldest and as many of the newest.
SAMPLE = 20

#: Everything sealed, by the name it is sealed for.
SEALED: dict[str, InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None]] = {
    "source.secret": sources.SourceSecret.secret,
    "source.api_key": sources.Source.api_key,
    "user.address": users.User.address,
    "candidate.address": people.Candidate.address,
    "owner.address": people.Owner.address,
    "inbox.body": inbox.InboxItem.body,
    "inbox.answers": inbox.InboxItem.answers,
    "message.placeholders": messages.Message.placeholders,
    "message.snapshot": messages.Message.snapshot,
    "message.note": messages.Message.note,
    "mailbox.mime": mailbox.MailboxMail.mime,
    "event.report": provider_events.ProviderEvent.report,
}

#: What else stands in a column: a report was read, or is a whole mail.
ALSO = {"event.report": "event.mail"}


def try_to_write(db: Database) -> None:
    """Write a row and take it back. Raises DatabaseAway, or SQLAlchemy's DBAPIError where writing is not allowed."""
    empty = check(db) is Compatibility.EMPTY
    with db.begin() as tx:
        if not empty:
            heartbeats.beat(tx, "doctor", "doctor")
            tx.session.flush()
        tx.session.rollback()


def damage(db: Database) -> str:
    """The first thing SQLite finds broken in its file, "" if nothing is. Reads the whole file."""
    with db.read() as tx:
        found = str(tx.session.execute(sa.text("PRAGMA quick_check(1)")).scalar_one())
    return "" if found == "ok" else found


def clock_offset(db: Database, clock: Clock = system_clock) -> float:
    """Seconds by which this machine's clock is ahead of the database's; 0 for SQLite, which has no clock of its own."""
    if not db.is_postgresql:
        return 0.0
    with db.read() as tx:
        before = clock()
        theirs = tx.session.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        after = clock()
    # The database looked at its clock somewhere between our two looks.
    return float(((before + (after - before) / 2) - theirs).total_seconds())


def postgresql_version(db: Database) -> int:
    """The version of the server as a number: 140005 is 14.5."""
    with db.read() as tx:
        return int(tx.session.execute(sa.text("SHOW server_version_num")).scalar_one())


def switched_off(db: Database) -> list[str]:
    """The settings in `DURABLE` that are off."""
    settings = sa.table("pg_settings", sa.column("name"), sa.column("setting"))
    query = sa.select(settings.c.name).where(settings.c.name.in_(DURABLE), settings.c.setting == "off")
    with db.read() as tx:
        return list(tx.session.scalars(query.order_by(settings.c.name)))


def unopened(tx: Tx) -> list[str]:
    """What no key on the ring opens, by the names in `SEALED`; the oldest and the newest rows of each are tried."""
    return [name for name, column in SEALED.items() if not _opens(tx, name, column)]


def _opens(tx: Tx, name: str, column: InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None]) -> bool:
    key = sa.inspect(column.class_).primary_key[0]
    for order in (key.asc(), key.desc()):
        query = sa.select(column).where(column.is_not(None)).order_by(order).limit(SAMPLE)
        for sealed in tx.session.scalars(query):
            try:
                _open(tx, sealed or b"", name)
            except CannotOpen:
                return False
    return True


def _open(tx: Tx, sealed: bytes, name: str) -> None:
    try:
        tx.keyring.open_bytes(sealed, name)
    except CannotOpen:
        tx.keyring.open_bytes(sealed, ALSO.get(name, name))
