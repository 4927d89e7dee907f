"""The moments that a choice in a form means, in the workspace's time zone, and how a sentence says one.

People choose days and mornings; the flow knows only moments. All of the translation between the two is here.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.core.errors import Refused
from notifier.decide import timing

#: When held messages come back on their day.
MORNING = time(9, 0)

#: The hour that stands for "some time on that day".
NOON = time(12, 0)

#: Further back than this, a day somebody was told is a slip of the keyboard.
LONGEST_AGO = timedelta(days=366)


def morning(choice: str, zone: str, now: datetime) -> datetime | None:
    """The morning that "tomorrow" (the next working day) or "monday" means; nothing for any other choice."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if choice == "tomorrow":
        day = timing.add_working_days(today, 1)
    elif choice == "monday":
        day = today + timedelta(days=7 - today.weekday())
    else:
        return None
    return datetime.combine(day, MORNING, ZoneInfo(zone))


def told_at(day: str, zone: str, now: datetime) -> datetime | None:
    """The moment that the day ("2026-11-24") of a conversation means: its noon, or nothing (now) for today.

    Raises Refused for what is not a day, lies ahead or more than a year back.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    try:
        given = date.fromisoformat(day) if day else today
    except ValueError as fault:
        raise Refused("When were they told? Give a day, such as 2026-11-24.") from fault
    if given == today:
        return None
    if given < today - LONGEST_AGO:
        raise Refused("That is more than a year ago.")
    if given > today:
        raise Refused("They cannot have been told in the future.")
    return datetime.combine(given, NOON, ZoneInfo(zone))


def spoken(at: datetime, zone: str, now: datetime) -> str:
    """A moment within a sentence: "at 11:40" today, else "on Tuesday 24 November at 11:40"."""
    shown, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    if shown.date() == today:
        return f"at {shown:%H:%M}"
    return f"on {shown:%A} {shown.day} {shown:%B at %H:%M}"
