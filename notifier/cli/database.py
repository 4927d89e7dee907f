"""`notifier db`: the schema of the database."""

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from notifier.cli.context import Group, as_json, database, is_ahead
from notifier.cli.printing import show_one
from notifier.core.errors import DatabaseAway, Refused
from notifier.store import schema


@click.group(cls=Group)
def db() -> None:
    """The schema of the database."""


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
    """Say at which revision the database is and which one this program needs. Exit 1 unless they are the same."""
    with database(any_schema=True) as found:
        current, needed = schema.current(found), schema.head()
    state = "ok" if current == needed else "ahead" if is_ahead(current) else "behind"
    if json_wanted:
        show_one({"current": current, "needed": needed, "state": state}, json_wanted=True)
    else:
        click.echo(f"{state}: the database is at revision {current or 'none'}, this program needs {needed}")
    if state != "ok":
        raise click.exceptions.Exit(1)
