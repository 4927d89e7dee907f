"""What the every-minute reading of the ledger costs on a long history, law by law, and what a full check costs.

    python -m benchmarks.ledger [--applications 1000000] [--on sqlite] [--on postgresql] [--folder FOLDER] [--full]

Fills a fresh database with applications of two years (99 of 100 told long ago), then reads the ledger cold (a new
connection, and the files dropped from this machine's memory as far as it lets us) and warm. The baseline is one
`SELECT count(*)` over each of the same tables, measured in the same run, so that ratios can be compared between
machines.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from benchmarks.history import fill
from notifier.store.database import Database, Tx
from notifier.store.laws import batches, in_hand, of_all, touched
from notifier.store.ledger import EXAMPLES, WINDOW, count, read_ledger
from tests.conftest import Databases
from tests.world import SECRETS

#: The tables that hold the history.
TABLES = ("applications", "messages", "attempts", "audit_entries", "inbox_items")

#: Readings of which the median is told.
WARM = 5


def baseline(tx: Tx) -> None:
    """Count every row there is."""
    for table in TABLES:
        tx.session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our own names


def quick(tx: Tx) -> None:
    """What runs every minute. The history that was made breaks no law, and must not seem to."""
    found = read_ledger(tx).violations
    if found:
        raise SystemExit(f"the ledger is broken: {found}")


def parts(db: Database) -> dict[str, Callable[[Tx], object]]:
    """The counting, the search for what there is to check, and each law by itself."""

    def of_law(law: str) -> Callable[[Tx], object]:
        def ask(tx: Tx) -> None:
            for batch in batches(ids):
                tx.session.scalars(of_all(None, batch)[law].limit(EXAMPLES)).all()

        return ask

    def in_hand_of(law: str) -> Callable[[Tx], object]:
        return lambda tx: tx.session.scalars(in_hand(tx, None)[law].limit(EXAMPLES)).all()

    with db.read() as tx:
        ids = touched(tx, None, tx.now - WINDOW)
        small = list(in_hand(tx, None))
    print(f"  applications there is something to check about: {len(ids):,}")
    found: dict[str, Callable[[Tx], object]] = {"counts": count}
    found["touched"] = lambda tx: touched(tx, None, tx.now - WINDOW)
    return found | {law: of_law(law) for law in of_all(None)} | {law: in_hand_of(law) for law in small}


def seconds(db: Database, work: Callable[[Tx], object]) -> float:
    """How long this takes in a transaction of its own."""
    started = time.perf_counter()
    with db.read() as tx:
        work(tx)
    return time.perf_counter() - started


def warm(db: Database, work: Callable[[Tx], object]) -> float:
    """The median of several readings after one that is not counted."""
    seconds(db, work)
    return statistics.median(seconds(db, work) for _ in range(WARM))


def forget(folder: Path) -> None:
    """Ask the machine to drop these files from its memory."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def measure(db: Database, files: Path, options: argparse.Namespace) -> None:
    """Read the ledger in every way and print the seconds."""
    base = warm(db, baseline)
    print(f"  baseline, count(*) of every table, warm: {base:.3f} s")
    db.dispose()
    forget(files)
    print(f"  read_ledger, cold:                       {seconds(db, quick):.3f} s")
    whole = warm(db, quick)
    print(f"  read_ledger, warm:                       {whole:.3f} s   {whole / base:.2f} x baseline")
    for name, work in parts(db).items():
        print(f"    {name:<8} {warm(db, work):.4f} s")
    if options.full:
        print(f"  read_ledger, full:                       {seconds(db, lambda tx: read_ledger(tx, full=True)):.1f} s")


def run(kind: str, databases: Databases, folder: Path, options: argparse.Namespace) -> None:
    """Fill one database and measure it."""
    url = databases.sqlite(folder / "notifier.db") if kind == "sqlite" else databases.postgresql()
    db = Database(url, secrets=SECRETS)
    started = time.perf_counter()

    def progress(done: int) -> None:
        print(f"\r{kind}: {done:,} applications", end="", flush=True)

    fill(db, options.applications, progress)
    print(f" written in {time.perf_counter() - started:.0f} s")
    files = Path(str(db.engine.url.query["host"])) if kind == "postgresql" else folder
    measure(db, files, options)
    db.dispose()


def main() -> None:
    """Read the options and measure."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.ledger", description=__doc__)
    options.add_argument("--applications", type=int, default=1_000_000)
    options.add_argument("--on", action="append", choices=("sqlite", "postgresql"), help="default: both")
    options.add_argument("--folder", help="where the databases are written, and removed again")
    options.add_argument("--full", action="store_true", help="measure a full check, too")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        databases = Databases(Path(name))
        try:
            for kind in chosen.on or ("sqlite", "postgresql"):
                run(kind, databases, Path(name), chosen)
        finally:
            databases.stop()


if __name__ == "__main__":
    main()
