"""Write a planned message down, with the values its wording needs.

Dates are not among the kept values: "you will hear by Friday" depends on when the message leaves, so it is computed for
the moment it is due and computed again if it leaves later than that.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from notifier.core.errors import NotFound
from notifier.core.message import Submission
from notifier.core.rule import Mode, hold_text, parse_hold
from notifier.decide import timing
from notifier.decide.plan import Draft
from notifier.deliver import phrases
from notifier.deliver.placeholders import names
from notifier.deliver.template import Rendered, Template, parse, placeholders, render
from notifier.flow.parts import Flow
from notifier.store import messages, people, stages, wording
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.workspaces import Workspace, get_workspace

#: Placeholders computed for the moment a message leaves.
DATED = frozenset({"next_update_by", "pick_by"})

#: Working days a candidate has for choosing an interview time.
PICK_WITHIN = 3

#: What is written where a candidate's own language has no template.
FALLBACK_LANGUAGE = "en"


def write(flow: Flow, tx: Tx, row: Application, draft: Draft, *, actor: str, ordinal: int = 1) -> Message:
    """Add the drafted message. One that would leave by itself but misses a value is held with the value's name."""
    workspace = get_workspace(tx, row.workspace_id)
    candidate = tx.session.get(people.Candidate, row.candidate_id) if row.candidate_id else None
    template = choose_template(flow, draft.template, candidate.language if candidate is not None else "")
    values = gather(tx, row, candidate, workspace, template.language)
    state, reason, due_at = draft.state, draft.reason, draft.due_at
    missing = sorted(placeholders(template) - DATED - values.keys())
    if missing and state is Submission.SCHEDULED:
        state, reason, due_at = Submission.HELD, "missing_value: " + ", ".join(missing), None
    message = Message(
        workspace_id=row.workspace_id,
        application_id=row.id,
        version=draft.version,
        purpose=draft.purpose,
        template=template.key,
        language=template.language,
        template_id=wording.keep_template(tx, template.key, template.language, template.digest, template.source),
        ordinal=ordinal,
        mode=draft.mode,
        hold=hold_text(draft.hold),
        window=draft.window,
        state=state,
        reason=reason,
        due_at=due_at,
        urgent_at=row.promise_due or tx.now,
        promise_days=draft.promise_days,
        promise_due=promise_due(draft.promise_days, due_at, workspace.zone),
        placeholders=messages.seal_values(tx, values),
        fence=0,
        attempts=0,
        tries=0,
        approved_by="",
        provider="",
        provider_id="",
        message_id_header="",
        complained=False,
        replied=False,
    )
    return messages.add(tx, message, actor=actor)


def choose_template(flow: Flow, key: str, language: str) -> Template:
    """The wording in the candidate's language, else in English."""
    try:
        return flow.library.get(key, language or FALLBACK_LANGUAGE)
    except NotFound:
        return flow.library.get(key, FALLBACK_LANGUAGE)


def gather(
    tx: Tx, row: Application, candidate: people.Candidate | None, workspace: Workspace, language: str
) -> dict[str, str]:
    """Every value we know; unknown ones are absent, never empty."""
    job = tx.session.get(stages.JobRow, row.job_id) if row.job_id else None
    owner = tx.session.get(people.Owner, row.owner_id) if row.owner_id else None
    values = {
        "first_name": phrases.greeting_name(
            candidate.first_name if candidate is not None else "",
            language,
            full_name=candidate.name if candidate is not None else "",
        ),
        "company": workspace.name,
        "job": job.title if job is not None else "",
        "owner_name": owner.name if owner is not None else workspace.sender,
        "stage_phrase": phrases.stage_phrase(row.kind, language),
        "interview_count_phrase": phrases.interview_count_phrase(None, language),
    }
    if row.promise_due is not None:
        values["old_date"] = phrases.day(_last_day(row.promise_due, workspace.zone), language)
    return {name: value for name, value in values.items() if value}


def promise_due(days: int | None, leaves_at: datetime | None, zone: str) -> datetime | None:
    """The moment (UTC) at which a promise of so many working days is broken, for a message leaving at `leaves_at`."""
    if days is None or leaves_at is None:
        return None
    return timing.end_of_day(timing.promise_day(leaves_at, days, zone), zone)


def _last_day(due: datetime, zone: str) -> date:
    return (due - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=512)
def _parsed(source: str, key: str, language: str) -> Template:
    return parse(source, key=key, language=language)


def template_of(tx: Tx, message: Message) -> Template:
    """The very wording the message was planned with."""
    kept = tx.session.get_one(wording.TemplateVersion, message.template_id)
    return _parsed(kept.source, kept.key, kept.language)


