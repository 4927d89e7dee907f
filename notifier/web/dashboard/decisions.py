"""What people decide on a message's page: each button is one POST, and each answer says what happens now.

A decision that comes too late, or misses a value, is refused in words (409) and has changed nothing; what was typed is
shown again.
"""

from flask import Blueprint, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response

from notifier.core.errors import Refused
from notifier.core.message import Purpose
from notifier.flow import doubts, settle
from notifier.store.users import Role
from notifier.store.views import MessageView, get_message_view
from notifier.store.workspaces import get_workspace
from notifier.web.auth import MAY_APPROVE, MAY_DECIDE, demand
from notifier.web.dashboard.moments import morning, spoken, told_at
from notifier.web.dashboard.pages import VALUE_LIMIT, flow, message_page

decisions = Blueprint("decisions", __name__, url_prefix="/messages")

Answer = Response | tuple[str, int]


def _view(message_id: str, allowed: frozenset[Role]) -> tuple[MessageView, str]:
    """The message and the zone of its workspace, for somebody whose role is among `allowed`."""
    with flow().db.read() as tx:
        view = get_message_view(tx, g.person.workspaces, message_id)
        demand(allowed, view.message.workspace_id)
        return view, get_workspace(tx, view.message.workspace_id).zone


def _name(view: MessageView) -> str:
    found = (view.candidate.first_name or view.candidate.name) if view.candidate is not None else ""
    return found or "The candidate"


def _done(message_id: str, sentence: str) -> Response:
    flash(sentence)
    return redirect(url_for("pages.message", message_id=message_id), 303)


def _refused(message_id: str, fault: Refused) -> tuple[str, int]:
    return message_page(message_id, refused=str(fault)), 409


@decisions.post("/<message_id>/approve")
def approve(message_id: str) -> Answer:
    """Let it leave after its hold, with the values that were missing."""
    view, zone = _view(message_id, MAY_APPROVE)
    try:
        settle.approve(flow(), view.message.workspace_id, message_id, by=g.person.id, values=_values())
    except Refused as fault:
        return _refused(message_id, fault)
    due_at = _view(message_id, MAY_APPROVE)[0].message.due_at
    when = spoken(due_at, zone, g.now) if due_at is not None else "soon"
    return _done(message_id, f"{_name(view)}'s message leaves {when}. Until then you can still hold it in Going out.")


def _values() -> dict[str, str]:
    """What was typed for missing values. Raises Refused for one that is far too long for a two-line letter."""
    values = {
        name.removeprefix("value-"): text
        for name, text in request.form.items()
        if name.startswith("value-") and text.strip()
    }
    for name, text in values.items():
        if len(text) > VALUE_LIMIT:
            raise Refused(f"The {name.replace('_', ' ')} is longer than {VALUE_LIMIT} characters.")
    return values


@decisions.post("/<message_id>/hold")
def hold(message_id: str) -> Answer:
    """Keep it back, for good or until a morning."""
    view, zone = _view(message_id, MAY_APPROVE)
    until = morning(request.form.get("until", ""), zone, g.now)
    why = request.form.get("why", "")[:VALUE_LIMIT]
    try:
        settle.hold(flow(), view.message.workspace_id, message_id, by=g.person.id, why=why, until=until)
    except Refused as fault:
        return _refused(message_id, fault)
    back = f"comes back {spoken(until, zone, g.now)}" if until is not None else "waits until somebody approves it"
    return _done(message_id, f"{_name(view)}'s message is on hold. It {back}.")


@decisions.post("/<message_id>/cancel")
def cancel(message_id: str) -> Answer:
    """Do not send it."""
    view, _ = _view(message_id, MAY_DECIDE)
    why = request.form.get("why", "")[:VALUE_LIMIT]
    try:
        settle.cancel(flow(), view.message.workspace_id, message_id, by=g.person.id, why=why)
    except Refused as fault:
        return _refused(message_id, fault)
    owed = " They still have to be told: you find them in Trouble." if view.message.purpose is Purpose.OUTCOME else ""
    return _done(message_id, f"{_name(view)}'s message is cancelled.{owed}")


@decisions.post("/<message_id>/told")
def told(message_id: str) -> Answer:
    """They know already."""
    view, zone = _view(message_id, MAY_DECIDE)
    how = request.form.get("how", "")
    try:
        at = told_at(request.form.get("day", ""), zone, g.now)
        settle.told(flow(), view.message.workspace_id, message_id, by=g.person.id, how=how, at=at)
    except Refused as fault:
        return _refused(message_id, fault)
    return _done(message_id, f"{_name(view)} is marked as told. No message leaves.")


@decisions.post("/<message_id>/arrived")
def arrived(message_id: str) -> Answer:
    """A message in doubt did arrive."""
    view, _ = _view(message_id, MAY_DECIDE)
    try:
        doubts.arrived(flow(), view.message.workspace_id, message_id, by=g.person.id)
    except Refused as fault:
        return _refused(message_id, fault)
    return _done(message_id, f"{_name(view)}'s message counts as sent.")


@decisions.post("/<message_id>/again")
def again(message_id: str) -> Answer:
    """Send a message in doubt once more, or agree to it."""
    view, _ = _view(message_id, MAY_DECIDE)
    try:
        next_step = doubts.send_again(flow(), view.message.workspace_id, message_id, by=g.person.id)
    except Refused as fault:
        return _refused(message_id, fault)
    if next_step == doubts.SECOND_PERSON:
        return _done(message_id, "Noted. A second person has to agree before it is sent again.")
    return _done(message_id, f"{_name(view)}'s message is sent again now.")
