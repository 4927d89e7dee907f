"""Where an application stands, and what one more stage change makes of it.

Webhooks arrive late, twice and in any order, so the law is simple: the newest (time, sequence, event key) wins, and the
version counts up whenever the candidate's situation really changed. Everything else is a named silence. One fact is
exempt from "newest wins": that the candidate was interviewed stays true whatever arrives later, because it decides how
a "no" must be said.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from notifier.core.change import StageChange
from notifier.core.stage import OUTCOME_OF_KIND, TALKED_TO, Outcome, StageKind

#: (time by the ATS, tie-break by the ATS or by meaning, event key): total and the same on every machine.
Order = tuple[datetime, int, str]

#: No ATS webhook tells of a time before this; such a date is a fault of a clock or of a migration.
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)

#: How far ahead of us an ATS's clock may be.
CLOCK_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Standing:
    """What we believe about one application.

    `version` counts the changes the candidate would notice; `outcome_version` is the version at which the present
    outcome began (0 while there is none). `stage` is the ATS's id of the stage.
    """

    order: Order
    version: int
    stage: str
    kind: StageKind
    outcome: Outcome
    outcome_version: int
    interviewed: bool


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


def advance(before: Standing | None, change: StageChange, kind: StageKind, event_key: str) -> Advance:
    """Apply `change`, whose stage means `kind`, to `before` (`None`: the application is new to us)."""
    order: Order = (change.occurred_at, change.sequence, event_key)
    interviewed = kind in TALKED_TO or (before is not None and before.interviewed)
    outcome = outcome_of(change, kind)
    if before is None:
        stage = change.stage.external_id if change.stage else ""
        return Advance(Standing(order, 1, stage, kind, outcome, int(outcome is not Outcome.NONE), interviewed))
    if order <= before.order:
        return Advance(replace(before, interviewed=interviewed), "stale")
    stage = change.stage.external_id if change.stage else before.stage
    if (stage, kind, outcome) == (before.stage, before.kind, before.outcome):
        return Advance(replace(before, order=order, interviewed=interviewed), "unchanged")
    version = before.version + 1
    outcome_version = 0
    if outcome is not Outcome.NONE:
        outcome_version = before.outcome_version if outcome is before.outcome else version
    return Advance(Standing(order, version, stage, kind, outcome, outcome_version, interviewed))
