"""Where an application stands, and what one more stage change makes of it.

Webhooks arrive late, twice and in any order, so the law is simple: the newest (time, sequence, tie-break) wins, and the
version counts up whenever the candidate's situation really changed. Everything else is a named silence.

Two facts have an order of their own. An event may say nothing of the stage (a hire, a withdrawal), so the stage is that
of the newest event which names one, even if it arrives late. And that the candidate was interviewed stays true whatever
arrives later, because it decides how a "no" must be said.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from notifier.core.change import StageChange
from notifier.core.stage import OUTCOME_OF_KIND, TALKED_TO, Outcome, StageKind

#: (time by the ATS, tie-break by the ATS or by meaning, digest of the body): total and the same on every machine.
Order = tuple[datetime, int, str]

#: No ATS webhook tells of a time before this; such a date is a fault of a clock or of a migration.
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)

#: The order of a stage nobody has named yet.
NEVER: Order = (datetime(1970, 1, 1, tzinfo=UTC), 0, "")

#: How far ahead of us an ATS's clock may be.
CLOCK_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Standing:
    """What we believe about one application.

    `version` counts the changes the candidate would notice; `outcome_version` is the version at which the present
    outcome began (0 while there is none). `stage` is the ATS's id of the stage, told at `stage_order`.
    """

    order: Order
    version: int
    stage: str
    kind: StageKind
    outcome: Outcome
    outcome_version: int
    interviewed: bool
    stage_order: Order


@dataclass(frozen=True, slots=True)
class Advance:
    """The new standing, and why nothing follows if nothing does (`silence`: stale, unchanged; empty: it moved)."""

    after: Standing
    silence: str = ""


def implausible(occurred_at: datetime, received_at: datetime) -> bool:
    """Whether the ATS's time cannot be true, so that it must not order anything."""
    return occurred_at < EARLIEST or occurred_at > received_at + CLOCK_AHEAD


def outcome_of(change: StageChange, kind: StageKind) -> Outcome:
    """The outcome a change means: what the ATS says; a stage that is an ending wins over "still active"."""
    by_kind = OUTCOME_OF_KIND.get(kind, Outcome.NONE)
    if change.outcome is None or change.outcome is Outcome.NONE:
        return by_kind
    return change.outcome


def advance(before: Standing | None, change: StageChange, kind: StageKind, tie_break: str) -> Advance:
    """Apply `change`, whose stage (if it names one) means `kind`, to `before` (`None`: new to us)."""
    order: Order = (change.occurred_at, change.sequence, tie_break)
    if change.stage is None:
        kind = before.kind if before is not None else StageKind.UNMAPPED
    interviewed = kind in TALKED_TO or (before is not None and before.interviewed)
    outcome = outcome_of(change, kind)
    if before is None:
        stage, stage_order = (change.stage.external_id, order) if change.stage else ("", NEVER)
        first = Standing(order, 1, stage, kind, outcome, int(outcome is not Outcome.NONE), interviewed, stage_order)
        return Advance(first)
    now_known = replace(before, interviewed=interviewed)
    if change.stage is not None and order > before.stage_order:
        now_known = replace(now_known, stage=change.stage.external_id, kind=kind, stage_order=order)
    if order <= before.order:
        return Advance(now_known, "stale")
    after = replace(now_known, order=order, outcome=outcome)
    if (after.stage, after.kind, after.outcome) == (before.stage, before.kind, before.outcome):
        return Advance(after, "unchanged")
    version = before.version + 1
    outcome_version = 0
    if outcome is not Outcome.NONE:
        outcome_version = before.outcome_version if outcome is before.outcome else version
    return Advance(replace(after, version=version, outcome_version=outcome_version))
