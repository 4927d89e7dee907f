"""How pages say times and states: words first, colour never alone."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from notifier.core.message import Delivery, Submission
from notifier.core.rule import Hold, Window, parse_hold
from notifier.flow.parts import Flow
from notifier.store.messages import Message
from notifier.store.workspaces import list_workspaces
from notifier.web.auth import MAY_DECIDE, MAY_MANAGE
from notifier.web.dashboard.notices import notices

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


def leaves_words(message: Message) -> str:
    """What approving this message now leads to, in a sentence."""
    hold = parse_hold(message.hold)
    wait = message.hold if hold.working_days else f"{hold.minutes} min"
    when = f"{wait} after that" if hold != Hold() else "at once"
    return f"It leaves {when}{'' if message.window is Window.ANY else ', in working hours'}."


def local(at: datetime | None, workspace_id: str) -> Markup:
    """A moment in the workspace's zone, as <time>; a dash where there is none."""
    if at is None:
        return Markup("&ndash;")
    shown = at.astimezone(_zone(workspace_id))
    return _time(at, f"{shown:%a} {shown.day} {shown:%b %Y, %H:%M}")


def day(at: datetime, workspace_id: str) -> Markup:
    """The day of a moment in the workspace's zone, as <time>: what a promised date is to the candidate."""
    shown = at.astimezone(_zone(workspace_id))
    return _time(at, f"{shown:%a} {shown.day} {shown:%b}")


def today(workspace_id: str) -> str:
    """Today in the workspace's zone, as date fields want it: "2026-11-24"."""
    now: datetime = g.now
    return now.astimezone(_zone(workspace_id)).date().isoformat()


def since(at: datetime | None) -> Markup:
    """How long ago, in the largest unit that says it, as <time>."""
    if at is None:
        return Markup("&ndash;")
    minutes = max(int((g.now - at).total_seconds() // 60), 0)
    if minutes < 60:
        return _time(at, f"{minutes} min")
    return _time(at, f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d")


def promise_word(due: datetime | None, workspace_id: str) -> tuple[str, str]:
    """(class, words) for a promised date: late, soon or nothing special. Days are the workspace's: the date that the
    candidate was given is a day there, and ends while another day may have begun in Greenwich."""
    if due is None:
        return "", "no date given"
    zone = _zone(workspace_id)
    days = (due.astimezone(zone).date() - g.now.astimezone(zone).date()).days
    if due < g.now:
        late = max(-days, 1)
        return "late", f"{late} day{'s' if late > 1 else ''} late"
    if days <= 1:
        return "soon", "today" if days == 0 else "tomorrow"
    return "", f"in {days} days"


def actor_word(actor: str, people: dict[str, str]) -> str:
    """Who did it, as people say it; `people` are the addresses of users."""
    if actor == g.person.id:
        return "you"
    if actor.startswith("usr_"):
        return people.get(actor, "somebody who has left")
    return {"system": "by itself", "ats": "the ATS"}.get(actor.partition(":")[0], actor.partition(":")[2] or actor)


def _time(at: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), text)


def _zone(workspace_id: str) -> ZoneInfo:
    if "zones" not in g:
        flow: Flow = current_app.extensions["flow"]
        with flow.db.read() as tx:
            g.zones = {workspace.id: ZoneInfo(workspace.zone) for workspace in list_workspaces(tx)}
    zone: ZoneInfo = g.zones[workspace_id]
    return zone


def _shell() -> dict[str, Any]:
    """What every template may use. Functions where the database is asked, because an error page must not ask it."""
    person = g.get("person")
    return {
        "person": person,
        "notices": notices,
        "today": today,
        "csrf_token": generate_csrf,
        "may_decide": lambda workspace_id: person.may(MAY_DECIDE, workspace_id),
        "may_manage": lambda workspace_id: person.may(MAY_MANAGE, workspace_id),
    }


def add(app: Flask) -> None:
    """Register everything here with the templates of `app`."""
    app.jinja_env.filters.update(
        state_word=state_word,
        human=human,
        title_of=title,
        leaves_words=leaves_words,
        local=local,
        day=day,
        since=since,
        promise_word=promise_word,
        actor_word=actor_word,
    )
    app.context_processor(_shell)
