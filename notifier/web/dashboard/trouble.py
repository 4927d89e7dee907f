"""Trouble: what nobody but a person can settle. What cannot be sent is louder than what was sent."""

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from notifier.core.errors import Refused
from notifier.core.inbox import InboxState
from notifier.core.stage import StageKind
from notifier.flow import settle
from notifier.flow.replay import replay
from notifier.store.applications import get_application
from notifier.store.inbox import get_item, list_items
from notifier.store.ledger import read_ledger
from notifier.store.stages import get_stage, list_stages, map_stage
from notifier.store.views import TROUBLE, list_applications, list_bounced, list_messages
from notifier.web.auth import MAY_DECIDE, MAY_MANAGE, demand, signed_in
from notifier.web.dashboard.pages import flow, tabs

trouble = Blueprint("trouble", __name__, template_folder="templates")

#: Rows of each list.
ROWS = 50


@trouble.get("/trouble")
@signed_in
def page() -> str:
    """Everything that stands still until somebody looks at it."""
    mine = g.person.workspaces
    with flow().db.read() as tx:
        return render_template(
            "dashboard/trouble.html",
            tabs=tabs(tx),
            messages=list_messages(tx, mine, states=TROUBLE, limit=ROWS),
            bounced=list_bounced(tx, mine, limit=ROWS),
            left_open=list_applications(tx, mine, open_only=True, limit=ROWS),
            quarantined=[
                item
                for workspace in mine
                for item in list_items(tx, workspace, state=InboxState.QUARANTINED, limit=ROWS)
            ],
            stages=[
                stage for workspace in mine for stage in list_stages(tx, workspace) if stage.kind is StageKind.UNMAPPED
            ],
            kinds=[kind for kind in StageKind if kind is not StageKind.UNMAPPED],
            ledgers=[(workspace, read_ledger(tx, workspace)) for workspace in mine],
        )


@trouble.post("/stages/<stage_id>/map")
@signed_in
def map_kind(stage_id: str) -> Response:
    """Say what a stage means; it counts from the next change on."""
    kind = request.form.get("kind", "")
    if kind not in set(StageKind):
        abort(400)
    with flow().db.begin() as tx:
        stage = get_stage(tx, g.person.workspaces, stage_id)
        demand(MAY_DECIDE, stage.workspace_id)
        map_stage(tx, stage.source_id, stage.id, StageKind(kind))
        flash(f"“{stage.name}” now means {kind.replace('_', ' ')}. It counts from the next change on.")
    return redirect(url_for("trouble.page"), 303)


@trouble.post("/inbox/<item_id>/replay")
@signed_in
def replay_item(item_id: str) -> Response:
    """Read a quarantined webhook again."""
    with flow().db.read() as tx:
        item = get_item(tx, None, item_id)
        if item.workspace_id not in g.person.workspaces:
            abort(404)
    demand(MAY_MANAGE, item.workspace_id)
    try:
        replay(flow(), item.workspace_id, item_id, by=g.person.id)
        flash("The webhook is being read again.")
    except Refused as fault:
        flash(str(fault))
    return redirect(url_for("trouble.page"), 303)


@trouble.post("/applications/<application_id>/told")
@signed_in
def told(application_id: str) -> Response:
    """The candidate of an open outcome has been told by hand."""
    with flow().db.read() as tx:
        application = get_application(tx, None, application_id)
        if application.workspace_id not in g.person.workspaces:
            abort(404)
    demand(MAY_DECIDE, application.workspace_id)
    try:
        settle.told_application(
            flow(), application.workspace_id, application_id, by=g.person.id, how=request.form.get("how", "")
        )
        flash("Marked as told.")
    except Refused as fault:
        flash(str(fault))
    return redirect(url_for("trouble.page"), 303)