def missing_values(tx: Tx, message: Message, more: Mapping[str, str] | None = None) -> list[str]:
    """The placeholders a person must still fill in."""
    known = {name for name, value in (messages.open_values(tx, message) | dict(more or {})).items() if value.strip()}
    return sorted(placeholders(template_of(tx, message)) - DATED - known)


def rendered(
    tx: Tx, message: Message, workspace: Workspace, leaves_at: datetime, also: Sequence[Message] = ()
) -> Rendered:
    """The two lines as they would leave at `leaves_at`, naming the jobs of `also` as well. Raises TemplateFault for a
    missing value, or where the jobs do not fit."""
    values = _values_at(tx, message, workspace, leaves_at)
    jobs = [messages.open_values(tx, one).get("job", "") for one in also]
    return render(template_of(tx, message), values, jobs=[values.get("job", ""), *jobs] if jobs else ())


def say_the_same(tx: Tx, one: Message, other: Message, workspace: Workspace, leaves_at: datetime) -> bool:
    """Whether both have one wording whose lines name the job, and would leave with the same words but for that."""
    template = template_of(tx, one)
    if other.template_id != one.template_id or "job" not in names(" ".join(template.lines)):
        return False
    mine, theirs = (_values_at(tx, message, workspace, leaves_at) for message in (one, other))
    return all(mine.get(name) == theirs.get(name) for name in placeholders(template) - {"job"})


def with_gaps(tx: Tx, message: Message, workspace: Workspace, leaves_at: datetime) -> tuple[str, str]:
    """The two lines as far as they are known; a gap shows the name of what is still missing."""
    known = _values_at(tx, message, workspace, leaves_at)
    gaps = {name: f"[{name.replace('_', ' ')}]" for name in placeholders(template_of(tx, message)) - known.keys()}
    if "link" in gaps:
        gaps["link"] = "https://[link]"
    return render(template_of(tx, message), known | gaps).lines


def _values_at(tx: Tx, message: Message, workspace: Workspace, leaves_at: datetime) -> dict[str, str]:
    """The kept values, and the dates as they are for a message that leaves then."""
    values = messages.open_values(tx, message)
    promised = message.promise_due
    if promised is None or promised <= leaves_at:
        promised = promise_due(message.promise_days, leaves_at, workspace.zone)
    if promised is not None:
        values["next_update_by"] = phrases.day(_last_day(promised, workspace.zone), message.language)
    pick_by = timing.promise_day(leaves_at, PICK_WITHIN, workspace.zone)
    values["pick_by"] = phrases.day(pick_by, message.language)
    return values


def renew_promise(tx: Tx, message: Message) -> None:
    """The message leaves so late that the date it was planned with has passed: a new one, counted from now."""
    if message.promise_due is not None and message.promise_due <= tx.now:
        zone = get_workspace(tx, message.workspace_id).zone
        message.promise_due = promise_due(message.promise_days, tx.now, zone)


def schedule(tx: Tx, message: Message, row: Application, *, by: str, reason: str, at_once: bool) -> None:
    """Give a decided message its place in the outbox: hold, window and promise as its rule says."""
    workspace = get_workspace(tx, message.workspace_id)
    due_at = tx.now
    if not at_once:
        due_at = timing.due(tx.now, parse_hold(message.hold), message.window, workspace.zone, row.promise_due)
    message.due_at = due_at
    message.promise_due = promise_due(message.promise_days, due_at, workspace.zone)
    messages.move(tx, message, Submission.SCHEDULED, actor=by, reason=reason)


def release(tx: Tx, row: Application, message: Message, *, actor: str) -> None:
    """What held the message is gone: it goes on by its mode. The values are gathered anew where they were missing."""
    workspace = get_workspace(tx, message.workspace_id)
    candidate = tx.session.get(people.Candidate, row.candidate_id) if row.candidate_id else None
    values = gather(tx, row, candidate, workspace, message.language) | messages.open_values(tx, message)
    message.placeholders = messages.seal_values(tx, values)
    if message.mode is Mode.AUTO or message.approved_by:
        if missing := missing_values(tx, message):
            message.reason, message.due_at = "missing_value: " + ", ".join(missing), None
            tx.session.flush()
            return
        schedule(tx, message, row, by=actor, reason="released", at_once=False)
    else:
        message.due_at = None
        messages.move(tx, message, Submission.AWAITING_APPROVAL, actor=actor, reason="released")


def count_of(tx: Tx, application_id: str, template: str) -> int:
    """How many messages of this template the application has had that were not cancelled."""
    query = sa.select(sa.func.count()).where(
        Message.application_id == application_id,
        Message.template == template,
        Message.state != Submission.CANCELLED,
    )
    return tx.session.execute(query).scalar_one()


def placeholder_names(tx: Tx, message: Message) -> frozenset[str]:
    """The placeholders of the message's wording that a person may fill in."""
    return placeholders(template_of(tx, message)) - DATED
