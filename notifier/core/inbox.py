"""The states of an inbox item: one webhook, kept as it came."""

from enum import StrEnum

from notifier.core.errors import IllegalMove


class InboxState(StrEnum):
    """received: not read yet. asking: the ATS has to be asked for what it leaves out, and why that has not been
    answered; then it is received again. planned: read and acted on. ignored: read, nothing to do, with the reason.
    quarantined: signed but not understood, with the reason; a replay makes it received again."""

    RECEIVED = "received"
    ASKING = "asking"
    PLANNED = "planned"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


MOVES: dict[InboxState, frozenset[InboxState]] = {
    InboxState.RECEIVED: frozenset(set(InboxState) - {InboxState.RECEIVED}),
    InboxState.ASKING: frozenset({InboxState.RECEIVED, InboxState.QUARANTINED}),
    InboxState.QUARANTINED: frozenset({InboxState.RECEIVED}),
    InboxState.PLANNED: frozenset(),
    InboxState.IGNORED: frozenset(),
}


def check_move(before: InboxState, after: InboxState) -> None:
    """Raise IllegalMove unless the table allows it."""
    if after not in MOVES[before]:
        raise IllegalMove("inbox item", before, after)
