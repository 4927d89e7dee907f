"""`notifier message`: the outbox, and what people decide about it."""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

import click

from notifier.cli.context import ACTOR, Group, Limit, as_json, checked, only_in, whole_flow
from notifier.cli.printing import moment, printable, show_list, show_one
from notifier.cli.times import Moment
from notifier.core.errors import NotFound, Refused, TemplateFault
from notifier.core.message import Submission
from notifier.deliver.email import Email
from notifier.flow import doubts, drafting, settle
from notifier.flow.envelope import letter
from notifier.flow.parts import Flow
from notifier.store import audit, messages, people
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.submission import attempts_of
from notifier.store.views import MessageView, get_message_view, list_messages
from notifier.store.workspaces import get_workspace

#: What tables for people show.
COLUMNS = ("id", "application_external_id", "template", "state", "reason", "due_at")
HISTORY = ("at", "actor", "before", "after", "reason")
CALLS = ("at", "provider", "outcome", "why", "provider_id")


@click.group(cls=Group)
def message() -> None:
    """Messages: what was sent, what waits, and for whom."""


def _record(tx: Tx, view: MessageView, email: Email | None) -> dict[str, object]:
    row = view.message
    return {
        "id": row.id,
        "application": row.application_id,
        "application_external_id": view.application.external_id,
        "template": row.template,
        "language": row.language,
        "to": email.to_address if email is not None else _address(tx, view),
        "subject": email.subject if email is not None else _subject(tx, view),
        "state": row.state.value,
        "delivery": row.delivery.value,
        "reason": row.reason,
        "note": messages.open_note(tx, row),
        "due_at": moment(row.due_at),
        "accepted_at": moment(row.accepted_at),
        "attempts": row.attempts,
    }


def _email(flow: Flow, tx: Tx, view: MessageView) -> Email | None:
    """The e-mail as it left or would leave; nothing where a value or an address is missing."""
    try:
        return letter(flow, tx, view.message, view.application)
    except (TemplateFault, Refused):
        return None


def _address(tx: Tx, view: MessageView) -> str | None:
    return (people.reach(tx, view.candidate).address or None) if view.candidate is not None else None


def _subject(tx: Tx, view: MessageView) -> str | None:
    """The subject of what has no address yet; nothing where a value is missing."""
    workspace = get_workspace(tx, view.message.workspace_id)
    try:
        return drafting.rendered(tx, view.message, workspace, tx.now).subject
    except TemplateFault:
        return None


@message.command("list")
@click.option("--application", "application_id", metavar="ID", help="Only this application's (our id).")
@click.option("--state", type=click.Choice([state.value for state in Submission]))
@only_in
@click.option("--limit", type=Limit, default=100_000, show_default=True)
@as_json
def list_all(
    application_id: str | None, state: str | None, workspace_id: str | None, limit: int, json_wanted: bool
) -> None:
    """List the messages, most urgent first."""
    states = [Submission(state)] if state else None
    with whole_flow() as flow, flow.db.read() as tx:
        narrowed = checked(tx, workspace_id)
        views = list_messages(tx, narrowed, states=states, application_id=application_id, limit=limit)
        records = [_record(tx, view, _email(flow, tx, view)) for view in views]
    show_list(records, COLUMNS, json_wanted=json_wanted, limit=limit)


@message.command("show")
@click.argument("message_id", metavar="ID")
@as_json
def show(message_id: str, json_wanted: bool) -> None:
    """Show one message: its text as it left or would leave, and what happened to it."""
    with whole_flow() as flow, flow.db.read() as tx:
        view = get_message_view(tx, None, message_id)
        email = _email(flow, tx, view)
        record = _record(tx, view, email)
        record["text"] = email.text if email is not None else None
        record["html"] = email.html if email is not None else None
        record["missing"] = drafting.missing_values(tx, view.message)
        record["history"] = _history(tx, view.message)
        record["calls"] = _calls(tx, view.message)
    if json_wanted:
        show_one(record, json_wanted=True)
    else:
        _show_page(record, email)


def _history(tx: Tx, row: Message) -> list[dict[str, str | None]]:
    """Every change of its state, oldest first."""
    return [
        {"at": moment(it.at), "actor": it.actor, "before": it.before, "after": it.after, "reason": it.reason}
        for it in audit.history(tx, row.workspace_id, row.id)
    ]


def _calls(tx: Tx, row: Message) -> list[dict[str, str | None]]:
    """Every attempt to hand it over: the evidence for whoever settles a doubt."""
    return [
        {
            "at": moment(it.started_at),
            "provider": it.provider,
            "outcome": it.outcome,
            "why": it.why,
            "provider_id": it.provider_id,
        }
        for it in attempts_of(tx, row.workspace_id, row.id)
    ]


