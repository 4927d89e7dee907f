"""Let due messages leave: claim, compose, fence, call, result. No transaction is open during a call.

A batch is claimed at once; then as many as may be in flight are fenced together, called together and concluded
together, so that a crash puts at most that many e-mails in doubt. Several outcomes that one person is due on one day
share an e-mail (`flow.joining`).
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from notifier.core.answer import Answer, Unknown
from notifier.core.errors import DatabaseAway, Refused, TemplateFault
from notifier.core.message import Purpose, Submission
from notifier.decide import timing
from notifier.decide.doubt import LATEST
from notifier.decide.plan import COMPLAINED
from notifier.deliver.email import Email
from notifier.flow import conclude, drafting, joining
from notifier.flow.parts import Flow
from notifier.store import messages, people, sources, submission, tries
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message
from notifier.store.submission import Result
from notifier.store.workspaces import get_workspace

log = structlog.get_logger()

#: Seconds between tries of writing a result down. If all fail, the lease ends and the message is in doubt.
WRITE_AGAIN = (0.2, 1.0, 3.0)

#: Seconds a batch may take where MAIL_RATE slows it down.
MOST_SECONDS = 10

#: What only informs and could not leave for so long is old news: a person decides whether it is still true.
STALE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Ready:
    """An e-mail, composed, with the messages that travel in it and their attempts, that of its own message first."""

    email: Email
    attempts: tuple[str, ...]
    messages: frozenset[str]


def send_batch(flow: Flow, limit: int = 100) -> int:
    """Hand over up to `limit` due messages; returns how many were claimed. 0 means that nothing is due."""
    with flow.db.begin() as tx:
        claimed = submission.claim(tx, min(limit, _allowance(flow, tx, limit)), flow.provider.name)
        ready = _compose(flow, tx, claimed)
    size = max(1, flow.provider.in_flight)
    for start in range(0, len(ready), size):
        _hand_over(flow, ready[start : start + size])
    return len(claimed)


def _allowance(flow: Flow, tx: Tx, limit: int) -> int:
    """How many may be claimed now under MAIL_RATE, whatever other workers claim: what is claimed must also leave well
    within its lease. Two workers that look at the same moment may overrun it once; the mean holds."""
    rate = flow.settings.mail_rate
    if not rate:
        return limit
    window = max(MOST_SECONDS, 1 / rate)
    begun = tries.begun_since(tx, flow.provider.name, tx.now - timedelta(seconds=window))
    return min(limit, max(0, round(rate * window) - begun))


def _compose(flow: Flow, tx: Tx, claimed: Sequence[Message]) -> list[Ready]:
    """The last look: still allowed, still in the window, nothing missing. What fails it goes back with its reason."""
    ready: list[Ready] = []
    others = joining.near(tx, claimed)
    travelling: set[str] = set()
    for message in claimed:
        if message.id in travelling:
            continue
        application = tx.session.get_one(Application, message.application_id)
        try:
            back = _last_look(flow, tx, message, application)
            if back is None:
                near = [one for one in others.get(message.id, ()) if one.id not in travelling]
                company = joining.company(flow, tx, message, application, near)
                if company.come_again is None:
                    ready.append(_letter(flow, tx, message, application, company.members))
                    travelling |= ready[-1].messages
                    continue
                back = _come_again(message, "waits_for_companion", company.come_again)
        except (TemplateFault, Refused) as fault:
            back = Result(message.attempt_id or "", Submission.HELD, "not_sent", f"wording: {fault}")
        except DBAPIError:
            raise  # the transaction is lost, and with it the claim
        except Exception as fault:
            # One poisonous message must not keep the others from leaving; after some tries it is set aside.
            log.exception("message.broken", message=message.id)
            back = conclude.broken(message, type(fault).__name__, tx.now)
        submission.conclude(tx, message, back)
    return ready


def _letter(flow: Flow, tx: Tx, message: Message, application: Application, members: Sequence[Message]) -> Ready:
    """The e-mail of a message, with those of its company in it that may leave as well. These are taken along last of
    all, so that whatever fails concerns this message only."""
    attempt = message.attempt_id or ""
    allowed = [
        one for one in members if _last_look(flow, tx, one, tx.session.get_one(Application, one.application_id)) is None
    ]
    drafting.renew_promise(tx, message)
    email, along = joining.compose(flow, tx, message, application, allowed)
    for one in (message, *along):
        drafting.renew_promise(tx, one)
        messages.keep_snapshot(tx, one, asdict(email))
    submission.take(tx, [one for one in along if one.state is Submission.SCHEDULED], flow.provider.name)
    submission.join(tx, along, attempt)
    everyone = (message, *along)
    return Ready(email, tuple(one.attempt_id or "" for one in everyone), frozenset(one.id for one in everyone))


def _come_again(message: Message, why: str, at: datetime) -> Result:
    return Result(message.attempt_id or "", Submission.SCHEDULED, "not_sent", why, due_at=at)


def _last_look(flow: Flow, tx: Tx, message: Message, application: Application) -> Result | None:
    attempt = message.attempt_id or ""
    candidate = tx.session.get(people.Candidate, application.candidate_id) if application.candidate_id else None
    obstacle = people.reach(tx, candidate).obstacle if candidate is not None else "unknown_candidate"
    if candidate is not None and candidate.complained_at is not None and not _decided_since(message, candidate):
        obstacle = obstacle or COMPLAINED
    if obstacle:
        return Result(attempt, Submission.HELD, "not_sent", obstacle)
    age = tx.now - min(tries.first_try(tx, message), message.due_at or tx.now)
    # What a rule sends again was judged by what the feed said within a day; a pause or a window may have outlasted it.
    by_rule = message.sent_again > 0 and not message.approved_by
    if message.purpose is Purpose.STATUS and age > (LATEST if by_rule else STALE):
        return Result(attempt, Submission.HELD, "not_sent", "too_late")
    source = sources.get_source(tx, message.workspace_id, application.source_id)
    if flow.settings.shadow or source.sending == "shadow":
        return Result(attempt, Submission.HELD, "not_sent", "shadow")
    zone = get_workspace(tx, message.workspace_id).zone
    promised = application.promise_due
    late = promised is not None and promised <= timing.next_open(tx.now, message.window, zone)
    if not message.approved_by and not late and not timing.is_open(tx.now, message.window, zone):
        opens = timing.next_open(tx.now, message.window, zone)
        return _come_again(message, "outside_window", opens)
    return None


def _decided_since(message: Message, candidate: people.Candidate) -> bool:
    """Whether a person wants this to leave although the candidate complained."""
    return message.approved_at is not None and message.approved_at > (candidate.complained_at or message.approved_at)


def _hand_over(flow: Flow, chunk: Sequence[Ready]) -> None:
    started = time.monotonic()
    with flow.db.begin() as tx:
        allowed = submission.submit(tx, [attempt_id for ready in chunk for attempt_id in ready.attempts])
    going = [ready for ready in chunk if ready.attempts[0] in allowed]
    # A process that was stopped between the commit and this line for longer than the lease must not call any more.
    if time.monotonic() - started > submission.CALL_LIMIT.total_seconds():
        return
    answers = _call(flow, going)
    refused = [attempt_id for ready in chunk for attempt_id in ready.attempts if attempt_id not in allowed]
    _write(flow, answers, refused)
    if flow.settings.mail_rate:
        time.sleep(max(0.0, len(going) / flow.settings.mail_rate - (time.monotonic() - started)))


def _call(flow: Flow, going: Sequence[Ready]) -> dict[str, Answer]:
    """The answer to each e-mail, for every attempt that was made with it."""
    if len(going) == 1:
        answers = [_one(flow, going[0].email)]
    else:
        answers = list(flow.callers.map(lambda ready: _one(flow, ready.email), going))
    return {attempt_id: answer for ready, answer in zip(going, answers, strict=True) for attempt_id in ready.attempts}


def _one(flow: Flow, email: Email) -> Answer:
    try:
        return flow.provider.send(email)
    except Exception as fault:  # a provider promises not to raise; if one does, nobody knows what left
        log.exception("provider.raised", provider=flow.provider.name, message=email.mid)
        return Unknown(type(fault).__name__)


def _write(flow: Flow, answers: dict[str, Answer], refused: Sequence[str]) -> None:
    for pause in (*WRITE_AGAIN, None):
        try:
            with flow.db.begin() as tx:
                conclude.write_answers(flow, tx, answers)
                conclude.give_back(tx, refused)
            return
        except DatabaseAway:
            if pause is None:
                raise
            time.sleep(pause)
