"""`notifier ledger`, `pause` and `resume`: whether everybody is told or on a list, and whether anything may leave."""

import click

from notifier.cli.context import ACTOR, Command, as_json, checked, database, only_in, queue
from notifier.cli.printing import moment, show_list, show_one
from notifier.core.errors import Refused
from notifier.core.ports import Job
from notifier.deliver.registry import provider_names
from notifier.flow.restore import bring_to_rest
from notifier.store import workspaces
from notifier.store.backup import RESTORED
from notifier.store.database import Database, Tx
from notifier.store.ledger import read_ledger
from notifier.store.workspaces import EVERYTHING, get_workspace, pauses

only_provider = click.option("--provider", type=click.Choice(provider_names()), help="Only this mail provider.")


@click.command(cls=Command)
@click.option("--full", is_flag=True, help="Check the whole history, too: once a night is often enough.")
@only_in
@as_json
def ledger(full: bool, workspace_id: str | None, json_wanted: bool) -> None:
    """Count who is told and who is not, and check the laws. Exit 1 if one of them is broken.

    Cheap enough for every minute: it looks at whatever is in hand, and at what changed within two days.
    """
    with database() as db, db.read() as tx:
        checked(tx, workspace_id)
        found = read_ledger(tx, workspace_id, full=full)
    if json_wanted:
        show_one(found.as_dict(), json_wanted=True)
    else:
        show_one({name: it for name, it in found.as_dict().items() if name != "violations"}, json_wanted=False)
        for violation in found.violations:
            click.echo(f"{violation.law} is broken by {violation.subject}")
    if found.violations:
        raise click.exceptions.Exit(1)


@click.command(cls=Command)
@click.option("--why", default="", help="Everybody can read it.")
@only_in
@only_provider
@as_json
def pause(why: str, workspace_id: str | None, provider: str | None, json_wanted: bool) -> None:
    """Stop everything, or one workspace, or one mail provider: nothing is sent while paused, and nothing is lost."""
    with database() as db, db.begin() as tx:
        scope = _scope(tx, workspace_id, provider) or EVERYTHING
        workspaces.pause(tx, scope, why=why.strip() or "paused_by_hand", by=ACTOR)
        records = _paused(tx)
    _show(records, json_wanted)


@click.command(cls=Command)
@only_in
@only_provider
@as_json
def resume(workspace_id: str | None, provider: str | None, json_wanted: bool) -> None:
    """Send again: everything that is paused, whoever paused it, or only one workspace or one mail provider.

    After a restored backup what is scheduled is held first: most of it left before the backup was put back.
    """
    with database() as db:
        records = _resume(db, workspace_id, provider)
    queue().nudge(Job.SEND)
    _show(records, json_wanted)


def _resume(db: Database, workspace_id: str | None, provider: str | None) -> list[dict[str, str | None]]:
    with db.read() as tx:
        scope = _scope(tx, workspace_id, provider)
        restored = not scope and any(row.why.startswith(RESTORED) for row in pauses(tx))
    if restored:
        rested = bring_to_rest(db, by=ACTOR)
        click.echo(f"restored from a backup: {rested.held} held, {rested.in_doubt} in doubt; see On hold", err=True)
        if rested.leaving:
            raise Refused(f"a worker may still have {rested.leaving} messages; try again in three minutes")
    with db.begin() as tx:
        for paused in [scope] if scope else [row.scope for row in pauses(tx)]:
            workspaces.resume(tx, paused)
        return _paused(tx)


def _scope(tx: Tx, workspace_id: str | None, provider: str | None) -> str:
    if workspace_id and provider:
        raise click.UsageError("give --workspace or --provider, not both")
    if workspace_id:
        return f"workspace:{get_workspace(tx, workspace_id).id}"
    return f"provider:{provider}" if provider else ""


def _paused(tx: Tx) -> list[dict[str, str | None]]:
    return [{"scope": row.scope, "why": row.why, "by": row.by, "since": moment(row.since)} for row in pauses(tx)]


def _show(records: list[dict[str, str | None]], json_wanted: bool) -> None:
    if records or json_wanted:
        show_list(records, ["scope", "since", "by", "why"], json_wanted=json_wanted)
    else:
        click.echo("nothing is paused")
