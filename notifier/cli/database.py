"""`notifier db`: the schema of the database, its backup, and what follows when one was put back."""

from dataclasses import asdict
from pathlib import Path

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from notifier.cli.context import ACTOR, Group, as_json, database
from notifier.cli.printing import show_one
from notifier.core.errors import DatabaseAway, Refused
from notifier.flow.restore import bring_to_rest
from notifier.store import schema
from notifier.store.backup import back_up
from notifier.store.submission import LEASE

#: What a person does after a backup was put back; docs/operations.md says why.
NEXT = (
    "notifier up (or web, worker, relay): webhooks and the provider's reports come in, nothing leaves",
    "notifier sweep: what the ATS changed since the backup",
    "notifier db restored, once more: holds what was planned from changes that had been answered already",
    "look at Trouble and On hold: what left is cancelled or marked as told, what did not is approved",
    "notifier resume",
)


@click.group(cls=Group)
def db() -> None:
    """The database: its schema, and its backup."""


@db.command()
def upgrade() -> None:
    """Bring the database to this program's schema. Safe to run on several machines at once."""
    with database(any_schema=True) as found:
        try:
            schema.upgrade(found)
        except CommandError as fault:
            raise Refused(f"the database cannot be upgraded: {fault}") from fault
        except DBAPIError as fault:
            raise DatabaseAway(type(fault.orig).__name__) from fault
        click.echo(f"the database is at revision {schema.current(found)}")


@db.command()
@as_json
def check(json_wanted: bool) -> None:
    """Say at which revision the database is and which one this program needs. Exit 1 unless it can be used."""
    with database(any_schema=True) as found:
        current, needed, state = schema.current(found), schema.head(), schema.check(found)
    if json_wanted:
        show_one({"current": current, "needed": needed, "state": state.value}, json_wanted=True)
    else:
        click.echo(f"{state}: the database is at revision {current or 'none'}, this program needs {needed}")
    if not state.usable:
        raise click.exceptions.Exit(1)


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy a SQLite database to FILE while it is in use. Whatever is started on the copy is paused."""
    with database(any_schema=True) as found:
        back_up(found, file, by=ACTOR)
    click.echo(f"copied to {file}, paused; without the SECRET_KEY in use it cannot be read: keep that elsewhere")


@db.command()
@as_json
def restored(json_wanted: bool) -> None:
    """After a backup was put back: pause everything, and hold what may have left since it was made."""
    with database() as found:
        rested = bring_to_rest(found, by=ACTOR)
    if json_wanted:
        show_one(asdict(rested), json_wanted=True)
        return
    click.echo(f"everything is paused; {rested.held} messages held, {rested.in_doubt} in doubt")
    if rested.leaving:
        minutes = LEASE.total_seconds() // 60
        click.echo(f"{rested.leaving} are claimed by a worker that may live: run this again in {minutes:.0f} minutes")
    click.echo("next:")
    for number, step in enumerate(NEXT, start=1):
        click.echo(f"  {number}. {step}")
