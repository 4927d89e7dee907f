"""`notifier workspace`: one employer, or one client of an agency."""

import click

from notifier.cli.context import Group, as_json, database
from notifier.cli.printing import show_list, show_one
from notifier.store.workspaces import Workspace, add_workspace, list_workspaces


@click.group(cls=Group)
def workspace() -> None:
    """Workspaces: one employer each, or one client of an agency."""


def _record(row: Workspace) -> dict[str, str]:
    return {"id": row.id, "name": row.name, "zone": row.zone}


@workspace.command()
@click.argument("name")
@click.option("--zone", default="UTC", show_default=True, help="Where its working hours are meant: Europe/Berlin.")
@as_json
def add(name: str, zone: str, json_wanted: bool) -> None:
    """Create a workspace; NAME signs its e-mails."""
    with database() as db, db.begin() as tx:
        record = _record(add_workspace(tx, name, zone=zone))
    show_one(record, json_wanted=json_wanted)


@workspace.command("list")
@as_json
def list_all(json_wanted: bool) -> None:
    """List the workspaces, oldest first."""
    with database() as db, db.read() as tx:
        records = [_record(row) for row in list_workspaces(tx)]
    show_list(records, ["id", "name", "zone"], json_wanted=json_wanted)
