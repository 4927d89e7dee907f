"""When something may leave, or is due: arithmetic on times, without a clock.

Every moment is an aware datetime and comes back in UTC; what a working day or an open window is depends on the
workspace's time zone, named as in the IANA database ("Europe/Berlin"). Days are counted on the calendar and turned into
moments last, so a day with 23 or 25 hours moves nothing: 10:00 stays 10:00. A local time that a clock change leaves out
is read with the offset before the change, one that happens twice is its first occurrence.

Working days are Monday to Friday. Public holidays are not known here: they differ by country, region and year, and a
holiday too few delays nothing and breaks no promise. Other working weeks are not known either.

Every function that takes a zone raises `zoneinfo.ZoneInfoNotFoundError` for one that does not exist, and ValueError for
a moment without an offset: reading it as the machine's own time would be right on one machine and wrong on the next.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.core.rule import Hold, Window

#: date.weekday() of the days that matter here.
_FRIDAY = 4
_SATURDAY = 5

_OPENS = time(9, 0)
_CLOSES = {Window.WORKING_HOURS: time(18, 0), Window.DECISION: time(17, 30)}
#: Nobody is left alone with a "no" over a weekend.
_DECISION_CLOSES_ON_FRIDAY = time(15, 0)

_ONE_DAY = timedelta(days=1)
#: The finest step that both databases keep.
_TICK = timedelta(microseconds=1)


def add_working_days(day: date, n: int) -> date:
    """The n-th working day after `day`, never a Saturday or Sunday.

    For n = 0 it is `day` itself, or the Monday after it. Raises ValueError for a negative n.
    """
    if n < 0:
        raise ValueError("working days are counted forward only")
    if n == 0:
        return day if _is_working_day(day) else add_working_days(day, 1)
    # Counting from a weekend is counting from the Friday before it: the next working day is the Monday either way.
    weekday = min(day.weekday(), _FRIDAY)
    friday_or_day = day - timedelta(days=day.weekday() - weekday)
    weeks, days = divmod(weekday + n, 5)
    return friday_or_day + timedelta(days=7 * weeks + days - weekday)


def after_hold(now: datetime, hold: Hold, zone: str) -> datetime:
    """When a hold that begins `now` has passed: its working days at the same local time, then its minutes."""
    moment = _local(now, zone)
    if hold.working_days:
        moment = _moment(add_working_days(moment.date(), hold.working_days), moment.time(), zone)
    return moment.astimezone(UTC) + timedelta(minutes=hold.minutes)


def is_open(at: datetime, window: Window, zone: str) -> bool:
    """Whether a message may leave at this moment. The closing time itself is already closed."""
    local = _local(at, zone)
    if window is Window.ANY:
        return True
    return _is_working_day(local.date()) and _OPENS <= local.time() < _closes(local.date(), window)


def next_open(at: datetime, window: Window, zone: str) -> datetime:
    """The earliest moment, not before `at`, in which the window is open."""
    if is_open(at, window, zone):
        return at.astimezone(UTC)
    day = _local(at, zone).date()
    while True:
        opening = _moment(day, _OPENS, zone)
        # Asked again because a zone may have left a whole day out (Apia, 30 December 2011).
        if opening >= at and is_open(opening, window, zone):
            return opening
        day = add_working_days(day, 1)


def due(now: datetime, hold: Hold, window: Window, zone: str, not_after: datetime | None) -> datetime:
    """When a message decided `now` leaves: after its hold, in its window.

    `not_after` is a promised or a legal date. The window never pushes a message past it; where it would, the message
    leaves as soon as its hold has passed, window or not. The hold is kept in any case: a decision that cannot be undone
    is worse than one that comes late.
    """
    held_until = after_hold(now, hold, zone)
    opening = next_open(held_until, window, zone)
    return opening if not_after is None or opening <= not_after else held_until


def promise_day(from_: datetime, working_days: int, zone: str) -> date:
    """The day by which a message sent at `from_` lets the candidate expect the next one."""
    return add_working_days(_local(from_, zone).date(), working_days)


def end_of_day(day: date, zone: str) -> datetime:
    """The last moment, to the microsecond, of a day in a zone: a promise for this day is kept until then."""
    return _moment(day + _ONE_DAY, time.min, zone) - _TICK


def _is_working_day(day: date) -> bool:
    return day.weekday() < _SATURDAY


def _closes(day: date, window: Window) -> time:
    if window is Window.DECISION and day.weekday() == _FRIDAY:
        return _DECISION_CLOSES_ON_FRIDAY
    return _CLOSES[window]


def _local(at: datetime, zone: str) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("a moment without an offset: give an aware datetime")
    return at.astimezone(ZoneInfo(zone))


def _moment(day: date, local_time: time, zone: str) -> datetime:
    """The moment in UTC of a local time; `fold` 0 whatever time of day it is taken from (see the module)."""
    return datetime.combine(day, local_time.replace(fold=0), ZoneInfo(zone)).astimezone(UTC)
