"""The ledger: is every application with an outcome told, or open on somebody's list? Counted and checked in SQL.

L1 exactly one live item per outcome. L2 nothing pending for a superseded version. L3 at most one accepted attempt per
message. L4 accepted means an attempt that says so. L5 no kept item stays unread while a worker lives.
L8 nothing is *sending* longer than its lease and one relay period. L9 nothing due stays unclaimed while a worker lives.
L11 every message's state is the one its audit trail ends with.

It is cheap enough to be read every minute, whatever the history:

- The laws are checked over what is in hand and what changed within `WINDOW`; a *full* reading checks everything. What
  a quick one cannot see stands in `store.laws`. A full one every night and quick ones all day miss nothing.
- The counts are exact. What is in hand is counted row by row, and whatever remains of the outcomes has been told: that
  is law L1, which is checked beside it. Only the totals of applications and webhooks look at the whole history, and
  these are one pass over one narrow index each. Totals kept up by every writer would need no pass, but a row that all
  writers change is a queue in which all of them wait, and totals that drifted would be believed.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

import sqlalchemy as sa

from notifier.core.inbox import InboxState
from notifier.core.message import Submission
from notifier.core.stage import Outcome
from notifier.store.applications import Application
from notifier.store.database import Tx
from notifier.store.inbox import InboxItem
from notifier.store.laws import LAWS, UNSETTLED, batches, each_of, in_hand, of_all, touched, within
from notifier.store.messages import Message
from notifier.store.views import CARRIER

#: How far back a quick reading looks at what is settled: a full one every night, and one of them may be missed.
WINDOW = timedelta(days=2)

#: How many examples of one broken law are named.
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Violation:
    """A law and the id of what breaks it."""

    law: str
    subject: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counts, and what breaks a law. `inbox` counts every item kept; `received` those not read yet, and
    `asking` those that wait for what their ATS has to say."""

    applications: int
    outcomes: int
    told: int
    pending: int
    held: int
    in_doubt: int
    open: int
    inbox: int
    received: int
    asking: int
    planned: int
    ignored: int
    quarantined: int
    violations: tuple[Violation, ...]

    def as_dict(self) -> dict[str, object]:
        """As the command line prints it."""
        return asdict(self) | {"violations": [asdict(violation) for violation in self.violations]}


def read_ledger(tx: Tx, workspace_id: str | None = None, *, full: bool = False) -> Ledger:
    """Count and check, for one workspace or for all; `full` checks the whole history and takes its time."""
    if tx.session.get_bind().dialect.name == "postgresql":
        # Compiling these queries takes longer than running them; and nobody waits for a full check.
        tx.session.execute(sa.text("SET LOCAL jit = off"))
        if full:
            tx.session.execute(sa.text("SET LOCAL statement_timeout = 0"))
    return Ledger(**count(tx, workspace_id), violations=check(tx, workspace_id, full=full))


def check(tx: Tx, workspace_id: str | None = None, *, full: bool = False) -> tuple[Violation, ...]:
    """What breaks a law, in the order of the laws, up to `EXAMPLES` of each."""
    found: dict[str, list[str]] = {law: [] for law in LAWS}
    for law, query in _queries(tx, workspace_id, full=full):
        if missing := EXAMPLES - len(found[law]):
            found[law] += tx.session.scalars(query.limit(missing))
    return tuple(Violation(law, subject) for law, subjects in found.items() for subject in subjects)


def _queries(tx: Tx, workspace_id: str | None, *, full: bool) -> Iterator[tuple[str, sa.Select[str]]]:
    yield from in_hand(tx, workspace_id).items()
    if full:
        yield from of_all(workspace_id).items()
    else:
        for batch in batches(touched(tx, workspace_id, tx.now - WINDOW)):
            yield from of_all(workspace_id, batch).items()


def count(tx: Tx, workspace_id: str | None = None) -> dict[str, int]:
    """Every count of the ledger, by its name. All in one statement, so that they are of one moment."""
    queries = _webhooks(workspace_id) | _outcomes(workspace_id)
    columns = [query.scalar_subquery().label(name) for name, query in queries.items()]
    found: dict[str, int] = dict(tx.session.execute(sa.select(*columns)).mappings().one())
    found["outcomes"] = found["applications"] - found.pop("under_way")
    found["open"] += found.pop("failed")
    found["told"] = found["outcomes"] - sum(found[name] for name in ("pending", "held", "in_doubt", "open"))
    found["planned"] = found["inbox"] - sum(found[name] for name in ("received", "asking", "ignored", "quarantined"))
    return found


def _webhooks(workspace_id: str | None) -> dict[str, sa.Select[int]]:
    everything = sa.select(sa.func.count()).select_from(InboxItem).where(*within(InboxItem, workspace_id))
    apart = (InboxState.RECEIVED, InboxState.ASKING, InboxState.IGNORED, InboxState.QUARANTINED)
    return {"inbox": everything} | {state.value: everything.where(InboxItem.state == state) for state in apart}


def _outcomes(workspace_id: str | None) -> dict[str, sa.Select[int]]:
    applications = sa.select(sa.func.count()).select_from(Application)
    carried = sa.select(sa.func.count()).select_from(Message).join(Application, CARRIER)
    carried = carried.where(Application.outcome != Outcome.NONE, *within(Message, workspace_id))
    by_hand = sa.and_(Application.told_at.is_not(None), Application.told_how != "email")
    uncarried = ~sa.exists().where(CARRIER).correlate(Application)
    waiting = (Submission.AWAITING_APPROVAL, Submission.SCHEDULED, Submission.SENDING)
    return {
        "applications": applications.where(*within(Application, workspace_id)),
        "under_way": applications.where(each_of(Application, workspace_id), Application.outcome == Outcome.NONE),
        "pending": carried.where(Message.state.in_(waiting)),
        "held": carried.where(Message.state == Submission.HELD),
        "in_doubt": carried.where(Message.state == Submission.IN_DOUBT),
        "failed": carried.where(Message.state == Submission.FAILED),
        "open": applications.where(UNSETTLED, each_of(Application, workspace_id), ~by_hand, uncarried),
    }
