"""`notifier application`: where every candidate stands."""

import click

from notifier.cli.context import ACTOR, Group, Limit, as_json, checked, database, only_in, whole_flow
from notifier.cli.printing import moment, show_list, show_one
from notifier.flow import settle
from notifier.store.views import ApplicationView, get_application_view, list_applications

#: The ledger's words for what became of an outcome.
ITEMS = ("told", "pending", "held", "in_doubt", "open", "none")


@click.group(cls=Group)
def application() -> None:
    """Applications: where each candidate stands, and whether they have been told."""


def _record(view: ApplicationView) -> dict[str, object]:
    row = view.application
    return {
        "id": row.id,
        "external_id": row.external_id,
        "source": row.source_id,
        "candidate": view.candidate.name if view.candidate is not None else None,
        "job": view.job.title if view.job is not None else None,
        "stage": view.stage.name if view.stage is not None else None,
        "kind": row.kind.value,
        "outcome": row.outcome.value,
        "version": row.version,
        "owner": view.owner.name if view.owner is not None else None,
        "told": view.item == "told",
        "promise_due": moment(row.promise_due),
        "silent_since": moment(row.silent_since),
        "owed_since": moment(row.owed_since),
        "told_how": row.told_how or None,
        "told_at": moment(row.told_at),
        "item": view.item,
    }


@application.command("list")
@click.option("--external-id", metavar="X", help="The ATS's id of the application.")
@click.option("--state", type=click.Choice(ITEMS), help="What became of the outcome; none: there is no outcome.")
@only_in
@click.option("--limit", type=Limit, default=10_000, show_default=True)
@as_json
def list_all(
    external_id: str | None, state: str | None, workspace_id: str | None, limit: int, json_wanted: bool
) -> None:
    """List the applications, oldest first."""
    with database() as db, db.read() as tx:
        chosen = checked(tx, workspace_id)
        views = list_applications(tx, chosen, external_id=external_id, item=state, limit=limit)
        records = [_record(view) for view in views]
    columns = ["id", "external_id", "candidate", "job", "stage", "kind", "outcome", "item"]
    show_list(records, columns, json_wanted=json_wanted, limit=limit)


@application.command()
@click.argument("application_id", metavar="ID")
@click.option("--how", type=click.Choice(settle.BY_HAND), default="phone", show_default=True)
@as_json
def told(application_id: str, how: str, json_wanted: bool) -> None:
    """The candidate of an outcome that stands open without any message has been told."""
    with whole_flow() as flow:
        settle.told_application(flow, None, application_id, by=ACTOR, how=how)
        with flow.db.read() as tx:
            record = _record(get_application_view(tx, None, application_id))
    show_one(record, json_wanted=json_wanted)
