"""How pages say times and states: words first, colour never alone."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup, escape

from notifier.core.message import Delivery, Submission
from notifier.flow.parts import Flow
from notifier.store.messages import Message
from notifier.store.workspaces import list_workspaces, pauses

#: The words of the screens for the states of the outbox.
STATE_WORDS = {
    Submission.AWAITING_APPROVAL: "needs approval",
    Submission.SCHEDULED: "going out",
    Submission.SENDING: "sending",
    Submission.ACCEPTED: "sent",
    Submission.IN_DOUBT: "in doubt",
    Submission.FAILED: "failed",
    Submission.HELD: "on hold",
    Submission.CANCELLED: "cancelled",
}

#: What recruiters call the shipped templates; others are called by their key.
TITLES = {
    "application_received": "Application received",
    "in_review": "In review",
    "still_in_review": "Still in review",
    "need_longer": "We need longer",
    "interview_next_steps": "Next steps: interview",
    "on_hold": "Job on hold",
    "rejected_after_application": "No, after application",
    "rejected_after_interview": "No, after interview",
    "withdrawn_ack": "Withdrawal confirmed",
    "offer_coming": "Offer is coming",
    "hired_handoff": "Welcome",
    "sent_in_error": "Sent in error",
}

DELIVERY_WORDS = {
    Delivery.DELIVERED: "delivered",
    Delivery.BOUNCED: "bounced",
    Delivery.DROPPED: "bounced",
}


def state_word(message: Message) -> str:
    """The state as people say it."""
    if message.state is Submission.ACCEPTED:
        return DELIVERY_WORDS.get(message.delivery, "sent")
    return STATE_WORDS[message.state]


def human(word: str) -> str:
    """A word of the database for people: "rejected_after_interview" -> "rejected after interview"."""
    return word.replace("_", " ")


def title(template: str) -> str:
    """A template as recruiters call it."""
    return TITLES.get(template, human(template))


def local(at: datetime | None, workspace_id: str) -> Markup:
    """A moment in the workspace's zone, as <time>; a dash where there is none."""
    if at is None:
        return Markup("&ndash;")
    shown = at.astimezone(ZoneInfo(_zones().get(workspace_id, "UTC")))
    text = f"{shown:%a} {shown.day} {shown:%b %Y, %H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), escape(text))


def since(at: datetime | None) -> str:
    """How long ago, in the largest unit that says it."""
    if at is None:
        return ""
    minutes = int((g.now - at).total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 0)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def promise_word(due: datetime | None) -> tuple[str, str]:
    """(class, words) for a promised date: late, soon or nothing special."""
    if due is None:
        return "", "no date given"
    days = (due.date() - g.now.date()).days
    if due < g.now:
        late = max(-days, 1)
        return "late", f"{late} day{'s' if late > 1 else ''} late"
    if days <= 1:
        return "soon", "today" if days == 0 else "tomorrow"
    return "", f"in {days} days"


def _zones() -> dict[str, str]:
    if "zones" not in g:
        flow: Flow = current_app.extensions["flow"]
        with flow.db.read() as tx:
            g.zones = {workspace.id: workspace.zone for workspace in list_workspaces(tx)}
    zones: dict[str, str] = g.zones
    return zones


def _shell() -> dict[str, Any]:
    """What the frame around every page shows."""
    person = g.get("person")
    paused = []
    if person is not None:
        flow: Flow = current_app.extensions["flow"]
        with flow.db.read() as tx:
            paused = [(row.scope, row.why) for row in pauses(tx) if _concerns(row.scope, person.workspaces)]
    return {"person": person, "paused": paused, "csrf_token": generate_csrf}


def _concerns(scope: str, workspaces: list[str]) -> bool:
    return not scope.startswith("workspace:") or scope.removeprefix("workspace:") in workspaces


def add(app: Flask) -> None:
    """Register everything here with the templates of `app`."""
    app.jinja_env.filters.update(
        state_word=state_word, human=human, title_of=title, local=local, since=since, promise_word=promise_word
    )
    app.context_processor(_shell)

    @app.before_request
    def note_time() -> None:
        flow: Flow = app.extensions["flow"]
        g.now = flow.clock()
