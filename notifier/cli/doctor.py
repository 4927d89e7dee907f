"""`notifier doctor`: what is wrong with this installation, and what would mend it.

Every check runs, whatever the others found, and every fault becomes a line: a doctor who faints is no help. What
another fault keeps from being looked at is said to be so. Nothing is changed, and nothing is called but what is
configured: the database, Redis, the mail server.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import click

from config import Config, ConfigError
from notifier.app import open_database
from notifier.cli.checks import database, disk, mail, redis, settings, work
from notifier.cli.checks.found import Checks, Found, Subject, fault, fine
from notifier.cli.context import Command, RedisFacts, as_json, config, setting
from notifier.cli.printing import printable, show_list
from notifier.core.errors import DatabaseAway, NotifierError
from notifier.store.keyring import CannotOpen
from notifier.store.place import file_of

#: Columns that the first word of a line takes.
WIDTH = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the doctor's report."""

    check: str
    found: Found

    def as_dict(self) -> dict[str, object]:
        """As JSON has it: check, ok, detail, fix."""
        return {"check": self.check, **asdict(self.found)}


@click.command(cls=Command)
@as_json
def doctor(json_wanted: bool) -> None:
    """Check this installation and say what would mend it. Exit 1 if something is not as it should be."""
    report = list(_report())
    if json_wanted:
        show_list([line.as_dict() for line in report], [], json_wanted=True)
    else:
        for line in report:
            _print(line)
    if not all(line.found.ok for line in report):
        raise click.exceptions.Exit(1)


def _report() -> Iterator[Line]:
    try:
        found = config()
    except ConfigError as wrong:
        yield Line("configuration", fault("; ".join(wrong.mistakes), "correct these; nothing else was looked at"))
        return
    yield Line("configuration", fine("every setting can be used"))
    yield from examine(found, setting().redis_facts)


def examine(config: Config, redis_facts: Callable[[Config], RedisFacts]) -> Iterator[Line]:
    """Everything that can be said about an installation whose configuration can be used. Never raises."""
    yield from _run({**settings.CHECKS, **mail.CHECKS}, config)
    if file_of(config.database_url):
        yield from _run(disk.CHECKS, config)
    yield from _database(config)
    facts = _asked(config, redis_facts)
    yield from _run(redis.FIRST, facts)
    yield from _skip(redis.REST, "Redis") if facts.why else _run(redis.REST, facts)


def _database(config: Config) -> Iterator[Line]:
    """The database, and everything in it."""
    try:
        db = open_database(config)
    except DatabaseAway as wrong:
        yield Line("database", fault(str(wrong), "correct DATABASE_URL"))
        yield from _skip({**database.SCHEMA, **database.SQLITE, **work.CHECKS}, "the database")
        return
    kind = database.POSTGRESQL if db.is_postgresql else database.SQLITE
    try:
        (reached,) = _run(database.FIRST, db)
        yield reached
        if not reached.found.ok:
            yield from _skip({**database.SCHEMA, **kind, **work.CHECKS}, "the database")
            return
        (revision,) = _run(database.SCHEMA, db)
        yield revision
        yield from _run(kind, db)
        yield from _run(work.CHECKS, db) if revision.found.ok else _skip(work.CHECKS, "the schema")
    finally:
        db.dispose()


def _asked(config: Config, redis_facts: Callable[[Config], RedisFacts]) -> RedisFacts:
    try:
        return redis_facts(config)
    except Exception as unforeseen:
        return RedisFacts(why=type(unforeseen).__name__)


def _run(checks: Checks[Subject], subject: Subject) -> Iterator[Line]:
    for name, check in checks.items():
        yield Line(name, _guarded(check, subject))


def _skip(checks: Checks[Subject], first: str) -> Iterator[Line]:
    for name in checks:
        yield Line(name, fault("not looked at", f"mend {first} first"))


def _guarded(check: Callable[[Subject], Found], subject: Subject) -> Found:
    """What a check found; a fault that it did not foresee is one too, without text that may quote somebody."""
    try:
        return check(subject)
    except (NotifierError, CannotOpen) as known:
        return fault(f"{type(known).__name__}: {known}", "mend that and look again")
    except Exception as unforeseen:
        return fault(f"could not be looked at ({type(unforeseen).__name__})", "mend the faults above and look again")


def _print(line: Line) -> None:
    found = line.found
    word = "FAULT" if not found.ok else "note" if found.fix else "ok"
    click.echo(f"{word:<{WIDTH}}{line.check}: {printable(found.detail)}")
    if found.fix:
        click.echo(f"{'':<{WIDTH}}-> {printable(found.fix)}")
