"""A copy of a SQLite database that is safe to start again.

Whoever restores yesterday's copy has a database that believes in yesterday's outbox: everything that left since then is
*scheduled* once more. So the copy is paused when it is made, not when it is restored: nobody has to remember it at the
worst hour of the year, and nothing that is started on it sends anything.

The copy is made while everybody goes on (a reader waits for nobody in SQLite), under a name of its own, and gets its
final name only when it is whole and on the disk. It is one file and needs no other beside it.
"""

import contextlib
import os
import secrets
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from notifier.core.errors import Refused
from notifier.store.database import Database
from notifier.store.schema import Compatibility, check
from notifier.store.workspaces import EVERYTHING, Pause

#: How the reason of a pause begins that a copy, or whoever restored one, has set.
RESTORED = "restored_from_backup"


def restored_at(moment: datetime) -> str:
    """The reason of such a pause: a copy names the moment it was made, `notifier db restored` the one it was told."""
    return f"{RESTORED} {moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def back_up(db: Database, file: Path, *, by: str) -> None:
    """Write a paused copy of a SQLite database to `file`, which must not be there yet.

    Raises Refused, in words, for anything that keeps the copy from being made; nothing is left behind then.
    """
    if db.is_postgresql:
        raise Refused(
            "PostgreSQL has its own tools: make the copy with pg_dump --format=custom. After it is restored, and "
            "before any worker or relay is started, run: notifier db restored"
        )
    if check(db) is Compatibility.EMPTY:
        raise Refused("there is nothing to copy: the database is empty")
    if file.exists():
        raise Refused(f"{file} is there already; a copy replaces nothing")
    draft = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
    try:
        _copy(db, draft)
        _pause(draft, db, by)
        _publish(draft, file)
    except FileExistsError:
        raise Refused(f"{file} is there already; a copy replaces nothing") from None
    except OSError as fault:
        raise Refused(f"the copy cannot be written: {fault.strerror}") from fault
    except (sqlite3.Error, sa.exc.DBAPIError) as fault:
        raise Refused(f"the copy cannot be made: {getattr(fault, 'orig', fault)}") from fault
    finally:
        for left in (draft, draft.with_name(f"{draft.name}-journal")):
            left.unlink(missing_ok=True)


def _copy(db: Database, draft: Path) -> None:
    # The file is made first, because SQLite would let everybody read it.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(db.engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM INTO ?", (str(draft),))


def _pause(draft: Path, db: Database, by: str) -> None:
    """Pause everything in the copy, whatever the reason of a pause that stood there before, and check it is whole."""
    now = db.clock()
    row = {
        "scope": EVERYTHING,
        "why": restored_at(now),
        "by": by,
        "since": now,
    }
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(draft)), hide_parameters=True)
    try:
        with engine.begin() as connection:
            connection.execute(sa.delete(Pause).where(Pause.scope == EVERYTHING))
            connection.execute(sa.insert(Pause), row)
        with engine.connect() as connection:
            found = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar_one()
    finally:
        engine.dispose()
    if found != "ok":
        raise Refused("the copy is damaged, and so is the database: run notifier doctor")


def _publish(draft: Path, file: Path) -> None:
    """Give the copy its name once it is on the disk. Raises FileExistsError if somebody took the name meanwhile."""
    _sync(draft)
    # A link, unlike a rename, never replaces what has been put there a moment ago.
    os.link(draft, file)
    draft.unlink()
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
