"""Write a message anew, after the first one came back: the same words, another address, and a person's approval."""

from notifier.core.errors import Refused
from notifier.core.message import NOT_TOLD, Purpose, Submission
from notifier.core.rule import Mode, parse_hold
from notifier.core.stage import Outcome
from notifier.decide.plan import Draft
from notifier.flow import drafting
from notifier.flow.parts import Flow
from notifier.store import applications, messages, people, submission
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.messages import Message

#: Why an outcome stands open whose message came back.
CAME_BACK = "came_back"


def returned(tx: Tx, row: Application) -> Message | None:
    """The newest message that should have told the present outcome and came back."""
    if row.outcome is Outcome.NONE or row.open_reason != CAME_BACK:
        return None
    found = [
        message
        for message in messages.of_application(tx, row.id)
        if message.purpose is Purpose.OUTCOME and message.delivery in NOT_TOLD and submission.is_current(message, row)
    ]
    return found[-1] if found else None


def draft(flow: Flow, tx: Tx, row: Application, *, actor: str) -> Message:
    """Draft what came back again; it waits for approval. The application is locked. Raises Refused."""
    message = returned(tx, row)
    if message is None:
        raise Refused("Nothing came back here.")
    candidate = tx.session.get(people.Candidate, row.candidate_id) if row.candidate_id else None
    obstacle = people.reach(tx, candidate).obstacle if candidate is not None else "unknown_candidate"
    if obstacle:
        raise Refused(f"They cannot be written to: {obstacle.replace('_', ' ')}. Correct the address in the ATS.")
    same = [one for one in messages.of_application(tx, row.id) if one.template == message.template]
    again = Draft(
        template=message.template,
        purpose=message.purpose,
        version=message.version,
        mode=Mode.ONE_BY_ONE,
        hold=parse_hold(message.hold),
        window=message.window,
        state=Submission.AWAITING_APPROVAL,
        reason=CAME_BACK,
        due_at=None,
        promise_days=message.promise_days,
    )
    written = drafting.write(flow, tx, row, again, actor=actor, ordinal=max(one.ordinal for one in same) + 1)
    applications.answered(tx, row, actor=actor)
    return written


def write_again(flow: Flow, workspace_id: str | None, application_id: str, *, by: str) -> str:
    """A person asks for it; returns the new message's id. Raises Refused and NotFound."""
    with flow.db.begin() as tx:
        row = applications.get_application(tx, workspace_id, application_id, lock=True)
        return draft(flow, tx, row, actor=by).id
