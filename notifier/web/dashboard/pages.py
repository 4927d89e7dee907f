"""The queue and its views: who is waiting for what and since when. Looking changes nothing.

Each view is a saved query with an address of its own; an item leaves it when it no longer matches.
"""

from dataclasses import dataclass
from functools import partial

from flask import Blueprint, current_app, g, render_template, request

from notifier.core.errors import Refused, TemplateFault
from notifier.core.message import NOT_TOLD, Submission
from notifier.deliver.email import Email
from notifier.flow import again, doubts, drafting
from notifier.flow.envelope import letter
from notifier.flow.parts import Flow
from notifier.flow.settle import APPROVABLE
from notifier.store import audit, messages, provider_events, submission, users
from notifier.store.audit import AuditEntry
from notifier.store.database import Tx
from notifier.store.views import (
    MessageView,
    count_messages,
    count_overdue,
    count_trouble,
    get_application_view,
    get_message_view,
    list_messages,
    next_to_leave,
)
from notifier.store.workspaces import get_workspace
from notifier.web.auth import MAY_APPROVE, MAY_DECIDE

pages = Blueprint("pages", __name__, template_folder="templates")

#: States of a message in which nobody decides anything about it any more.
TOO_LATE_TO_DECIDE = (Submission.ACCEPTED, Submission.CANCELLED, Submission.SENDING)

#: Rows of a page, and how far counts are counted.
ROWS, CAP = 50, 1000

#: Characters of a value or a note that people type; a link to a video call can be several hundred long.
VALUE_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class View:
    """A view of the queue. `query` says in words what it shows; `empty` what an empty one means."""

    endpoint: str
    title: str
    states: tuple[Submission, ...]
    query: str
    empty: str


VIEWS = (
    View(
        "pages.queue",
        "To approve",
        (Submission.AWAITING_APPROVAL,),
        "messages that need a decision, the most overdue promise first",
        "Nobody is waiting for your decision.",
    ),
    View(
        "pages.outbox",
        "Going out",
        (Submission.SCHEDULED, Submission.SENDING),
        "messages that are decided and have not left; they can still be stopped",
        "Nothing is on its way out.",
    ),
    View(
        "pages.held",
        "On hold",
        (Submission.HELD,),
        "messages held until a date, or until somebody settles what holds them",
        "Nothing is on hold.",
    ),
)


def flow() -> Flow:
    """The flow of this application."""
    found: Flow = current_app.extensions["flow"]
    return found


def tabs(tx: Tx) -> list[tuple[str, str, str]]:
    """(endpoint, title, capped count) of every view."""
    mine = g.person.workspaces
    counts = [(view.endpoint, view.title, count_messages(tx, mine, view.states, cap=CAP)) for view in VIEWS]
    counts.append(("trouble.page", "Trouble", count_trouble(tx, mine, cap=CAP)))
    return [(endpoint, title, f"{CAP - 1}+" if n >= CAP else str(n)) for endpoint, title, n in counts]


def _list(view: View) -> str:
    mine = g.person.workspaces
    after = request.args.get("after", "")
    with flow().db.read() as tx:
        rows = list_messages(tx, mine, states=view.states, after=after or None, limit=ROWS + 1)
        waiting, late = count_overdue(tx, mine, tx.now, cap=CAP)
        return render_template(
            "dashboard/list.html",
            note_of=partial(messages.open_note, tx),
            view=view,
            rows=rows[:ROWS],
            more=rows[ROWS - 1].message.id if len(rows) > ROWS else "",
            tabs=tabs(tx),
            waiting=waiting,
            late=late,
            cap=CAP,
            after=after,
            coming=next_to_leave(tx, mine) if not rows else None,
            nothing_yet=not after and not rows and _is_new(tx),
        )


def _is_new(tx: Tx) -> bool:
    return not list_messages(tx, g.person.workspaces, limit=1)


@pages.get("/")
def queue() -> str:
    """To approve."""
    return _list(VIEWS[0])


@pages.get("/outbox")
def outbox() -> str:
    """Going out."""
    return _list(VIEWS[1])


@pages.get("/held")
def held() -> str:
    """On hold."""
    return _list(VIEWS[2])


@pages.get("/messages/<message_id>")
def message(message_id: str) -> str:
    """One message: the words, why it is here, and what can be done with it."""
    return message_page(message_id)


def message_page(message_id: str, *, refused: str = "") -> str:
    """The page of a message; `refused` says why what was just asked for was not done."""
    with flow().db.read() as tx:
        view = get_message_view(tx, g.person.workspaces, message_id)
        row = view.message
        email, fault = _words(tx, view)
        trail = audit.history(tx, row.workspace_id, row.id)
        current = submission.is_current(row, view.application)
        approvable = row.state in APPROVABLE and current
        attempts = submission.attempts_of(tx, row.workspace_id, row.id)
        came_back = row.state is Submission.ACCEPTED and row.delivery in NOT_TOLD and current
        still_owed = bool(view.application.open_reason or view.application.owed_since)
        person = g.person
        return render_template(
            "dashboard/message.html",
            note_of=partial(messages.open_note, tx),
            view=view,
            email=email,
            fault=fault,
            gaps=_gaps(tx, view) if email is None else (),
            missing=drafting.missing_values(tx, row) if approvable else [],
            approvable=approvable and person.may(MAY_APPROVE, row.workspace_id),
            holdable=row.state in (Submission.AWAITING_APPROVAL, Submission.SCHEDULED)
            and person.may(MAY_APPROVE, row.workspace_id),
            decidable=(row.state not in TOO_LATE_TO_DECIDE or (came_back and still_owed))
            and person.may(MAY_DECIDE, row.workspace_id),
            came_back=came_back,
            resendable=current,
            needs_two=doubts.needs_two(row),
            me=person.id,
            trail=trail,
            people=_people(tx, trail) | users.addresses_of(tx, {attempt.settled_by for attempt in attempts}),
            attempts=attempts,
            reports=provider_events.of_message(tx, row.workspace_id, row.id),
            tabs=tabs(tx),
            limit=VALUE_LIMIT,
            given=request.form,
            refused=refused,
        )


def _people(tx: Tx, trail: list[AuditEntry]) -> dict[str, str]:
    """The addresses of the users in a trail, which names them by id only."""
    return users.addresses_of(tx, {entry.actor for entry in trail})


def _gaps(tx: Tx, view: MessageView) -> tuple[str, str] | tuple[()]:
    try:
        workspace = get_workspace(tx, view.message.workspace_id)
        return drafting.with_gaps(tx, view.message, workspace, tx.now)
    except TemplateFault:
        return ()


def _words(tx: Tx, view: MessageView) -> tuple[Email | None, str]:
    try:
        return letter(flow(), tx, view.message, view.application), ""
    except (TemplateFault, Refused) as fault:
        return None, str(fault)


@pages.get("/applications/<application_id>")
def application(application_id: str) -> str:
    """One application: where it stands and everything that was said about it."""
    return application_page(application_id)


def application_page(application_id: str, *, refused: str = "") -> str:
    """The page of an application; `refused` says why what was just asked for was not done."""
    with flow().db.read() as tx:
        view = get_application_view(tx, g.person.workspaces, application_id)
        rows = messages.of_application(tx, view.application.id)
        trail = audit.history(tx, view.application.workspace_id, application_id)
        return render_template(
            "dashboard/application.html",
            note_of=partial(messages.open_note, tx),
            view=view,
            rows=rows,
            trail=trail,
            people=_people(tx, trail),
            returned=again.returned(tx, view.application) is not None,
            tabs=tabs(tx),
            refused=refused,
        )
