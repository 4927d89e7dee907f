"""What becomes of a message in doubt that no report has settled.

Silence proves something only while the feed speaks: a report about a mail that was handed over later shows that a
report about this one would have come. Then it probably was not sent, and what follows depends on what it says. A mail
that only informs goes out once more by itself; a "no" or an offer twice is worse than late, so a person decides.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from notifier.core.message import Purpose
from notifier.core.rule import Mode

#: No verdict before this: longer than a lease, a call and the provider's delay with reports together.
HORIZON = timedelta(minutes=60)

#: After this nothing is sent again by itself: the provider repeats its reports for a day, so silence says no more.
LATEST = timedelta(hours=24)


class Verdict(StrEnum):
    """wait: too early, or the feed is silent. drop: its reason has gone. again: once more. person: somebody decides."""

    WAIT = "wait"
    DROP = "drop"
    AGAIN = "again"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Doubt:
    """`age` is the time since the attempt was handed over; `feed_alive`: a report came about something handed over
    later; `current`: the application still stands where it stood; `times` is how often it was sent again before."""

    age: timedelta
    feed_alive: bool
    current: bool
    harmless: bool
    times: int


def harmless(purpose: Purpose, mode: Mode) -> bool:
    """Whether getting it twice would hurt nobody: it only informs, and no rule asks a person to look at it."""
    return purpose is Purpose.STATUS and mode is Mode.AUTO


def verdict(doubt: Doubt) -> Verdict:
    """What to do now."""
    if doubt.age < HORIZON:
        return Verdict.WAIT
    if not doubt.current:
        return Verdict.DROP  # whether it left or not, it is not sent any more
    if not doubt.feed_alive:
        return Verdict.WAIT
    if doubt.harmless and doubt.times == 0 and doubt.age < LATEST:
        return Verdict.AGAIN
    return Verdict.PERSON
