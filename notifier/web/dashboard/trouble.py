"""Trouble: what nobody but a person can settle. What cannot be sent is louder than what was sent."""

from functools import partial

from flask import Blueprint, abort, current_app, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from notifier.core.errors import NotFound, Refused
from notifier.core.inbox import InboxState
from notifier.core.stage import StageKind
from notifier.flow import again, settle
from notifier.flow.replay import replay
from notifier.store import askings, messages, provider_events, sweeps
from notifier.store.inbox import conflicts, get_item, list_items
from notifier.store.provider_events import EventState
from notifier.store.stages import get_stage, list_stages, map_stage
from notifier.store.views import (
    TROUBLE,
    count_without_owner,
    get_application_view,
    list_applications,
    list_bounced,
    list_messages,
    list_no_news,
)
from notifier.store.workspaces import get_workspace
from notifier.web.auth import MAY_DECIDE, MAY_MANAGE, demand
from notifier.web.counts import Ledgers
from notifier.web.dashboard.moments import told_at
from notifier.web.dashboard.pages import CAP, application_page, flow, tabs

trouble = Blueprint("trouble", __name__, template_folder="templates")

#: Rows of each list.
ROWS = 50

Answer = Response | tuple[str, int]


@trouble.get("/trouble")
def page() -> str:
    """Everything that stands still until somebody looks at it."""
    return trouble_page()


def trouble_page(*, refused: str = "") -> str:
    """The page; `refused` says why what was just asked for was not done."""
    mine = g.person.workspaces
    ledgers: Ledgers = current_app.extensions["ledgers"]
    readings = [(workspace, ledgers.read(workspace)) for workspace in mine]
    with flow().db.read() as tx:
        return render_template(
            "dashboard/trouble.html",
            note_of=partial(messages.open_note, tx),
            tabs=tabs(tx),
            messages=list_messages(tx, mine, states=TROUBLE, limit=ROWS),
            bounced=list_bounced(tx, mine, limit=ROWS),
            left_open=list_applications(tx, mine, open_only=True, limit=ROWS),
            ownerless=count_without_owner(tx, mine, cap=CAP),
            quarantined=[
                item
                for workspace in mine
                for item in list_items(tx, workspace, state=InboxState.QUARANTINED, limit=ROWS)
            ],
            conflicts=conflicts(tx, mine, limit=ROWS),
            no_news=list_no_news(tx, mine, _feeds(), limit=ROWS),
            unread=[(source, sweep) for source, sweep in sweeps.stuck(tx, mine)],
            asking=askings.waiting(tx, mine),
            orphans=provider_events.list_events(tx, EventState.ORPHAN, limit=ROWS) if _manages_all() else [],
            stages=[
                stage for workspace in mine for stage in list_stages(tx, workspace) if stage.kind is StageKind.UNMAPPED
            ],
            kinds=[kind for kind in StageKind if kind is not StageKind.UNMAPPED],
            readings=readings,
            names={workspace: get_workspace(tx, workspace).name for workspace in mine},
            rows=ROWS,
            cap=CAP,
            refused=refused,
        )


def _feeds() -> list[str]:
    """The providers whose reports we can hear, so that their silence means something."""
    return [provider for provider, keys in flow().settings.event_keys.items() if keys]


def _manages_all() -> bool:
    """Whether they manage every workspace they see; what belongs to none is theirs to look at."""
    return all(g.person.may(MAY_MANAGE, workspace) for workspace in g.person.workspaces)


@trouble.post("/stages/<stage_id>/map")
def map_kind(stage_id: str) -> Response:
    """Say what a stage means; it counts from the next change on."""
    kind = request.form.get("kind", "")
    if kind not in set(StageKind) - {StageKind.UNMAPPED}:
        abort(400)
    with flow().db.begin() as tx:
        stage = get_stage(tx, g.person.workspaces, stage_id)
        demand(MAY_DECIDE, stage.workspace_id)
        map_stage(tx, stage.source_id, stage.id, StageKind(kind))
        name = stage.name
    flash(f"“{name}” now means {kind.replace('_', ' ')}. It counts from the next change on.")
    return redirect(url_for("trouble.page"), 303)


@trouble.post("/inbox/<item_id>/replay")
def replay_item(item_id: str) -> Answer:
    """Read a quarantined webhook again."""
    with flow().db.read() as tx:
        item = get_item(tx, None, item_id)
    if item.workspace_id not in g.person.workspaces:
        raise NotFound(f"no inbox item {item_id}")
    demand(MAY_MANAGE, item.workspace_id)
    try:
        replay(flow(), item.workspace_id, item_id, by=g.person.id)
    except Refused as fault:
        return trouble_page(refused=str(fault)), 409
    flash("The webhook is being read again.")
    return redirect(url_for("trouble.page"), 303)


@trouble.post("/applications/<application_id>/write-again")
def write_again(application_id: str) -> Answer:
    """Draft anew what came back."""
    with flow().db.read() as tx:
        view = get_application_view(tx, g.person.workspaces, application_id)
    demand(MAY_DECIDE, view.application.workspace_id)
    try:
        message_id = again.write_again(flow(), view.application.workspace_id, application_id, by=g.person.id)
    except Refused as fault:
        return application_page(application_id, refused=str(fault)), 409
    flash("A new message is drafted. It leaves when somebody approves it.")
    return redirect(url_for("pages.message", message_id=message_id), 303)


@trouble.post("/applications/<application_id>/told")
def told(application_id: str) -> Answer:
    """The candidate of an open outcome has been told by hand."""
    with flow().db.read() as tx:
        view = get_application_view(tx, g.person.workspaces, application_id)
        workspace = get_workspace(tx, view.application.workspace_id)
    demand(MAY_DECIDE, workspace.id)
    how = request.form.get("how", "")
    try:
        at = told_at(request.form.get("day", ""), workspace.zone, g.now)
        settle.told_application(flow(), workspace.id, application_id, by=g.person.id, how=how, at=at)
    except Refused as fault:
        return application_page(application_id, refused=str(fault)), 409
    name = (view.candidate.first_name or view.candidate.name) if view.candidate is not None else ""
    flash(f"{name or 'The candidate'} is marked as told.")
    return redirect(url_for("trouble.page"), 303)
