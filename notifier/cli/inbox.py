"""`notifier inbox`: the webhooks that came in."""

import click

from notifier.cli.context import ACTOR, Group, Limit, as_json, checked, database, only_in, whole_flow
from notifier.cli.printing import moment, show_list, show_one
from notifier.core.inbox import InboxState
from notifier.flow.replay import replay
from notifier.store.inbox import InboxItem, get_item, list_items


@click.group(cls=Group)
def inbox() -> None:
    """Webhooks as they came in, and what became of them."""


def _record(row: InboxItem) -> dict[str, str | None]:
    return {
        "id": row.id,
        "source": row.source_id,
        "event_key": row.event_key,
        "state": row.state.value,
        "reason": row.reason,
        "received_at": moment(row.received_at),
    }


@inbox.command("list")
@click.option("--state", type=click.Choice([state.value for state in InboxState]))
@only_in
@click.option("--limit", type=Limit, default=10_000, show_default=True)
@as_json
def list_all(state: str | None, workspace_id: str | None, limit: int, json_wanted: bool) -> None:
    """List the webhooks, newest first."""
    with database() as db, db.read() as tx:
        checked(tx, workspace_id)
        rows = list_items(tx, workspace_id, state=InboxState(state) if state else None, limit=limit)
        records = [_record(row) for row in rows]
    columns = ["id", "source", "state", "received_at", "reason"]
    show_list(records, columns, json_wanted=json_wanted, limit=limit)


@inbox.command("replay")
@click.argument("item_id", metavar="ID")
@as_json
def replay_item(item_id: str, json_wanted: bool) -> None:
    """Read a quarantined webhook again, after what could not be read has been mended."""
    with whole_flow() as flow:
        replay(flow, None, item_id, by=ACTOR)
        with flow.db.read() as tx:
            record = _record(get_item(tx, None, item_id))
    show_one(record, json_wanted=json_wanted)
