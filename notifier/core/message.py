"""The states of a message, on two axes that are never mixed.

*Submission* is ours: how far we are with handing the message over. *Delivery* is theirs: what became of it afterwards.
One column for both is how a late bounce re-opens a message for sending, or a late refusal hides that it went out.
"""

from enum import StrEnum

from notifier.core.errors import IllegalMove


class Submission(StrEnum):
    """How far we are with handing the message to the provider."""

    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    ACCEPTED = "accepted"
    IN_DOUBT = "in_doubt"
    FAILED = "failed"
    HELD = "held"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """Within *sending*: claimed means that nothing can have left, submitting that it may have."""

    NONE = ""
    CLAIMED = "claimed"
    SUBMITTING = "submitting"


class Delivery(StrEnum):
    """What the mail system reported after it had taken the message."""

    NONE = "none"
    PROCESSED = "processed"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    DROPPED = "dropped"


class Purpose(StrEnum):
    """status: keeps somebody informed. outcome: discharges what an ended application owes its candidate."""

    STATUS = "status"
    OUTCOME = "outcome"


S = Submission

# To *accepted* from a state in which nothing is being sent: it was proved that an earlier attempt had been taken.
MOVES: dict[Submission, frozenset[Submission]] = {
    S.AWAITING_APPROVAL: frozenset({S.SCHEDULED, S.HELD, S.CANCELLED, S.ACCEPTED}),
    S.SCHEDULED: frozenset({S.SENDING, S.HELD, S.CANCELLED, S.FAILED, S.ACCEPTED}),
    S.HELD: frozenset({S.SCHEDULED, S.AWAITING_APPROVAL, S.CANCELLED, S.ACCEPTED}),
    S.SENDING: frozenset({S.SCHEDULED, S.ACCEPTED, S.FAILED, S.IN_DOUBT, S.CANCELLED, S.HELD}),
    S.IN_DOUBT: frozenset({S.ACCEPTED, S.SCHEDULED, S.HELD, S.CANCELLED}),
    S.FAILED: frozenset({S.SCHEDULED, S.CANCELLED, S.ACCEPTED}),
    S.ACCEPTED: frozenset(),
    S.CANCELLED: frozenset(),
}

#: Nothing has left and nothing is leaving: a superseded message in one of these dies at once.
STOPPABLE = frozenset({S.AWAITING_APPROVAL, S.SCHEDULED, S.HELD, S.FAILED})

#: On its way, and in nobody's hands yet: a person may hold it.
WAITING = frozenset({S.AWAITING_APPROVAL, S.SCHEDULED})

#: It has left, or it may have: only evidence or a person changes it now.
MAY_BE_OUT = frozenset({S.SENDING, S.IN_DOUBT, S.ACCEPTED})

#: Delivery states after which the candidate has not been told, whatever the provider accepted.
NOT_TOLD = frozenset({Delivery.BOUNCED, Delivery.DROPPED})


def check_move(before: Submission, after: Submission) -> None:
    """Raise IllegalMove unless the table allows it."""
    if after not in MOVES[before]:
        raise IllegalMove("message", before, after)
