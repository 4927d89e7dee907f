"""Working days and the ends of days, which are all that a promise is made of."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.core.rule import Hold, Window
from notifier.decide.timing import (
    add_working_days,
    end_of_day,
    promise_day,
)

BERLIN = "Europe/Berlin"
# A change of an hour in spring and autumn, the other way round in the south by half an hour, at midnight, on a Friday,
# a skipped day, a quarter of an hour, and none.
ZONES = (
    BERLIN,
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
)

zones = st.sampled_from(ZONES)
windows = st.sampled_from(Window)
days = st.dates(date(2000, 1, 1), date(2040, 12, 31))
moments = st.timedeltas(timedelta(0), timedelta(days=15_000)).map(
    lambda passed: datetime(2000, 1, 1, tzinfo=UTC) + passed
)
holds = st.builds(Hold, minutes=st.integers(0, 10_000), working_days=st.integers(0, 30))


def at(text: str, zone: str = BERLIN) -> datetime:
    """A local time, as people write it, as a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "n", "expected"),
    [
        ("2026-11-23", 0, "2026-11-23"),  # Monday
        ("2026-11-23", 1, "2026-11-24"),
        ("2026-11-23", 5, "2026-11-30"),
        ("2026-11-27", 1, "2026-11-30"),  # Friday
        ("2026-11-27", 6, "2026-12-07"),
        ("2026-11-28", 0, "2026-11-30"),  # Saturday
        ("2026-11-28", 1, "2026-11-30"),
        ("2026-11-29", 1, "2026-11-30"),  # Sunday
        ("2026-11-29", 5, "2026-12-04"),
    ],
)
def test_working_days_skip_the_weekend(day: str, n: int, expected: str) -> None:
    assert add_working_days(date.fromisoformat(day), n) == date.fromisoformat(expected)


def test_working_days_are_not_counted_backwards() -> None:
    with pytest.raises(ValueError, match="forward"):
        add_working_days(date(2026, 11, 23), -1)


@given(days, st.integers(0, 400))
def test_the_result_is_never_on_a_weekend_and_never_earlier(day: date, n: int) -> None:
    result = add_working_days(day, n)

    assert result.weekday() < 5
    assert result >= day


@given(days, st.integers(1, 60))
def test_exactly_n_working_days_lie_between(day: date, n: int) -> None:
    result = add_working_days(day, n)

    passed = [day + timedelta(days=step) for step in range(1, (result - day).days + 1)]
    assert sum(one.weekday() < 5 for one in passed) == n


@given(days, days, st.integers(0, 60), st.integers(0, 60))
def test_a_later_day_or_more_days_never_ends_earlier(one: date, other: date, n: int, more: int) -> None:
    assert add_working_days(min(one, other), n) <= add_working_days(max(one, other), n + more)


def test_a_promise_counts_from_the_local_day() -> None:
    late_on_thursday = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)  # already Friday in Berlin

    assert promise_day(late_on_thursday, 1, "UTC") == date(2026, 11, 27)
    assert promise_day(late_on_thursday, 1, BERLIN) == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        ("2026-03-29", BERLIN, "2026-03-29T21:59:59.999999"),  # 23 hours
        ("2026-10-25", BERLIN, "2026-10-25T22:59:59.999999"),  # 25 hours
        ("2026-11-01", "America/New_York", "2026-11-02T04:59:59.999999"),
        ("2026-10-04", "Australia/Lord_Howe", "2026-10-04T12:59:59.999999"),
        ("2026-04-05", "Australia/Lord_Howe", "2026-04-05T13:29:59.999999"),
        ("2026-04-23", "Africa/Cairo", "2026-04-23T21:59:59.999999"),  # the next day begins at 01:00
        ("2026-10-29", "Africa/Cairo", "2026-10-29T21:59:59.999999"),  # its last hour happens twice
    ],
)
def test_the_end_of_a_day_is_the_last_moment_before_the_next(day: str, zone: str, expected: str) -> None:
    assert end_of_day(date.fromisoformat(day), zone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(days.filter(lambda day: day != date(2011, 12, 30)), zones)
def test_the_end_of_a_day_is_on_that_day_and_the_next_tick_is_not(day: date, zone: str) -> None:
    end = end_of_day(day, zone)

    assert end.astimezone(ZoneInfo(zone)).date() == day
    assert (end + timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() > day
