"""`notifier db`: the schema of the database, its backup, what follows when one was put back, and what is let go.

The list of erased people (`db tombstones`) is one JSON object a line, so that it can be compared, merged and appended
to with ordinary tools: `{"source": "src_…", "candidate": "the ATS's id"}`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click
from sqlalchemy.exc import DBAPIError

from notifier.cli.context import ACTOR, Group, as_json, database
from notifier.cli.printing import show_list, show_one
from notifier.core.errors import DatabaseAway, Refused
from notifier.core.retention import KEEP, Kind
from notifier.flow.restore import ErasedAgain, bring_to_rest, erase_again
from notifier.flow.retention import due, retain_all
from notifier.store import people, schema
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


#: What tables of `db retain` show.
RETAINED = ("kind", "what", "days", "then", "rows")


@click.group(cls=Group)
def db() -> None:
    """The database: its schema, its backup, and how long things are kept."""


@db.command()
def upgrade() -> None:
    """Bring the database to this program's schema. Safe to run on several machines at once."""
    with database(any_schema=True) as found:
        try:
            schema.upgrade(found)
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
def tombstones() -> None:
    """List everybody who was erased, by the ATS's id, for `db restored --tombstones`. Keep it beside the backups."""
    with database() as found, found.read() as tx:
        listed = people.tombstones(tx)
    for source, candidate in listed:
        click.echo(json.dumps({"source": source, "candidate": candidate}))


def _read(tombstones: TextIO) -> list[tuple[str, str]]:
    """The list as `db tombstones` wrote it, each once. Raises Refused, naming the line, for anything else."""
    listed: dict[tuple[str, str], None] = {}
    try:
        lines = tombstones.readlines()
    except UnicodeDecodeError as fault:
        raise Refused("this is no list as notifier db tombstones writes it; nothing was done") from fault
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            source, candidate = row["source"], row["candidate"]
        except (ValueError, TypeError, KeyError):
            source = candidate = None
        if not isinstance(source, str) or not isinstance(candidate, str) or not candidate:
            raise Refused(f"line {number} is no tombstone as notifier db tombstones writes it; nothing was done")
        listed[source, candidate] = None
    return list(listed)


@db.command()
@click.option("--tombstones", type=click.File(encoding="utf-8"), help="Erase everybody on this list again; - reads it.")
@as_json
def restored(tombstones: TextIO | None, json_wanted: bool) -> None:
    """After a backup was put back: pause everything, and hold what may have left since it was made."""
    listed = _read(tombstones) if tombstones is not None else []
    with database() as found:
        rested = bring_to_rest(found, by=ACTOR)
        again = erase_again(found, listed, by=ACTOR) if tombstones is not None else None
    if json_wanted:
        show_one(asdict(rested) | ({"tombstones": asdict(again)} if again is not None else {}), json_wanted=True)
        return
    click.echo(f"everything is paused; {rested.held} messages held, {rested.in_doubt} in doubt")
    _say_erased(again)
    if rested.leaving:
        minutes = LEASE.total_seconds() // 60
        click.echo(f"{rested.leaving} are claimed by a worker that may live: run this again in {minutes:.0f} minutes")
    click.echo("next:")
    for number, step in enumerate(NEXT, start=1):
        click.echo(f"  {number}. {step}")


def _say_erased(again: ErasedAgain | None) -> None:
    if again is None:
        click.echo("whoever was erased after the backup was made is back: erase them with --tombstones FILE", err=True)
        return
    click.echo(f"{again.erased} people erased again, {again.already} were so in the backup")
    if again.unknown:
        click.echo(f"{again.unknown} belong to sources that are not in the backup: nothing of theirs is here")


@db.command()
@click.option("--dry-run", is_flag=True, help="Only count.")
@as_json
def retain(dry_run: bool, json_wanted: bool) -> None:
    """Let go what has been kept long enough, as the relay does about once an hour."""
    with database() as found:
        counted = due(found) if dry_run else retain_all(found, by=ACTOR)
    rows = [
        {"kind": kind.value, "what": KEEP[kind].what, "days": KEEP[kind].age.days, "then": KEEP[kind].then.value}
        | {"rows": counted[kind]}
        for kind in Kind
    ]
    show_list(rows, RETAINED, json_wanted=json_wanted)
