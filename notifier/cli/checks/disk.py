"""Where a SQLite database lies: its folder, the kind of its file system, the space that is left.

Looked at without opening the database, because these are the usual reasons that it cannot be opened.
"""

import os
import shutil
from pathlib import Path

from config import Config
from notifier.cli.checks.found import Checks, Found, fault, fine
from notifier.store.place import file_of, network_file_system

#: Bytes that must be free: a copy for upgrading, the log of a busy day.
LEAST_FREE = 500_000_000

#: For a database that is no file: where the other files are.
DEFAULT = Path("var", "none").resolve()


def folder(config: Config) -> Found:
    """SQLite writes a log and a lock file beside the database, so the folder itself must be writable."""
    where = _folder(config)
    if not os.access(where, os.W_OK | os.X_OK):
        return fault(f"{where} cannot be written by this user", f"give it to the user that runs notifier: {where}")
    file = file_of(config.database_url)
    if file is not None and file.exists() and not os.access(file, os.R_OK | os.W_OK):
        return fault(f"{file} cannot be written by this user", f"give it to the user that runs notifier: {file}")
    return fine(str(where))


def file_system(config: Config) -> Found:
    """A network file system does not carry SQLite's locks: two hosts on one file lose rows."""
    kind = network_file_system(config.database_url)
    if kind:
        return fault(
            f"the database is on {kind}, where locks of several hosts are not kept",
            "move it to a disk of this machine, or use PostgreSQL (DATABASE_URL)",
        )
    return fine("a disk of this machine")


def space(config: Config) -> Found:
    """A full disk keeps nothing: webhooks are answered 503 until there is room."""
    free = shutil.disk_usage(_folder(config)).free
    megabytes = f"{free // 1_000_000} MB are free"
    return fine(megabytes) if free >= LEAST_FREE else fault(megabytes, "make room, or move the database")


def _folder(config: Config) -> Path:
    """The folder of the database, or the one in which it would be made."""
    file = file_of(config.database_url) or DEFAULT
    return next(one for one in file.parents if one.exists())


CHECKS: Checks[Config] = {
    "database folder": folder,
    "database file system": file_system,
    "disk space": space,
}
