"""What people and programs read: messages and applications with the names that belong to them.

One join each, keyset-paged, and nothing here writes. The words of `item` are the ledger's: told, pending, held,
in_doubt, open, or none while an application has no outcome.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from notifier.core.errors import NotFound
from notifier.core.inbox import InboxState
from notifier.core.message import NOT_TOLD, Delivery, Purpose, Submission
from notifier.core.stage import Outcome, StageKind
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.messages import Message
from notifier.store.people import Candidate, Owner
from notifier.store.stages import JobRow, Stage


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message and whom it is for."""

    message: Message
    application: Application
    candidate: Candidate | None
    job: JobRow | None
    stage: Stage | None
    owner: Owner | None


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An application, the people around it, and the message that carries its outcome."""

    application: Application
    candidate: Candidate | None
    job: JobRow | None
    stage: Stage | None
    owner: Owner | None
    item: str


#: It was accepted and did not arrive: it tells nobody anything.
CAME_BACK = sa.and_(Message.state == Submission.ACCEPTED, Message.delivery.in_(NOT_TOLD))

#: The message that carries the present outcome of an application.
CARRIER = sa.and_(
    Message.application_id == Application.id,
    Message.purpose == Purpose.OUTCOME,
    Message.version == Application.outcome_version,
    Message.state != Submission.CANCELLED,
    ~CAME_BACK,
)

#: What became of an outcome, as one word.
ITEM = sa.case(
    (Application.outcome == Outcome.NONE, "none"),
    (Message.state == Submission.ACCEPTED, "told"),
    (Message.state.in_([Submission.AWAITING_APPROVAL, Submission.SCHEDULED, Submission.SENDING]), "pending"),
    (Message.state == Submission.HELD, "held"),
    (Message.state == Submission.IN_DOUBT, "in_doubt"),
    (Message.state == Submission.FAILED, "open"),
    (sa.and_(Application.told_at.is_not(None), Application.told_how != "email"), "told"),
    else_="open",
)


#: The provider is still at it, or nothing was ever heard.
PENDING = (Delivery.NONE, Delivery.PROCESSED, Delivery.DEFERRED)

#: Providers try for 72 hours; what they have said nothing final of then is shown, for some days.
NO_NEWS, FORGOTTEN = timedelta(hours=73), timedelta(days=14)

#: Messages that stand still until a person looks at them.
TROUBLE = (Submission.IN_DOUBT, Submission.FAILED)


def _messages() -> sa.Select[Message, Application, Candidate, JobRow, Stage, Owner]:
    return (
        sa.select(Message, Application, Candidate, JobRow, Stage, Owner)
        .join(Application, Application.id == Message.application_id)
        .outerjoin(Candidate, Candidate.id == Application.candidate_id)
        .outerjoin(JobRow, JobRow.id == Application.job_id)
        .outerjoin(Stage, Stage.id == Application.stage_id)
        .outerjoin(Owner, Owner.id == Application.owner_id)
    )


def list_messages(
    tx: Tx,
    workspace_ids: Sequence[str] | None,
    *,
    states: Iterable[Submission] | None = None,
    application_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[MessageView]:
    """Messages, most urgent first. `after` is the id of the last one shown; `workspace_ids` is `None` only for the
    command line."""
    query = _messages().order_by(Message.urgent_at, Message.id).limit(limit)
    if workspace_ids is not None:
        query = query.where(Message.workspace_id.in_(workspace_ids))
    if states is not None:
        query = query.where(Message.state.in_(list(states)))
    if application_id is not None:
        query = query.where(Message.application_id == application_id)
    if after is not None:
        last = tx.session.get(Message, after)
        if last is not None and (workspace_ids is None or last.workspace_id in workspace_ids):
            query = query.where(sa.tuple_(Message.urgent_at, Message.id) > (last.urgent_at, last.id))
    return [MessageView(*row) for row in tx.session.execute(query).all()]


def get_message_view(tx: Tx, workspace_ids: Sequence[str] | None, message_id: str) -> MessageView:
    """One message with its people, or NotFound."""
    query = _messages().where(Message.id == message_id)
    if workspace_ids is not None:
        query = query.where(Message.workspace_id.in_(workspace_ids))
    row = tx.session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no message {message_id}")
    return MessageView(*row)


def count_messages(tx: Tx, workspace_ids: Sequence[str], states: Iterable[Submission], *, cap: int = 1000) -> int:
    """How many there are, counted no further than `cap`."""
    inner = sa.select(Message.id).where(Message.workspace_id.in_(workspace_ids), Message.state.in_(list(states)))
    return tx.session.execute(sa.select(sa.func.count()).select_from(inner.limit(cap).subquery())).scalar_one()


#: What came back and is still owed: the outcome it carried stands open, or somebody has to find another way. An
#: outcome told by hand since, or written again, is settled.
STILL_OWED = sa.and_(
    # The condition of `ix_messages_came_back` in its own words, which is how an index of few rows is found; and no word
    # of the state, which would lead to the index of everything that was ever accepted.
    sa.text("messages.delivery IN ('bounced', 'dropped')"),
    sa.cast(Message.state, sa.String) == Submission.ACCEPTED.value,
    sa.case(
        (Message.purpose == Purpose.OUTCOME, sa.and_(Application.open_reason == "came_back",
                                                     Message.version == Application.outcome_version)),
        else_=sa.and_(Application.outcome == Outcome.NONE, Application.owed_since.is_not(None)),
    ),
)  # fmt: skip


def list_bounced(tx: Tx, workspace_ids: Sequence[str], *, limit: int = 50) -> list[MessageView]:
    """Messages that were accepted and came back, and whose candidates have not been told since."""
    query = _messages().where(Message.workspace_id.in_(workspace_ids), STILL_OWED)
    rows = tx.session.execute(query.order_by(Message.urgent_at, Message.id).limit(limit)).all()
    return [MessageView(*row) for row in rows]


def list_no_news(
    tx: Tx, workspace_ids: Sequence[str], providers: Sequence[str], *, limit: int = 50
) -> list[MessageView]:
    """Messages that a provider which reports has taken days ago and said nothing final of: nobody knows whether they
    arrived. They are never sent again by themselves, and leave the list when the provider would have given up long
    since."""
    query = _messages().where(
        Message.workspace_id.in_(workspace_ids),
        Message.state == Submission.ACCEPTED,
        Message.provider.in_(providers),
        Message.delivery.in_(PENDING),
        Message.accepted_at.between(tx.now - FORGOTTEN, tx.now - NO_NEWS),
    )
    rows = tx.session.execute(query.order_by(Message.accepted_at, Message.id).limit(limit)).all()
    return [MessageView(*row) for row in rows]


def count_overdue(tx: Tx, workspace_ids: Sequence[str], now: datetime, *, cap: int = 1000) -> tuple[int, int]:
    """(how many people wait for a decision, how many of them are past the date they were given), both capped.

    People and not messages: two messages to one candidate are one person who waits.
    """
    person = sa.func.coalesce(Application.candidate_id, Application.id)
    waiting = (
        sa.select(person)
        .join(Message, Message.application_id == Application.id)
        .where(Message.workspace_id.in_(workspace_ids), Message.state == Submission.AWAITING_APPROVAL)
        .distinct()
    )
    late = waiting.where(Application.promise_due < now)
    counts = [sa.select(sa.func.count()).select_from(query.limit(cap).subquery()) for query in (waiting, late)]
    return tx.session.execute(counts[0]).scalar_one(), tx.session.execute(counts[1]).scalar_one()


def next_to_leave(tx: Tx, workspace_ids: Sequence[str]) -> MessageView | None:
    """The message that leaves by itself before all others, if any does."""
    query = _messages().where(Message.workspace_id.in_(workspace_ids), Message.state == Submission.SCHEDULED)
    row = tx.session.execute(query.order_by(Message.due_at, Message.id).limit(1)).one_or_none()
    return MessageView(*row) if row is not None else None


def count_without_owner(tx: Tx, workspace_ids: Sequence[str], *, cap: int = 1000) -> int:
    """How many applications under way nobody answers for, counted no further than `cap`."""
    inner = sa.select(Application.id).where(
        Application.workspace_id.in_(workspace_ids),
        Application.outcome == Outcome.NONE,
        Application.owner_id.is_(None),
        Application.deleted_at.is_(None),
    )
    return tx.session.execute(sa.select(sa.func.count()).select_from(inner.limit(cap).subquery())).scalar_one()


def count_trouble(tx: Tx, workspace_ids: Sequence[str], *, cap: int = 1000) -> int:
    """How many things stand on the trouble page: doubts, failures, bounces, open outcomes, unmapped stages, webhooks
    nobody could read. Each kind is counted no further than `cap`."""
    # An outcome whose mail came back stands open, so it is counted there.
    owed_otherwise = sa.and_(STILL_OWED, Message.purpose == Purpose.STATUS)
    left_open = sa.and_(Application.outcome != Outcome.NONE, Application.open_reason != "")
    queries = (
        sa.select(Message.id).where(Message.workspace_id.in_(workspace_ids), Message.state.in_(TROUBLE)),
        sa.select(Message.id)
        .join(Application, Application.id == Message.application_id)
        .where(Message.workspace_id.in_(workspace_ids), owed_otherwise),
        sa.select(Application.id).where(Application.workspace_id.in_(workspace_ids), left_open),
        sa.select(Stage.id).where(Stage.workspace_id.in_(workspace_ids), Stage.kind == StageKind.UNMAPPED),
        sa.select(InboxItem.id).where(
            InboxItem.workspace_id.in_(workspace_ids), InboxItem.state == InboxState.QUARANTINED
        ),
    )
    counts = (sa.select(sa.func.count()).select_from(query.limit(cap).subquery()) for query in queries)
    return min(cap, sum(tx.session.execute(count).scalar_one() for count in counts))


def _applications() -> sa.Select[Application, Candidate, JobRow, Stage, Owner, str]:
    return (
        sa.select(Application, Candidate, JobRow, Stage, Owner, ITEM.label("item"))
        .outerjoin(Candidate, Candidate.id == Application.candidate_id)
        .outerjoin(JobRow, JobRow.id == Application.job_id)
        .outerjoin(Stage, Stage.id == Application.stage_id)
        .outerjoin(Owner, Owner.id == Application.owner_id)
        .outerjoin(Message, CARRIER)
    )


def list_applications(
    tx: Tx,
    workspace_ids: Sequence[str] | None,
    *,
    external_id: str | None = None,
    item: str | None = None,
    open_only: bool = False,
    limit: int = 1000,
) -> list[ApplicationView]:
    """Applications, oldest first; `item` is one of the ledger's words, `open_only` those that stand open without any
    message on its way."""
    query = _applications().order_by(Application.id).limit(limit)
    if workspace_ids is not None:
        query = query.where(Application.workspace_id.in_(workspace_ids))
    if external_id is not None:
        query = query.where(Application.external_id == external_id)
    if item is not None:
        query = query.where(ITEM == item)
    if open_only:
        query = query.where(Application.outcome != Outcome.NONE, Application.open_reason != "")
    return [ApplicationView(*row) for row in tx.session.execute(query).all()]


def get_application_view(tx: Tx, workspace_ids: Sequence[str] | None, application_id: str) -> ApplicationView:
    """One application with its people, or NotFound."""
    query = _applications().where(Application.id == application_id)
    if workspace_ids is not None:
        query = query.where(Application.workspace_id.in_(workspace_ids))
    row = tx.session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"no application {application_id}")
    return ApplicationView(*row)
