"""Read a quarantined webhook again: after an adapter was mended, or a stage was mapped."""

from notifier.core.errors import Refused
from notifier.core.inbox import InboxState
from notifier.core.ports import Job
from notifier.flow.parts import Flow
from notifier.store import inbox


def replay(flow: Flow, workspace_id: str | None, item_id: str, *, by: str) -> None:
    """Put the item back among those to be read. Raises Refused unless it is quarantined, and NotFound."""
    with flow.db.begin() as tx:
        item = inbox.get_item(tx, workspace_id, item_id)
        if item.state is not InboxState.QUARANTINED:
            raise Refused(f"Only a quarantined webhook can be read again; this one is {item.state.value}.")
        item.answers = None  # what the ATS says now may be readable
        inbox.move(tx, item, InboxState.RECEIVED, reason="replayed", actor=by)
    flow.queue.nudge(Job.PLAN)
