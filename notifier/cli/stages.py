"""`notifier stage`: what the stages of an ATS mean."""

import click

from notifier.cli.context import Group, as_json, checked, database, only_in
from notifier.cli.printing import show_list, show_one
from notifier.core.stage import StageKind
from notifier.store import sources, stages
from notifier.store.stages import Stage


@click.group(cls=Group)
def stage() -> None:
    """Stages met so far, and what they mean."""


def _record(row: Stage) -> dict[str, str]:
    return {
        "source": row.source_id,
        "stage_id": row.external_id,
        "name": row.name,
        "kind": row.kind.value,
        "mapped_by": row.mapped_by,
    }


@stage.command("list")
@click.option("--source", "source_id", metavar="ID", help="Only the stages of this source.")
@only_in
@as_json
def list_all(source_id: str | None, workspace_id: str | None, json_wanted: bool) -> None:
    """List the stages, unmapped ones first. A stage is here as soon as an event has named it."""
    with database() as db, db.read() as tx:
        checked(tx, workspace_id)
        if source_id is not None:
            sources.get_source(tx, workspace_id, source_id)
        records = [_record(row) for row in stages.list_stages(tx, workspace_id, source_id=source_id)]
    show_list(records, ["source", "stage_id", "name", "kind", "mapped_by"], json_wanted=json_wanted)


@stage.command("map")
@click.argument("source_id", metavar="SOURCE")
@click.argument("name", metavar="STAGE")
@click.argument("kind", metavar="KIND", type=click.Choice([kind.value for kind in StageKind]))
@as_json
def map_stage(source_id: str, name: str, kind: str, json_wanted: bool) -> None:
    """Say what STAGE, by the ATS's id or by its exact name, means.

    KIND is applied, screen, interview, final, offer, hired, rejected, withdrawn, on_hold or unmapped. It counts from
    the next change on, and sends nothing by itself.
    """
    with database() as db, db.begin() as tx:
        sources.get_source(tx, None, source_id)
        record = _record(stages.map_stage(tx, source_id, name, StageKind(kind)))
    show_one(record, json_wanted=json_wanted)