def _show_page(record: dict[str, object], email: Email | None) -> None:
    """For people: the fields, the text, what happened."""
    apart = {"text", "html", "history", "calls"}
    show_one({name: value for name, value in record.items() if name not in apart}, json_wanted=False)
    if email is not None:
        click.echo("\n" + "\n".join(printable(line) for line in email.text.splitlines()))
    for title, columns in (("history", HISTORY), ("calls", CALLS)):
        rows = record[title]
        if isinstance(rows, list) and rows:
            click.echo()
            show_list(rows, columns, json_wanted=False)


def _decide(ids: tuple[str, ...], json_wanted: bool, decide: Callable[[Flow, str], object]) -> None:
    """Try all of them, and print those that there are as they are then; exit 1 if one was refused."""
    records = []
    refused = False
    with whole_flow() as flow:
        for message_id in dict.fromkeys(ids):
            try:
                decide(flow, message_id)
            except (Refused, NotFound) as fault:
                refused = True
                click.echo(f"{message_id}: {fault}", err=True)
        with flow.db.read() as tx:
            for message_id in dict.fromkeys(ids):
                with contextlib.suppress(NotFound):
                    view = get_message_view(tx, None, message_id)
                    records.append(_record(tx, view, _email(flow, tx, view)))
    if records or json_wanted:
        show_list(records, COLUMNS, json_wanted=json_wanted)
    if refused:
        raise click.exceptions.Exit(1)


def _values(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    del context, parameter
    for word in given:
        if not word.partition("=")[1]:
            raise click.BadParameter(f"{word!r}: write NAME=TEXT")
    return dict(word.split("=", 1) for word in given)


def _when(flow: Flow, given: datetime | timedelta | None, *, sign: int) -> datetime | None:
    """The moment that was given, or that far from the database's now."""
    return flow.clock() + sign * given if isinstance(given, timedelta) else given


many = click.argument("ids", nargs=-1, required=True, metavar="ID...")


@message.command()
@many
@click.option("--value", "values", multiple=True, callback=_values, help="NAME=TEXT for a missing placeholder.")
@click.option("--now", is_flag=True, help="Without its hold and outside its window.")
@as_json
def approve(ids: tuple[str, ...], values: dict[str, str], now: bool, json_wanted: bool) -> None:
    """Let messages leave after their hold."""
    _decide(ids, json_wanted, lambda flow, one: settle.approve(flow, None, one, by=ACTOR, values=values, now=now))


@message.command()
@many
@click.option("--until", type=Moment(), help="A moment with its offset, or 2h, 3d from now. Without it: for good.")
@click.option("--why", default="", help="A note for the team, kept with the message.")
@as_json
def hold(ids: tuple[str, ...], until: datetime | timedelta | None, why: str, json_wanted: bool) -> None:
    """Keep messages back; also takes an approval back before they leave."""

    def decide(flow: Flow, one: str) -> None:
        settle.hold(flow, None, one, by=ACTOR, why=why, until=_when(flow, until, sign=1))

    _decide(ids, json_wanted, decide)


@message.command()
@many
@click.option("--why", default="", help="A note for the team, kept with the message.")
@as_json
def cancel(ids: tuple[str, ...], why: str, json_wanted: bool) -> None:
    """Do not send messages. A candidate with an outcome stays on the list until they are told."""
    _decide(ids, json_wanted, lambda flow, one: settle.cancel(flow, None, one, by=ACTOR, why=why))


@message.command()
@many
@as_json
def arrived(ids: tuple[str, ...], json_wanted: bool) -> None:
    """Messages in doubt did arrive: somebody knows it. They count as sent from now on."""
    _decide(ids, json_wanted, lambda flow, one: doubts.arrived(flow, None, one, by=ACTOR))


@message.command()
@many
@as_json
def again(ids: tuple[str, ...], json_wanted: bool) -> None:
    """Send messages in doubt once more. A candidate may get them twice, so look at the provider first.

    Only what informs: for a rejection, an offer or whatever else people approve, two of them ask on the dashboard.
    """
    _decide(ids, json_wanted, lambda flow, one: doubts.send_again(flow, None, one, by=ACTOR, nameless=True))


@message.command()
@many
@click.option("--how", type=click.Choice(settle.BY_HAND), default="phone", show_default=True)
@click.option("--at", type=Moment(), help="A moment with its offset, or 2h, 1d ago. Without it: now.")
@as_json
def told(ids: tuple[str, ...], how: str, at: datetime | timedelta | None, json_wanted: bool) -> None:
    """The candidates have been told already: no second message."""

    def decide(flow: Flow, one: str) -> None:
        settle.told(flow, None, one, by=ACTOR, how=how, at=_when(flow, at, sign=-1))

    _decide(ids, json_wanted, decide)
