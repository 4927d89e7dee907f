"""The database itself: can it be written, is it whole, is its schema ours, does its clock agree with this machine's."""

from notifier.cli.checks.found import Checks, Found, fault, fine
from notifier.core.errors import DatabaseAway
from notifier.store import schema, soundness
from notifier.store.database import Database
from notifier.store.schema import Compatibility

#: What to do about a schema that is not this program's.
SCHEMA_FIX = {
    Compatibility.EMPTY: "run: notifier db upgrade",
    Compatibility.BEHIND: "run: notifier db upgrade",
    Compatibility.AHEAD_INCOMPATIBLE: "use the newer program; this one must not write here",
}


def database(db: Database) -> Found:
    """It can be reached and written."""
    try:
        soundness.try_to_write(db)
    except DatabaseAway as away:
        fix = "start it" if db.is_postgresql else "if it is damaged, put the last backup back: docs/operations.md"
        return fault(f"it cannot be reached or written ({away})", f"{fix}; or correct DATABASE_URL")
    return fine("PostgreSQL, writable" if db.is_postgresql else "SQLite, writable")


def revision(db: Database) -> Found:
    """Its schema is the one of this program, or one that this program may use."""
    state, found = schema.check(db), schema.current(db) or "none"
    detail = f"at revision {found}, this program knows {schema.head()}: {state.value}"
    return fine(detail) if state.usable else fault(detail, SCHEMA_FIX[state])


def integrity(db: Database) -> Found:
    """SQLite finds no damage in its file."""
    damage = soundness.damage(db)
    if damage:
        return fault(damage, "stop everything and put the last backup back: docs/operations.md")
    return fine("no damage found")


def version(db: Database) -> Found:
    """PostgreSQL is one whose behaviour is known."""
    found = soundness.postgresql_version(db)
    words = f"PostgreSQL {found // 10_000}.{found % 10_000}"
    if found < soundness.OLDEST_POSTGRESQL:
        return fault(words, f"upgrade it to PostgreSQL {soundness.OLDEST_POSTGRESQL // 10_000} or newer")
    return fine(words)


def clock(db: Database) -> Found:
    """This machine and PostgreSQL agree on the time."""
    return clock_found(soundness.clock_offset(db))


def clock_found(offset: float) -> Found:
    """What it means that this machine's clock is so many seconds ahead of the database's."""
    words = f"this machine is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the database"
    if abs(offset) > soundness.CLOCK_TOLERANCE:
        return fault(words, "set the clocks of both machines by NTP: signatures of webhooks are judged by them")
    return fine(words)


def durability(db: Database) -> Found:
    """PostgreSQL keeps what it has committed when the power goes."""
    off = soundness.switched_off(db)
    if off:
        return fault(f"off: {', '.join(off)}", "switch them on: a crash loses webhooks that were answered already")
    return fine(f"on: {', '.join(soundness.DURABLE)}")


#: Before anything else of the database is looked at.
FIRST: Checks[Database] = {"database": database}

#: Before anything in it is looked at.
SCHEMA: Checks[Database] = {"schema": revision}

SQLITE: Checks[Database] = {"database integrity": integrity}

POSTGRESQL: Checks[Database] = {
    "database version": version,
    "database clock": clock,
    "database durability": durability,
}
