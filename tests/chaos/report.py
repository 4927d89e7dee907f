"""What a chaos run says at its end, and what it adds to the history when something does not hold."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from notifier.core.message import Submission
from notifier.flow.parts import Flow
from notifier.store import audit
from notifier.store.audit import AuditEntry
from notifier.store.submission import attempts_of
from notifier.store.views import list_messages
from tests.chaos.check import Verdict
from tests.chaos.history import History


@dataclass(frozen=True, slots=True)
class Doubts:
    """How many messages were ever in doubt, and how often a doubt ended so."""

    messages: int
    accepted: int
    sent_again: int


def doubts(flow: Flow) -> Doubts:
    """From the audit trail: every doubt that ended in *accepted* was settled by an event or by a late answer."""
    entry = AuditEntry
    with flow.db.read() as tx:
        ever = sa.select(sa.func.count(entry.subject.distinct())).where(entry.after == Submission.IN_DOUBT)
        ends = sa.select(entry.after, sa.func.count()).where(entry.before == Submission.IN_DOUBT).group_by(entry.after)
        messages = tx.session.execute(ever).scalar_one()
        ended = {row[0]: row[1] for row in tx.session.execute(ends)}
    return Doubts(messages, ended.get(Submission.ACCEPTED, 0), ended.get(Submission.SCHEDULED, 0))


def tell_of(flow: Flow, history: History, addresses: Iterable[str]) -> None:
    """Write the whole story of the messages to these addresses into the history: changes and attempts."""
    wanted = set(addresses)
    with flow.db.read() as tx:
        for view in list_messages(tx, None, limit=100_000):
            message = view.message
            number = view.application.external_id.rpartition("-")[2]
            if f"c{number}@example.org" not in wanted:
                continue
            for change in audit.history(tx, message.workspace_id, message.id):
                moved = {"before": change.before, "after": change.after, "reason": change.reason, "by": change.actor}
                history.note("story", message=message.id, moment=change.at.isoformat(), **moved)
            for one in attempts_of(tx, message.workspace_id, message.id):
                moments = {
                    name: moment.isoformat() if moment is not None else ""
                    for name in ("started_at", "submitted_at", "ended_at")
                    for moment in [getattr(one, name)]
                }
                history.note("attempt", message=message.id, attempt=one.id, outcome=one.outcome, why=one.why, **moments)


def counted(words: str, numbers: Mapping[str, int] | Counter[str]) -> str:
    """One line of counts, the greatest first."""
    most = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return f"{words:<22} {sum(numbers.values())}: " + ", ".join(f"{number} {name}" for name, number in most)


def verdict_line(verdict: Verdict) -> str:
    """The line that counts."""
    return (
        f"{verdict.acknowledged} acknowledged, {verdict.once} told exactly once, {len(verdict.lost)} lost, "
        f"{len(verdict.twice)} twice"
    )
