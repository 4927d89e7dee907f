"""What people decide on a message's page: each button is one POST, and each answer says what happens now.

A decision that comes too late, or misses a value, is refused in words (409) and has changed nothing.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response

from notifier.core.errors import Refused
from notifier.decide import timing
from notifier.flow import settle
from notifier.store.views import MessageView, get_message_view
from notifier.store.workspaces import get_workspace
from notifier.web.auth import MAY_APPROVE, MAY_DECIDE, demand, signed_in
from notifier.web.dashboard.pages import flow, message_page

decisions = Blueprint("decisions", __name__, url_prefix="/messages")

#: When held messages come back in the morning.
MORNING = time(9, 0)

Answer = Response | tuple[str, int]


def _view(message_id: str) -> MessageView:
    with flow().db.read() as tx:
        return get_message_view(tx, g.person.workspaces, message_id)


def _name(view: MessageView) -> str:
    return (view.candidate.first_name or view.candidate.name) if view.candidate is not None else "The candidate"


def _done(message_id: str, sentence: str) -> Response:
    flash(sentence)
    return redirect(url_for("pages.message", message_id=message_id), 303)


def _refused(message_id: str, fault: Refused) -> tuple[str, int]:
    return message_page(message_id, refused=str(fault)), 409


@decisions.post("/<message_id>/approve")
@signed_in
def approve(message_id: str) -> Answer:
    """Let it leave after its hold, with the values that were missing."""
    view = _view(message_id)
    demand(MAY_APPROVE, view.message.workspace_id)
    values = {
        name.removeprefix("value-"): text
        for name, text in request.form.items()
        if name.startswith("value-") and text.strip()
    }
    try:
        settle.approve(flow(), view.message.workspace_id, message_id, by=g.person.id, values=values)
    except Refused as fault:
        return _refused(message_id, fault)
    due = _view(message_id).message.due_at
    when = _local(due, view.message.workspace_id) if due is not None else "soon"
    return _done(message_id, f"{_name(view)}'s message leaves {when}. Until then you can hold it.")


@decisions.post("/<message_id>/hold")
@signed_in
def hold(message_id: str) -> Answer:
    """Keep it back, for good or until a morning."""
    view = _view(message_id)
    demand(MAY_APPROVE, view.message.workspace_id)
    until = _until(request.form.get("until", ""), view.message.workspace_id)
    why = request.form.get("why", "")[:200]
    try:
        settle.hold(flow(), view.message.workspace_id, message_id, by=g.person.id, why=why, until=until)
    except Refused as fault:
        return _refused(message_id, fault)
    back = f" It comes back {_local(until, view.message.workspace_id)}." if until is not None else ""
    return _done(message_id, f"{_name(view)}'s message is on hold.{back}")


@decisions.post("/<message_id>/cancel")
@signed_in
def cancel(message_id: str) -> Answer:
    """Do not send it."""
    view = _view(message_id)
    demand(MAY_DECIDE, view.message.workspace_id)
    why = request.form.get("why", "")[:200]
    try:
        settle.cancel(flow(), view.message.workspace_id, message_id, by=g.person.id, why=why)
    except Refused as fault:
        return _refused(message_id, fault)
    return _done(message_id, f"{_name(view)}'s message is cancelled. An outcome stays open until they are told.")


@decisions.post("/<message_id>/told")
@signed_in
def told(message_id: str) -> Answer:
    """They know already."""
    view = _view(message_id)
    demand(MAY_DECIDE, view.message.workspace_id)
    try:
        settle.told(
            flow(), view.message.workspace_id, message_id, by=g.person.id, how=request.form.get("how", ""), at=None
        )
    except Refused as fault:
        return _refused(message_id, fault)
    return _done(message_id, f"{_name(view)} is marked as told. No message leaves.")


def _zone(workspace_id: str) -> str:
    with flow().db.read() as tx:
        return get_workspace(tx, workspace_id).zone


def _until(choice: str, workspace_id: str) -> datetime | None:
    """The morning a choice means: the next working day, next Monday, or nothing."""
    zone = ZoneInfo(_zone(workspace_id))
    today = g.now.astimezone(zone).date()
    if choice == "tomorrow":
        day = timing.add_working_days(today, 1)
    elif choice == "monday":
        day = today + timedelta(days=7 - today.weekday())
    else:
        return None
    return datetime.combine(day, MORNING, zone)


def _local(at: datetime, workspace_id: str) -> str:
    shown = at.astimezone(ZoneInfo(_zone(workspace_id)))
    return f"on {shown:%A} {shown.day} {shown:%B at %H:%M}"
